"""Laws of one answer under a change of its row: shifted (LAW-3), permuted (LAW-4), labelled one-hot (LAW-6)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import ask, ask_with
from logitproof_conformance.judging.judging import CellEvaluation, judgement
from logitproof_conformance.judging.related import (
    RelatedRequest,
    Relation,
    first_failure,
    judge_relation,
    sound_elements,
)
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.cases.hashed_numbers import integers
from logitproof_reference.cases.regimes.ordinary import hash_order
from logitproof_reference.numerics.double_double import two_sum
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.formats import Format
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]

REACH = 8
"""The shiftable rows hold logits in [-REACH, REACH]."""

FINEST_SHIFT = 4
"""The smallest shift is 2**FINEST_SHIFT, so that the steps are as fine as the format can shift by it."""


@cache
def shiftable(format_: Format, count: int, classes: int) -> tuple[NDArray[Any], F64]:
    """Return rows of the format, and a shift for each that moves every one of its logits without rounding.

    The logits of a row are whole multiples of 2**-m, its shift is +-2**(precision - 1 - m): every sum is a multiple
    of 2**-m below 2**(precision - m), hence a number of the format. From row to row m runs from 0, the
    largest shifts, to the finest steps.

    Raises
    ------
    ArithmeticError
        A shift rounds.
    """
    turn = np.arange(count)[:, None]
    largest = format_.precision - 1
    fineness = turn // 2 % (largest - FINEST_SHIFT + 1)
    reach = np.ldexp(float(REACH), np.minimum(fineness, 26))  # the generator gives integers below 2**31
    draws = integers(f"shiftable {format_.name}", (count, classes), 1 << 30)
    steps = draws % (2 * reach + 1) - reach
    rows = np.ldexp(steps, -fineness)
    shifts = np.ldexp(np.where(turn % 2 == 0, 1.0, -1.0), largest - fineness)
    moved, lost = two_sum(rows, np.broadcast_to(shifts, rows.shape))
    for exact in (rows, moved):
        lost = lost + (exact - exact.astype(format_.dtype).astype(np.float64))
    if lost.any():
        raise ArithmeticError(f"a shift of the rows for {format_.name} rounds; shifts must be exact")
    return rows.astype(format_.dtype), shifts[:, 0]


def judge_shifted_rows(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate rows and the same rows shifted, in one call: the answers agree except for log-sum-exp (LAW-3)."""
    cell, batch = case.cell, evaluation.common_batch
    half = len(batch.rows) // 2
    rows, shifts = shiftable(FORMATS[cell.format], half, batch.classes)
    moved = (rows.astype(np.float64) + shifts[:, None]).astype(rows.dtype)
    again = np.arange(len(batch.rows)) % half
    logits = np.concatenate([rows, moved])[np.minimum(np.arange(len(again)), 2 * half - 1)]
    inputs = arrange(cell, replace(batch.rows[again], logits=logits))
    answer = ask_with(evaluation.adapter, cell, inputs, batch)
    if (failed := first_failure(case, "LAW-3", [answer])) is not None:
        yield failed
        return
    parts = slice(0, half), slice(half, 2 * half)
    before, after = (answer.array[part] for part in parts)
    must = RelatedRequest(cell, inputs).must
    slope = OPS[cell.op].shift_slope if cell.quantity == "value" else 0.0
    due = _sum(before.astype(np.float64), slope * shifts) if slope else Enclosure.exact(before)
    relation = Relation(
        "LAW-3",
        "shifted as a whole",
        (RelatedRequest(cell, inputs).rows(parts[0]), RelatedRequest(cell, inputs).rows(parts[1])),
        due,
        after,
        must[parts[0]] + must[parts[1]],
        np.ones(after.shape, dtype=bool),
        replace(batch, slices={"the shiftable rows": parts[0]}),
    )
    yield from judge_relation(evaluation.adapter, case, relation)


def _sum(a: F64, b: F64) -> Enclosure:
    """Return a + b exactly; of an a that is not finite, a."""
    finite = np.isfinite(a)
    value, tail = two_sum(np.where(finite, a, 0.0), b)
    return Enclosure(np.where(finite, value, a), np.where(finite, tail, 0.0), np.zeros(a.shape))


def judge_permuted_classes(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with the classes of each row in another order: the answers come in that order (LAW-4)."""
    cell, batch = case.cell, evaluation.common_batch
    order = hash_order("permuted classes", len(batch.rows), batch.classes)
    first = arrange(cell, batch.rows)
    inputs = Inputs(axis=1, **{name: _permuted(array, order) for name, array in first.arrays().items()})
    answers = evaluation.answer(batch), ask_with(evaluation.adapter, cell, inputs, batch)
    if (failed := first_failure(case, "LAW-4", answers)) is not None:
        yield failed
        return
    before = _reordered(answers[0].array, order)
    relation = Relation(
        "LAW-4",
        "with its classes permuted",
        (RelatedRequest(cell, first), RelatedRequest(cell, inputs)),
        Enclosure.exact(before),
        answers[1].array,
        # A bound knows no order of the classes: that of the permuted row is the permuted one.
        2 * _reordered(evaluation.truth(batch).must, order),
        sound_elements(evaluation.seen(batch)),
        batch,
    )
    yield from judge_relation(evaluation.adapter, case, relation)


def _permuted(array: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    """Permute the classes of an input: labels that are class indices follow their class."""
    if array.dtype.kind == "i":
        return np.asarray(np.argmax(order == array[:, None], axis=1), dtype=array.dtype)
    return _reordered(array, order)


def _reordered(array: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    return np.take_along_axis(array, order, axis=1) if array.ndim > 1 else array


def judge_one_hot_labels(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with one-hot distributions for the class indices: the loss and its gradient are the same (LAW-6)."""
    batch = evaluation.common_batch
    other = replace(case.cell, labels="distributions")
    if (reason := evaluation.adapter.unsupported(other)) is not None:
        yield judgement(case, "LAW-6", "unsupported", reason=reason)
        return
    one_hot = np.arange(batch.classes) == batch.rows.indices[:, None]
    labelled = replace(batch, rows=replace(batch.rows, distributions=one_hot.astype(batch.format.dtype)))
    answers = evaluation.answer(batch), ask(evaluation.adapter, other, labelled)
    if (failed := first_failure(case, "LAW-6", answers)) is not None:
        yield failed
        return
    before, after = (answer.array for answer in answers)
    relation = Relation(
        "LAW-6",
        "with its label as a one-hot distribution",
        (
            RelatedRequest(case.cell, arrange(case.cell, batch.rows)),
            RelatedRequest(other, arrange(other, labelled.rows)),
        ),
        Enclosure.exact(before),
        after,
        evaluation.truth(batch).must + evaluation.truth(labelled, other).must,
        sound_elements(evaluation.seen(batch)),
        batch,
    )
    yield from judge_relation(evaluation.adapter, case, relation)
