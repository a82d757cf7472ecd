"""Rows with more axes, and with other strides: as accurate as in the batch they come from (IO-5)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import ask_with
from logitproof_conformance.asking.truth import some_rows
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.judging.second_answer import SecondAnswer, judge_as_good
from logitproof_conformance.plan.further_layouts import FURTHER_LAYOUTS, ROWS_OF_ONE_DIMENSION
from logitproof_conformance.plan.layout import arrange
from logitproof_conformance.plan.spellings import EVERY_AXIS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from logitproof_conformance.asking.ask import Answer
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs
    from logitproof_reference.vocabulary.judgement import Judgement

CLAUSE = "IO-5"


def judge_further_layout(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate some rows of the common batch in another layout: they must be as accurate as in the batch (IO-5)."""
    cell, common, layout = case.cell, evaluation.common_batch, FURTHER_LAYOUTS[case.regime]
    chosen = layout.chosen(len(common.rows))
    batch = _some_rows(common, chosen)

    def restored(cell: Cell, answer: NDArray[Any], batch: Batch) -> NDArray[Any]:
        return layout.restore(cell, answer, len(batch.rows), batch.classes)

    whole = evaluation.answer(common)
    answer = ask_with(evaluation.adapter, cell, layout.arrange(cell, batch.rows), batch, restored)
    if (failed := first_failure(case, CLAUSE, (whole, answer))) is not None:
        yield failed
        return
    truth = some_rows(evaluation.truth(common), chosen)
    first, second = (ComparedBatch(cell, batch, found, truth) for found in (whole.array[chosen], answer.array))
    yield judge_as_good(
        evaluation.adapter, case, SecondAnswer(CLAUSE, layout.says, first, second, cell, partial(layout.arrange, cell))
    )


def judge_one_dimension(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate rows one by one, without a batch or an axis: they must be as accurate as in the batch (IO-5)."""
    by_default = case.regime == EVERY_AXIS
    cell, common = replace(case.cell, entry=EVERY_AXIS if by_default else case.cell.entry), evaluation.common_batch
    chosen = np.array(sorted(common.slices[name].start for name in ROWS_OF_ONE_DIMENSION if name in common.slices))
    batch = _some_rows(common, chosen)
    whole = evaluation.answer(common)
    answers = [_asked_alone(evaluation, cell, batch, row) for row in range(len(chosen))]
    if (failed := first_failure(case, CLAUSE, (whole, *answers))) is not None:
        yield failed
        return
    truth = some_rows(evaluation.truth(common), chosen)
    alone = np.stack([answer.array for answer in answers])
    first, second = (ComparedBatch(cell, batch, found, truth) for found in (whole.array[chosen], alone))
    says = "as logits of one axis, which the call does not name" if by_default else "as logits of one axis"
    asked = SecondAnswer(CLAUSE, says, first, second, cell, partial(_without_batch, cell))
    yield judge_as_good(evaluation.adapter, case, asked)


def _asked_alone(evaluation: CellEvaluation, cell: Cell, batch: Batch, row: int) -> Answer:
    rows = batch.rows[row : row + 1]
    due = (batch.classes,) if cell.has_class_axis else ()

    def restored(_cell: Cell, answer: NDArray[Any], _batch: Batch) -> NDArray[Any]:
        if answer.shape != due:
            raise ValueError(f"the result has shape {answer.shape}, expected {due}")
        return answer

    return ask_with(evaluation.adapter, cell, _without_batch(cell, rows), replace(batch, rows=rows), restored)


def _without_batch(cell: Cell, rows: Rows) -> Inputs:
    """Return the first of the rows as vectors of its classes, and numbers."""
    inputs = arrange(cell, rows[:1])
    return replace(inputs, axis=0, **{name: np.array(array[0]) for name, array in inputs.arrays().items()})


def _some_rows(batch: Batch, chosen: NDArray[np.intp]) -> Batch:
    """Return these rows of a batch, which are in its order; regimes without any are left out."""
    bounds = {name: np.searchsorted(chosen, (part.start, part.stop)).tolist() for name, part in batch.slices.items()}
    slices = {name: slice(start, stop) for name, (start, stop) in bounds.items() if start < stop}
    return replace(batch, rows=batch.rows[chosen], slices=slices)
