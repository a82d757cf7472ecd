"""A second backward pass through one forward graph: the gradient is as accurate as the first (IO-7)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from logitproof_adapters.contract import keeps_graph
from logitproof_conformance.asking.ask import ask
from logitproof_conformance.judging.judging import CellEvaluation, judgement
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.judging.second_answer import SecondAnswer, judge_as_good
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.vocabulary.ops import SECOND_GRADIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement

CLAUSE = "IO-7"


def judge_second_backward(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Run the backward pass twice: if the first gradient is within its bound, the second one is too (IO-7)."""
    if not keeps_graph(evaluation.adapter):
        yield judgement(case, CLAUSE, "unsupported", reason="the adapter makes one backward pass only")
        return
    again, batch = replace(case.cell, quantity=SECOND_GRADIENT), evaluation.common_batch
    answer = ask(evaluation.adapter, again, batch)
    if answer.failure:  # the graph is gone, and the framework says so
        yield judgement(case, CLAUSE, "conforms", reason=answer.failure)
        return
    if (failed := first_failure(case, CLAUSE, (evaluation.answer(batch), answer))) is not None:
        yield failed
        return
    first = evaluation.seen(batch)
    second = ComparedBatch(case.cell, batch, answer.array, first.truth)
    asked = SecondAnswer(CLAUSE, "in a second backward pass", first, second, again, partial(arrange, again))
    yield judge_as_good(evaluation.adapter, case, asked)
