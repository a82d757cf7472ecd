"""Rows that are slices of wider ones, such as logits cut to their vocabulary: as accurate as packed ones (IO-5)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from logitproof_conformance.asking.ask import ask_with
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.judging.second_answer import SecondAnswer, judge_as_good
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.cases.memory_layouts import first_classes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs
    from logitproof_reference.vocabulary.judgement import Judgement

CLAUSE = "IO-5"


def judge_padded_rows(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with contiguous classes and gaps between rows: code that uses one stride for both fails (IO-5)."""
    cell, batch = case.cell, evaluation.common_batch
    answer = ask_with(evaluation.adapter, cell, _apart(cell, batch.rows), batch)
    if (failed := first_failure(case, CLAUSE, (evaluation.answer(batch), answer))) is not None:
        yield failed
        return
    first = evaluation.seen(batch)
    second = ComparedBatch(cell, batch, answer.array, first.truth)
    asked = SecondAnswer(CLAUSE, "with rows cut from wider ones", first, second, cell, partial(_apart, cell))
    yield judge_as_good(evaluation.adapter, case, asked)


def _apart(cell: Cell, rows: Rows) -> Inputs:
    inputs = arrange(cell, rows)
    cut: dict[str, Any] = {name: first_classes(array) for name, array in inputs.arrays().items() if array.ndim > 1}
    return replace(inputs, **cut)
