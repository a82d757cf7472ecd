"""How bad inputs are handled: an error, NaN in the affected row, or what the framework documents (ERR-1 to ERR-4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import broadcast_labels, floating_indices, ignored_labels
from logitproof_conformance.asking.ask import Answer, ask, ask_with, digest
from logitproof_conformance.checks.modes import judge_kept_refusal
from logitproof_conformance.judging.judging import CellEvaluation, failure, judgement, spell, verdict_on
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.plan.bad_inputs import BAD_LABELS, INVALID_ARGUMENTS
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.vocabulary.cells import PLAIN
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Inputs
    from logitproof_reference.vocabulary.judgement import Judgement

    Mask = NDArray[np.bool_]

FEW = 4
"""Rows where a new shape is asked for anyway."""


def judge_bad_label(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Put one label out of range among good ones: its row raises or is NaN, the others stay as they were (ERR-1)."""
    batch = evaluation.common_batch
    if (failed := failure(case, evaluation.answer(batch), "ERR-1")) is not None:
        yield failed
        return
    row, label = batch.slices["typical"].start + 1, BAD_LABELS[case.regime](batch.classes)
    indices = batch.rows.indices.copy()
    indices[row] = label
    asked = replace(batch, rows=replace(batch.rows, indices=indices))
    answer = ask(evaluation.adapter, case.cell, asked)
    if answer.observed is None:
        yield _refused(case, "ERR-1", answer)
        return
    spoiled = _spoiled_rows(evaluation, answer.observed)
    spoiled[row] = False
    fault = _fault_of_label(evaluation, label, answer.observed[row])
    shown = np.array([row])
    if not fault and spoiled.any():
        neighbour = int(np.argmax(spoiled))
        shown = np.array([row, neighbour])
        fault = (
            f"label {label} in row {row} changes the results of {int(spoiled.sum())} other rows, first row {neighbour}"
        )
    yield _found(evaluation, case, "ERR-1", answer, fault, inputs=arrange(case.cell, asked.rows[shown]))


def _fault_of_label(evaluation: CellEvaluation, label: int, observed: NDArray[Any]) -> str:
    """Describe what is wrong with a bad label's own row; empty if it is NaN, or 0 if documented as ignored."""
    numbers = np.atleast_1d(observed).astype(np.float64)
    if label in ignored_labels(evaluation.adapter):
        return "" if (numbers == 0).all() else f"label {label}, documented as ignored, has a loss other than 0"
    if np.isnan(numbers).all():
        return ""
    first = numbers[~np.isnan(numbers)][0]
    return f"label {label} with {evaluation.common_batch.classes} classes returns {first:.9g}, expected an error or NaN"


def _spoiled_rows(evaluation: CellEvaluation, observed: NDArray[Any]) -> Mask:
    """Return the rows that were within their bound with good labels alone and are so no longer."""
    batch, before = evaluation.common_batch, evaluation.seen(evaluation.common_batch)
    after = ComparedBatch(evaluation.cell, batch, observed, before.truth)
    lost = before.must.conforms & ~after.must.conforms
    return np.asarray(lost.reshape(len(batch.rows), -1).any(axis=1))


def judge_invalid_argument(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Hand in an argument of a wrong shape or kind: the call raises, or does what is documented (ERR-2, ERR-3)."""
    invalid_argument, batch = INVALID_ARGUMENTS[case.regime], evaluation.common_batch
    cell = replace(case.cell, options=invalid_argument.options)
    if invalid_argument.options != PLAIN and (reason := evaluation.adapter.unsupported(cell)) is not None:
        yield judgement(case, invalid_argument.clause, "unsupported", reason=reason)
        return
    right = arrange(cell, batch.rows)
    inputs = invalid_argument.inputs(right)
    answer = ask_with(evaluation.adapter, cell, inputs, batch)
    yield from judge_kept_refusal(evaluation, case, (cell, inputs, batch), answer)
    if answer.failure:
        yield _refused(case, invalid_argument.clause, answer)
        return
    fault = _fault_of_invalid_argument(evaluation, case, answer)
    few = invalid_argument.inputs(arrange(cell, batch.rows[:FEW]))
    yield _found(evaluation, case, invalid_argument.clause, answer, fault, inputs=few)


def _fault_of_invalid_argument(evaluation: CellEvaluation, case: Case, answer: Answer) -> str:
    """Describe what is wrong with an answer; empty if it is what is documented.

    NaN is no refusal: a sum over rows of which one is NaN is NaN, whatever became of the argument.
    """
    invalid_argument, cell = INVALID_ARGUMENTS[case.regime], case.cell
    said = "a result is returned where an error is expected"
    broadcasts = invalid_argument.broadcasts and cell.labels in broadcast_labels(evaluation.adapter)
    if not (broadcasts or (invalid_argument.floats and floating_indices(evaluation.adapter))):
        return said
    if answer.observed is None:
        return f"{said}, and {answer.misshapen}"
    batch = _as_documented(evaluation.common_batch, case)
    seen = ComparedBatch(cell, batch, answer.observed, evaluation.truth(batch))
    as_due = seen.must.conforms[batch.slices["typical"]]
    return "" if as_due.all() else "the result is not the documented one for these labels"


def _as_documented(batch: Batch, case: Case) -> Batch:
    """Return the batch with what the spoiled labels mean: stretched, and in the format of the right ones."""
    name = case.cell.labels
    right = getattr(batch.rows, name)
    stretched = np.broadcast_to(INVALID_ARGUMENTS[case.regime].spoil(right), right.shape).astype(right.dtype)
    return replace(batch, rows=replace(batch.rows, **{name: stretched}))


def judge_no_classes(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with rows of zero classes: an error, no number at all, or the limit of an empty sum (ERR-4)."""
    batch = _without_classes(evaluation.common_batch)
    inputs = arrange(case.cell, batch.rows)
    answer = ask_with(evaluation.adapter, case.cell, inputs, batch)
    yield from judge_kept_refusal(evaluation, case, (case.cell, inputs, batch), answer)
    if (case.cell.labels, case.cell.quantity) == ("none", "value"):
        refused = (
            f"{answer.failure}; nothing is expected of no classes, or the logarithm of 0" if answer.failure else ""
        )
        yield _found(evaluation, case, "ERR-5", answer, refused, inputs=inputs)
    if answer.failure:
        yield _refused(case, "ERR-4", answer)
        return
    fault = answer.misshapen or _fault_of_nothing(case, answer.array)
    yield _found(evaluation, case, "ERR-4", answer, fault, inputs=inputs)


def _without_classes(batch: Batch) -> Batch:
    rows = batch.rows[:FEW]
    empty = {name: getattr(rows, name)[:, :0] for name in ("logits", "distributions", "class_cotangents")}
    return replace(batch, classes=0, rows=replace(rows, indices=np.zeros(FEW, np.int64), **empty))


def _fault_of_nothing(case: Case, observed: NDArray[Any]) -> str:
    """Describe the finite result for zero classes; an empty sum is 0, its logarithm -inf, but no index is right."""
    numbers = observed.astype(np.float64)
    due = -np.inf if OPS[case.cell.op].shift_slope > 0.0 else 0.0
    allowed = np.isnan(numbers) | ((numbers == due) & (case.cell.labels != "indices"))
    return "" if allowed.all() else f"zero classes return {numbers[~allowed][0]:.9g}, expected an error or NaN"


def _refused(case: Case, clause: str, answer: Answer) -> Judgement:
    """Record an error, which conforms, with its words: a diff tells when they change."""
    return replace(judgement(case, clause, "conforms", reason=answer.failure or answer.misshapen))


def _found(
    evaluation: CellEvaluation, case: Case, clause: str, answer: Answer, fault: str, *, inputs: Inputs
) -> Judgement:
    """Return the judgement on an answer that came; with inputs and repro where there is a fault."""
    observed = answer.observed
    found = replace(
        judgement(case, clause, verdict_on(clause, good=not fault), reason=fault),
        elements=0 if observed is None else observed.size,
        digest="" if observed is None else digest(observed),
    )
    if not fault:
        return found
    cell = (
        replace(case.cell, options=INVALID_ARGUMENTS[case.regime].options)
        if case.regime in INVALID_ARGUMENTS
        else case.cell
    )
    return replace(found, inputs=spell(inputs.arrays()), repro=evaluation.adapter.repro(cell, inputs))
