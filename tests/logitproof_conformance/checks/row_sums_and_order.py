"""Laws of a single answer: the sums of its rows (LAW-1, LAW-2), the order of their elements (LAW-7)."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import digest
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    failure,
    finite_rows,
    judgement,
    repro_of,
    repro_of_failure,
    spell_inputs,
    verdict_on,
)
from logitproof_conformance.programs.repro import with_sum
from logitproof_reference.bounds.assumptions import SHOULD
from logitproof_reference.bounds.error_model import Rounding
from logitproof_reference.bounds.forward import softmax_sum_law
from logitproof_reference.vocabulary.formats import ulp
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]


def _due(case: Case, batch: Batch) -> F64:
    """Return what each row must sum to: shares to 1, a gradient to what a common shift of the logits adds."""
    rows, slope = len(batch.rows), OPS[case.cell.op].shift_slope
    if case.cell.quantity == "value":
        return np.ones(rows)
    return slope * batch.rows.row_cotangents.astype(np.float64) if slope else np.zeros(rows)


def _allowed(case: Case, batch: Batch, magnitudes: F64) -> F64:
    """Return how far each row's exact sum may be off: the softmax law; for gradients scaled, with their own roundings.

    A gradient c (p - q) rounds its difference and its product, each by u of what it holds (`magnitudes` is the
    sum of the absolute values); p may come by division or by a product with the reciprocal.
    """
    rounding = Rounding(batch.format, SHOULD)
    softmax_law = softmax_sum_law(batch.classes, rounding, roundings=2)
    if case.cell.quantity == "value":
        return np.full(len(batch.rows), softmax_law)
    scale = np.abs(batch.rows.row_cotangents.astype(np.float64))
    underflow = 2 * batch.classes * rounding.tiny
    return scale * softmax_law + 3 * rounding.unit * magnitudes + underflow


def judge_row_sums(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Sum each finite row exactly and hold it against its law; report the worst row of the cell."""
    found = [_judge_batch(evaluation, case, batch) for batch in evaluation.batches]
    yield max(found, key=lambda one: math.inf if math.isnan(one.slack) else one.slack)


def _program(evaluation: CellEvaluation, batch: Batch) -> Callable[[], str]:
    return partial(repro_of_failure, evaluation, batch, next(iter(batch.slices)))


def _judge_batch(evaluation: CellEvaluation, case: Case, batch: Batch) -> Judgement:
    clause = OPS[case.cell.op].row_sums[case.cell.labels, case.cell.quantity]
    answer = evaluation.answer(batch)
    if (failed := failure(case, answer, clause, _program(evaluation, batch))) is not None:
        return failed
    rows = answer.array.astype(np.float64)
    with np.errstate(over="ignore"):  # numbers whose sum no float64 holds: no law is about those
        added = np.abs(rows).sum(axis=1)
    finite = np.isfinite(added) & finite_rows(batch.rows.logits)
    counted = np.where(finite[:, None], rows, 0.0)
    sums, due = np.array([math.fsum(row) for row in counted]), _due(case, batch)
    allowed = _allowed(case, batch, np.where(finite, added, 0.0))
    error = np.where(finite, np.abs(sums - due), 0.0)
    row = int(np.argmax(error / allowed))
    found = replace(
        judgement(case, clause, verdict_on(clause, good=bool(error[row] <= allowed[row]))),
        elements=int(finite.sum()),
        slack=float(error[row] / allowed[row]),
        nats=float(error[row]),
        exact=float(due[row]).hex(),
        observed=float(sums[row]).hex(),
        bound=f"{allowed[row]:.6g}",
        digest=digest(answer.array),
    )
    return _with_row(evaluation, found, batch, row)


def _with_row(evaluation: CellEvaluation, found: Judgement, batch: Batch, row: int) -> Judgement:
    """Add which row it was, with its inputs; what to say and how to see it again where it breaks the law."""
    regime, number = batch.locate(row)
    found = replace(found, row=number, inputs=spell_inputs(evaluation.cell, batch, regime, number))
    if found.verdict == "conforms":
        return found
    due, seen = float.fromhex(found.exact), float.fromhex(found.observed)
    reason = f"row {number} of {regime} sums to {seen:.17g}, expected {due:.9g} within {found.bound}"
    program = repro_of(evaluation, batch, row)
    return replace(found, reason=reason, repro=program if batch.classes == 1 else with_sum(program))


def judge_order_of_logits(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Sort each finite row by its logits: the answers must not decrease, equal logits get equal ones (LAW-7)."""
    found = [_judge_order(evaluation, case, batch) for batch in evaluation.batches]
    yield max(found, key=lambda one: (one.verdict != "conforms", one.ulps))


def _judge_order(evaluation: CellEvaluation, case: Case, batch: Batch) -> Judgement:
    answer = evaluation.answer(batch)
    if (failed := failure(case, answer, "LAW-7", _program(evaluation, batch))) is not None:
        return failed
    logits, rows = batch.rows.logits.astype(np.float64), answer.array.astype(np.float64)
    finite = (finite_rows(logits) & finite_rows(rows))[:, None]
    order = np.argsort(np.where(finite, logits, 0.0), axis=1, kind="stable")
    ranked_logits, ranked = (
        np.take_along_axis(np.where(finite, array, 0.0), order, axis=1) for array in (logits, rows)
    )
    steps, tied = np.diff(ranked, axis=1), ranked_logits[:, 1:] == ranked_logits[:, :-1]
    wrong = np.where(tied, np.abs(steps), np.maximum(-steps, 0.0))
    found = replace(
        judgement(case, "LAW-7", "conforms"),
        elements=int(finite.sum()) * batch.classes,
        slack=0.0,
        ulps=0.0,
        digest=digest(answer.array),
    )
    if not wrong.any():
        return found
    ulps = wrong / ulp(ranked[:, 1:], batch.format)
    row, rank = (int(index) for index in np.unravel_index(int(np.argmax(ulps)), ulps.shape))
    classes = int(order[row, rank]), int(order[row, rank + 1])
    found = replace(found, ulps=float(ulps[row, rank]), nats=float(wrong[row, rank]))
    return _with_pair(evaluation, found, batch, row, classes, is_tie=bool(tied[row, rank]))


def _with_pair(
    evaluation: CellEvaluation, found: Judgement, batch: Batch, row: int, classes: tuple[int, int], *, is_tie: bool
) -> Judgement:
    """Describe which two classes of a row are out of order, the one with the smaller logit first."""
    regime, number = batch.locate(row)
    lower, upper = (float(evaluation.answer(batch).array[row, place]) for place in classes)
    kind = "equal logits have different results" if is_tie else "the larger logit has the smaller result"
    return replace(
        found,
        verdict=verdict_on(found.clause, good=False),
        reason=f"row {number} of {regime}: {kind}, {lower:.9g} at class {classes[0]} and {upper:.9g} at class "
        f"{classes[1]}, {found.ulps:.3g} ulps apart",
        slack=math.inf,
        row=number,
        element=classes[1],
        exact=lower.hex(),
        observed=upper.hex(),
        bound="0",
        inputs=spell_inputs(evaluation.cell, batch, regime, number),
        repro=repro_of(evaluation, batch, row),
    )
