"""Labels and weights in other formats: the answer of the same numbers in the usual one, or a clear error (IO-6)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import ask, ask_with, digest, same_bits
from logitproof_conformance.judging.judging import CellEvaluation, judgement
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.judging.second_answer import SecondAnswer, judge_as_good
from logitproof_conformance.plan.bad_inputs import (
    DISTRIBUTION_FORMATS,
    LABEL_FORMATS,
    NARROW_FORMATS,
    WEIGHT_FORMATS,
)
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs
    from logitproof_reference.vocabulary.judgement import Judgement

ENOUGH_CLASSES = 129
"""More classes than int8 counts, with labels that it holds: whoever counts in the labels' format goes wrong."""


def judge_label_format(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with class indices in int64 and in the format of the check; the bits must be the same (IO-6)."""
    narrow = np.dtype(LABEL_FORMATS[case.regime])
    yield from _judge_narrowed(evaluation, case, _with_small_labels(_narrowest_batch(evaluation), narrow), narrow)


def _judge_narrowed(
    evaluation: CellEvaluation, case: Case, batch: Batch, narrow: np.dtype[np.integer]
) -> Iterator[Judgement]:
    """Compare the answer to labels in a narrow format with that to the same labels in int64."""
    inputs = arrange(case.cell, batch.rows)
    narrowed = replace(inputs, labels=batch.rows.indices.astype(narrow))
    answer = ask_with(evaluation.adapter, case.cell, narrowed, batch)
    if answer.failure:
        yield judgement(case, "IO-6", "conforms", reason=answer.failure)
        return
    wide = ask(evaluation.adapter, case.cell, batch)
    if (failed := first_failure(case, "IO-6", (wide, answer))) is not None:
        yield failed
        return
    changed = ~same_bits(wide.array, answer.array).reshape(len(wide.array), -1).all(axis=1)
    found = replace(judgement(case, "IO-6", "conforms"), elements=answer.array.size, digest=digest(answer.array))
    yield _described(evaluation, found, batch, narrow, int(np.argmax(changed))) if changed.any() else found


def judge_narrow_ignored_labels(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with an ignored index in the narrowest format that holds it; the bits are those of int64 (IO-6)."""
    assert case.cell.options.ignore_index is not None
    narrow, batch = np.dtype(NARROW_FORMATS[case.cell.options.ignore_index]), evaluation.batch_with("typical")
    yield from _judge_narrowed(evaluation, case, batch, narrow)


def _narrowest_batch(evaluation: CellEvaluation) -> Batch:
    """Return the narrowest batch with enough classes; the common one where none is asked."""
    wide = [batch for batch in evaluation.batches if batch.classes >= ENOUGH_CLASSES]
    return min(wide, key=lambda batch: batch.classes, default=evaluation.common_batch)


def _with_small_labels(batch: Batch, narrow: np.dtype[np.integer]) -> Batch:
    """Return the batch with the labels that the format holds, its largest among them."""
    largest = min(int(np.iinfo(narrow).max), batch.classes - 1)
    indices = largest - batch.rows.indices % (largest + 1)
    return replace(batch, rows=replace(batch.rows, indices=indices))


def _described(
    evaluation: CellEvaluation, found: Judgement, batch: Batch, narrow: np.dtype[np.integer], row: int
) -> Judgement:
    """Describe which row got another answer, with its label in the narrow format."""
    inputs = arrange(evaluation.cell, batch.rows[row : row + 1])
    narrowed = replace(inputs, labels=batch.rows.indices[row : row + 1].astype(narrow))
    reason = f"label {batch.rows.indices[row]} in {narrow} has a different result than in int64, row {row}"
    repro = evaluation.adapter.repro(evaluation.cell, narrowed)
    return replace(found, verdict="deviates", reason=reason, row=row, repro=repro)


def judge_distribution_format(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with distributions in the logits' format and in another one, which must be as accurate."""
    cell, other = case.cell, FORMATS[DISTRIBUTION_FORMATS[case.regime]]
    batch = _with_labels_of(evaluation.common_batch, other.dtype)
    answer = ask_with(evaluation.adapter, cell, _labelled_in(cell, other.dtype, batch.rows), batch)
    if answer.failure:
        yield judgement(case, "IO-6", "conforms", reason=answer.failure)
        return
    plain = ask(evaluation.adapter, cell, batch)
    if (failed := first_failure(case, "IO-6", (plain, answer))) is not None:
        yield failed
        return
    truth = evaluation.truth(batch)
    first, second = (ComparedBatch(cell, batch, one.array, truth) for one in (plain, answer))
    says = f"with labels in {other.name} beside logits in {cell.format}"
    asked = SecondAnswer("IO-6", says, first, second, cell, partial(_labelled_in, cell, other.dtype))
    yield judge_as_good(evaluation.adapter, case, asked)


def judge_weight_format(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with class weights in the logits' format and in another one, which must be as accurate."""
    cell, other = case.cell, FORMATS[WEIGHT_FORMATS[case.regime]]
    batch = evaluation.batch_with("typical")
    answer = ask_with(evaluation.adapter, cell, _weighted_in(cell, other.dtype, batch.rows), batch)
    if answer.failure:
        yield judgement(case, "IO-6", "conforms", reason=answer.failure)
        return
    plain = evaluation.answer(batch)
    if (failed := first_failure(case, "IO-6", (plain, answer))) is not None:
        yield failed
        return
    truth = evaluation.truth(batch)
    first, second = (ComparedBatch(cell, batch, one.array, truth) for one in (plain, answer))
    says = f"with class weights in {other.name} beside logits in {cell.format}"
    asked = SecondAnswer("IO-6", says, first, second, cell, partial(_weighted_in, cell, other.dtype))
    yield judge_as_good(evaluation.adapter, case, asked)


def _weighted_in(cell: Cell, format_: DTypeLike, rows: Rows) -> Inputs:
    """Lay rows out with their class weights, which every format holds, in a format of their own."""
    inputs = arrange(cell, rows)
    assert inputs.weight is not None
    return replace(inputs, weight=inputs.weight.astype(format_))


def _with_labels_of(batch: Batch, narrow: DTypeLike) -> Batch:
    """Return the batch with labels that both formats hold: rounded to the other one and back."""
    held = batch.rows.distributions
    rounded = held.astype(narrow).astype(held.dtype)
    if np.array_equal(rounded, held):
        return batch
    return replace(batch, rows=replace(batch.rows, distributions=rounded))


def _labelled_in(cell: Cell, format_: DTypeLike, rows: Rows) -> Inputs:
    """Lay rows out with their labels in a format of their own."""
    inputs = arrange(cell, rows)
    return replace(inputs, labels=rows.distributions.astype(format_))
