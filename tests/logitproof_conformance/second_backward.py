"""A second backward pass through the graph of one forward pass: the gradient is as good as the first (IO-7)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import keeps_graph
from logitproof_conformance.evaluation import ask, digest
from logitproof_conformance.judging import CellEvaluation, judgement, rows_to_show, spell, verdict_on
from logitproof_conformance.layout import arrange
from logitproof_conformance.related import first_failure
from logitproof_conformance.rules import Seen
from logitproof_reference.cells import SECOND_GRADIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_conformance.plan import Case
    from logitproof_reference.cells import Cell
    from logitproof_reference.judgements import Judgement

CLAUSE = "IO-7"


def judge_second_backward(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Go backward twice: where the first gradient is within its bound, the second one is (IO-7)."""
    if not keeps_graph(evaluation.adapter):
        yield judgement(case, CLAUSE, "unsupported", reason="the adapter goes backward once")
        return
    again, batch = replace(case.cell, quantity=SECOND_GRADIENT), evaluation.common_batch
    answer = ask(evaluation.adapter, again, batch)
    if (failed := first_failure(case, CLAUSE, (evaluation.answer(batch), answer))) is not None:
        yield failed
        return
    first = evaluation.seen(batch)
    second = Seen(case.cell, batch, answer.array, first.truth)
    lost = first.must.conforms & ~second.must.conforms
    found = replace(
        judgement(case, CLAUSE, verdict_on(CLAUSE, good=not lost.any())),
        elements=answer.array.size,
        digest=digest(answer.array),
    )
    yield _described(evaluation, found, second, again, int(np.argmax(lost.any(axis=1)))) if lost.any() else found


def _described(evaluation: CellEvaluation, found: Judgement, second: Seen, again: Cell, row: int) -> Judgement:
    """Say what became of the first row whose gradient was within its bound once."""
    element = int(np.argmax(second.must.slack[row]))
    regime, number = second.batch.locate(row)
    inputs = arrange(again, rows_to_show(again, second.batch, row))
    before, after = (float(a[row, element]) for a in (evaluation.answer(second.batch).array, second.observed))
    return replace(
        found,
        reason=f"row {number} of {regime}: the first backward pass gives {before:.9g}, the second {after:.9g}",
        slack=float(second.must.slack[row, element]),
        row=number,
        element=element,
        exact=before.hex(),
        observed=after.hex(),
        inputs=spell(inputs.arrays()),
        repro=evaluation.adapter.repro(again, inputs),
    )
