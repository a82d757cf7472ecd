"""Rows that are slices of wider ones, as logits cut to their vocabulary are: answered as well as packed ones (IO-5)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from logitproof_conformance.as_good import SecondAnswer, judge_as_good
from logitproof_conformance.ask import ask_with
from logitproof_conformance.layout import arrange, padded
from logitproof_conformance.related import first_failure
from logitproof_conformance.rules import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case
    from logitproof_reference.cells import Cell, Inputs
    from logitproof_reference.judgements import Judgement
    from logitproof_reference.rows import Rows

CLAUSE = "IO-5"


def judge_padded_rows(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Ask with neighbouring classes side by side and rows apart: who takes one stride for both misreads them (IO-5)."""
    cell, batch = case.cell, evaluation.common_batch
    answer = ask_with(evaluation.adapter, cell, _apart(cell, batch.rows), batch)
    if (failed := first_failure(case, CLAUSE, (evaluation.answer(batch), answer))) is not None:
        yield failed
        return
    first = evaluation.seen(batch)
    second = Seen(cell, batch, answer.array, first.truth)
    asked = SecondAnswer(CLAUSE, "with rows cut from wider ones", first, second, cell, partial(_apart, cell))
    yield judge_as_good(evaluation.adapter, case, asked)


def _apart(cell: Cell, rows: Rows) -> Inputs:
    inputs = arrange(cell, rows)
    cut: dict[str, Any] = {name: padded(array) for name, array in inputs.arrays().items() if array.ndim > 1}
    return replace(inputs, **cut)
