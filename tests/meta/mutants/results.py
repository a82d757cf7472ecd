"""Mutants of the call: neighbours, places, axes, strides, formats, shapes, inputs, empty batches, repetition."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from logitproof_reference.vocabulary.cells import Options
from logitproof_reference.vocabulary.ops import SECOND_GRADIENT
from meta.mutants.mutant import GRAD_INDEX_LOSS, INDEX_LOSS, LOG_SOFTMAX, LOG_SUM_EXP, SOFTMAX, Mutant, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]

SOFTMAX_OF, SHARES, LOG_SUM_EXP_OF = control.softmax, control.shares, control.log_sum_exp
BLOCK = 4


def nan_of_row_before(x: Array) -> Array:
    """Add 0 times the first logit of the row before."""
    return SOFTMAX_OF(x) + 0 * np.roll(x, 1, axis=0)[..., :1]


def slow_path_for_blocks(x: Array) -> Array:
    """Take another, equally good formula for every block of rows that holds a number that is not finite."""
    slow = np.exp(control.log_softmax(x)).astype(x.dtype)
    plain = np.isfinite(x).reshape(len(x), -1).all(axis=-1)
    whole = np.array([plain[i - i % BLOCK : i - i % BLOCK + BLOCK].all() for i in range(len(plain))], dtype=bool)
    return np.where(_by_row(whole, x), SOFTMAX_OF(x), slow)


def _by_row(choice: NDArray[np.bool_], like: Array) -> NDArray[np.bool_]:
    return choice.reshape(-1, *(1,) * (like.ndim - 1))


def other_path_for_first_rows(x: Array) -> Array:
    """Take another, equally good formula for the first half of the batch."""
    first = np.arange(len(x)) < len(x) // 2
    return np.where(_by_row(first, x), np.exp(control.log_softmax(x)).astype(x.dtype), SOFTMAX_OF(x))


def cumulative_maximum(x: Array) -> Array:
    """Shift each row by the largest finite maximum so far, as a running maximum that is not reset."""
    tops = np.where(np.isfinite(control.top(x)), control.top(x), -np.inf)
    running = np.maximum.accumulate(tops, axis=0)
    return x - np.where(np.isfinite(running), running, 0)


def scaled_in_place(cell: Cell, inputs: Inputs) -> Array:
    """Multiply with the cotangent once more where the backward pass is the second."""
    again = inputs.cotangent if cell.quantity == SECOND_GRADIENT else inputs.logits.dtype.type(1)
    return np.asarray(ask_control(cell, inputs) * again)


def last_axis_taken(cell: Cell, inputs: Inputs) -> Array:
    """Take the last axis for the class axis whatever was asked."""
    last = inputs.logits.ndim - 1
    return ask_control(cell, replace(inputs, axis=last))


def strides_ignored(cell: Cell, inputs: Inputs) -> Array:
    """Read the logits' memory as if it were contiguous."""
    shape = inputs.logits.shape
    base = inputs.logits if inputs.logits.base is None else inputs.logits.base
    logits = np.ascontiguousarray(base).ravel()[: inputs.logits.size].reshape(shape)
    return ask_control(cell, replace(inputs, logits=logits))


def logits_overwritten(cell: Cell, inputs: Inputs) -> Array:
    """Write over the logits, as fused kernels do with the gradient."""
    answer = ask_control(cell, inputs)
    inputs.logits[...] = 0
    return answer


def cotangent_scaled_in_place(cell: Cell, inputs: Inputs) -> Array:
    """Scale the cotangent and leave it so."""
    answer = ask_control(cell, inputs)
    if inputs.cotangent is not None:
        inputs.cotangent[...] = inputs.cotangent * inputs.cotangent.dtype.type(0.5)
    return answer


def labels_clamped_in_place(cell: Cell, inputs: Inputs) -> Array:
    """Clamp the labels in place, one class too low."""
    answer = ask_control(cell, inputs)
    if inputs.labels is not None:
        np.minimum(inputs.labels, inputs.logits.shape[inputs.axis] - 2, out=inputs.labels)
    return answer


def widened(cell: Cell, inputs: Inputs) -> Array:
    """Answer half formats in float32."""
    answer = ask_control(cell, inputs)
    return answer.astype(np.float32) if answer.dtype.itemsize == 2 else answer


def narrowed(cell: Cell, inputs: Inputs) -> Array:
    """Answer float64 in float32."""
    answer = ask_control(cell, inputs)
    return answer.astype(np.float32) if answer.dtype == np.float64 else answer


def with_class_axis_kept(cell: Cell, inputs: Inputs) -> Array:
    """Leave a class axis of length 1."""
    answer = ask_control(cell, inputs)
    return np.expand_dims(answer, inputs.axis) if answer.ndim == inputs.logits.ndim - 1 else answer


def empty_refused(cell: Cell, inputs: Inputs) -> Array:
    """Refuse a batch of no rows."""
    if not inputs.logits.size:
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    return ask_control(cell, inputs)


def empty_in_float64(cell: Cell, inputs: Inputs) -> Array:
    """Answer a batch of no rows in NumPy's own format."""
    answer = ask_control(cell, inputs)
    return answer if inputs.logits.size else answer.astype(np.float64)


def empty_answered(cell: Cell, inputs: Inputs) -> Array:
    """Answer a batch of no rows with a row of zeros."""
    if not inputs.logits.size:
        return np.zeros((1, *inputs.logits.shape[1:]), dtype=inputs.logits.dtype)
    return ask_control(cell, inputs)


CALLS = count()


def alternating(x: Array) -> Array:
    """Sum from the left and from the right in turn."""
    return control_total(x if next(CALLS) % 2 else x[..., ::-1])


def control_total(x: Array) -> Array:
    """Sum one by one, so that the order shows."""
    return np.cumsum(x, axis=-1)[..., -1:]


def squeezed(x: Array) -> Array:
    """Take a row of one class for a binary logit."""
    return LOG_SUM_EXP_OF(x) if x.shape[-1] > 1 else np.logaddexp(0, x)[..., 0].astype(x.dtype)


def by_an_approximate_reciprocal(x: Array) -> Array:
    """Divide by a product with the number below the reciprocal: off by an ulp, also where the reciprocal is 1."""
    shares = SHARES(x)
    return (shares * np.nextafter(x.dtype.type(1), x.dtype.type(0))).astype(x.dtype)


def with_rows(change: Callable[[Array], Array]) -> Callable[[Cell, Inputs], Array]:
    """Return the control's answer, its rows rearranged by `change`."""
    return lambda cell, inputs: change(ask_control(cell, inputs).copy())


def first_two_rows_swapped(answer: Array) -> Array:
    """Swap two rows."""
    if answer.ndim and len(answer) > 1:
        answer[[0, 1]] = answer[[1, 0]]
    return answer


def last_rows_missing(answer: Array) -> Array:
    """Leave the rows past the last whole block of 8 at zero."""
    if answer.ndim:
        answer[len(answer) - len(answer) % 8 :] = 0
    return answer


RESULT_MUTANTS = [
    Mutant("rows_swapped", "Two rows change places.", "VAL-1", SOFTMAX, ask=with_rows(first_two_rows_swapped)),
    Mutant(
        "last_rows_missing",
        "Rows past the last whole block of 8 stay at zero.",
        "EXT-1",
        LOG_SUM_EXP,
        ask=with_rows(last_rows_missing),
        format="float64",
    ),
    Mutant("nan_from_row_before", "A NaN reaches the next row.", "ROW-1", SOFTMAX, {"softmax": nan_of_row_before}),
    Mutant(
        "slow_path_for_block",
        "A number that is not finite changes the bits of its whole block of rows.",
        "ROW-1",
        SOFTMAX,
        {"softmax": slow_path_for_blocks},
    ),
    Mutant(
        "other_path_by_place",
        "The first rows of a batch take another formula.",
        "ROW-2",
        SOFTMAX,
        {"softmax": other_path_for_first_rows},
    ),
    Mutant(
        "maximum_not_reset",
        "A running maximum is not reset between rows.",
        "EXT-7",
        SOFTMAX,
        {"shifted": cumulative_maximum},
    ),
    Mutant(
        "first_axis_taken_for_last",
        "The class axis is the last, although the first was named.",
        "IO-5",
        SOFTMAX,
        ask=last_axis_taken,
        axis="first",
    ),
    Mutant(
        "middle_axis_taken_for_last",
        "The class axis is the last, although the middle one was named.",
        "IO-5",
        LOG_SOFTMAX,
        ask=last_axis_taken,
        axis="middle",
    ),
    Mutant(
        "strides_ignored",
        "Strided logits are read as if contiguous.",
        "IO-5",
        LOG_SUM_EXP,
        ask=strides_ignored,
        layout="strided",
    ),
    Mutant("widened", "A half format is answered in float32.", "IO-1", SOFTMAX, ask=widened, format="bfloat16"),
    Mutant("narrowed", "float64 is answered in float32.", "IO-1", INDEX_LOSS, ask=narrowed, format="float64"),
    Mutant("class_axis_kept", "The reduced class axis stays.", "IO-1", LOG_SUM_EXP, ask=with_class_axis_kept),
    Mutant(
        "logits_overwritten",
        "The gradient is written over the logits.",
        "IO-2",
        GRAD_INDEX_LOSS,
        ask=logits_overwritten,
    ),
    Mutant(
        "cotangent_scaled_in_place",
        "The cotangent is scaled in place.",
        "IO-2",
        GRAD_INDEX_LOSS,
        ask=cotangent_scaled_in_place,
    ),
    Mutant(
        "labels_clamped_in_place", "The labels are clamped in place.", "IO-2", INDEX_LOSS, ask=labels_clamped_in_place
    ),
    Mutant("empty_refused", "An empty batch raises.", "IO-3", SOFTMAX, ask=empty_refused),
    Mutant("empty_in_float64", "An empty batch is answered in float64.", "IO-3", SOFTMAX, ask=empty_in_float64),
    Mutant("empty_answered", "An empty batch gets a row of zeros.", "IO-3", SOFTMAX, ask=empty_answered),
    Mutant(
        "one_class_is_binary",
        "A single class is taken for a binary logit.",
        "IO-4",
        LOG_SUM_EXP,
        {"log_sum_exp": squeezed},
    ),
    Mutant(
        "one_class_is_almost_certain",
        "The sum's reciprocal is approximate: of a single class p is not 1.",
        "IO-4",
        SOFTMAX,
        {"shares": by_an_approximate_reciprocal},
    ),
    Mutant(
        "second_backward_scales_again",
        "The backward pass scales the gradient it saved in place: a second pass scales it twice.",
        "IO-7",
        GRAD_INDEX_LOSS,
        ask=scaled_in_place,
        options=Options(reduction="mean"),
    ),
    Mutant("order_alternates", "Every other call sums from the right.", "LAW-5", SOFTMAX, {"total": alternating}),
    Mutant(
        "sum_lost_in_reciprocal",
        "p is exp(x - max) times a reciprocal rounded to 20 bits: each p is near its bound, their sum is off.",
        "LAW-1",
        SOFTMAX,
        {"softmax": lambda x: SOFTMAX_OF(x) * x.dtype.type(1 + 2.0**-21)},
    ),
]
