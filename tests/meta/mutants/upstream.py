"""Mutants after faults that happened in other projects and that no other table stands for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from logitproof_reference.vocabulary.cells import Options
from meta.mutants.mutant import (
    GRAD_INDEX_LOSS,
    GRAD_LOG_SUM_EXP,
    INDEX_LOSS,
    LOG_SOFTMAX,
    SOFTMAX,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]

SOFTMAX_OF, SHARES, SHIFTED, TOTAL = control.softmax, control.shares, control.shifted, control.total
LOG_SUM_EXP_OF, GRAD_LOG_SUM_EXP_OF = control.log_sum_exp, control.grad_log_sum_exp
CROSS_ENTROPY, GRAD_CROSS_ENTROPY, ONE_HOT = control.cross_entropy, control.grad_cross_entropy, control.one_hot
REFUSE = control.refuse
LANES = 8
"""Classes are padded to a multiple of this."""


def padded_shares(x: Array) -> Array:
    """Append classes of logit 0 up to a whole number of lanes, and cut their shares off."""
    short = -x.shape[-1] % LANES
    padded = np.concatenate([x, np.zeros((*x.shape[:-1], short), x.dtype)], axis=-1)
    return SHARES(padded)[..., : x.shape[-1]]


def label_in_padding(x: Array, labels: Array) -> Array:
    """Take the last class for padding, which is ruled out, where the lanes are not all filled."""
    n = x.shape[-1]
    in_padding = (ONE_HOT(labels, x)[..., -1] > 0) & (n % LANES > 1)
    return np.where(in_padding, np.inf, CROSS_ENTROPY(x, labels)).astype(x.dtype)


def read_at(place: Callable[[Array, int], Array]) -> Callable[[Array, Array], Array]:
    """Return a loss that finds the label's logit at `place(offset, size)` of the flat logits."""

    def loss(x: Array, labels: Array) -> Array:
        if labels.dtype.kind != "i" or x.ndim != 2:
            return CROSS_ENTROPY(x, labels)
        offsets = np.arange(len(x)) * x.shape[-1] + labels
        return LOG_SUM_EXP_OF(x) - x.ravel()[place(offsets, x.size)]

    return loss


def labels_unchecked(logits: Array, labels: Array | None, axis: int, ignore_index: int | None = None) -> None:
    """Take class indices of any size."""
    is_index = labels is not None and labels.dtype.kind == "i" and logits.shape[-1]
    REFUSE(logits, labels % logits.shape[-1] if labels is not None and is_index else labels, axis, ignore_index)


def gradient_at_owner(x: Array, labels: Array, cotangent: Array) -> Array:
    """Give a gradient to that half of the classes that holds the label's heaviest class."""
    half = np.arange(x.shape[-1]) < (x.shape[-1] + 1) // 2
    owner = half[ONE_HOT(labels, x).argmax(axis=-1)]
    return np.where(half == owner[..., None], GRAD_CROSS_ENTROPY(x, labels, cotangent), 0)


def gradient_by_odds(x: Array, labels: Array, cotangent: Array) -> Array:
    """Divide by 1 - p and multiply with it, as a derivative by way of the odds."""
    rest = 1 - SOFTMAX_OF(x)
    return GRAD_CROSS_ENTROPY(x, labels, cotangent) / rest * rest


def trailing_axes_flattened(cell: Cell, inputs: Inputs) -> Array:
    """Normalise over the class axis and all behind it."""
    if cell.op not in {"softmax", "log_softmax"} or cell.quantity != "value":
        return ask_control(cell, inputs)
    flat = inputs.logits.reshape(*inputs.logits.shape[: inputs.axis], -1)
    return ask_control(cell, replace(inputs, logits=flat)).reshape(inputs.logits.shape)


UPSTREAM_MUTANTS = [
    Mutant(
        "softcap_left_in",
        "The logits are 30 tanh(x/30).",
        "VAL-1",
        SOFTMAX,
        {"shares": lambda x: SHARES(30 * np.tanh(x / 30))},
    ),
    Mutant(
        "padding_gets_shares",
        "Padding up to whole lanes takes part with logit 0.",
        "VAL-1",
        SOFTMAX,
        {"shares": padded_shares},
    ),
    Mutant(
        "label_in_padding",
        "A label at the last class is taken for padding: its loss is infinite.",
        "EXT-7",
        INDEX_LOSS,
        {"cross_entropy": label_in_padding},
    ),
    Mutant(
        "offsets_in_16_bits",
        "The offset of the label's logit wraps at 65,536.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": read_at(lambda offsets, size: offsets % min(size, 2**16))},
    ),
    Mutant(
        "label_reads_another_row",
        "A label out of range reads the logit it points at, in another row.",
        "ERR-1",
        INDEX_LOSS,
        {"cross_entropy": read_at(lambda offsets, size: offsets % size), "refuse": labels_unchecked},
    ),
    Mutant(
        "ignored_label_refused",
        "An ignored label that is no class raises.",
        "OPT-3",
        INDEX_LOSS,
        {"refuse": lambda logits, labels, axis, _ignore_index=None: REFUSE(logits, labels, axis)},
        options=Options(ignore_index=-100),
    ),
    Mutant(
        "masked_gradient_is_nan",
        "The gradient at a class ruled out is NaN.",
        "EXT-2",
        GRAD_LOG_SUM_EXP,
        {"grad_log_sum_exp": lambda x, c: GRAD_LOG_SUM_EXP_OF(x, c) + 0 * x},
    ),
    Mutant(
        "gradient_beside_infinity_is_nan",
        "The gradient of a row with a logit of +inf is NaN.",
        "EXT-6",
        GRAD_LOG_SUM_EXP,
        {
            "grad_log_sum_exp": lambda x, c: np.where(
                np.isposinf(x).any(axis=-1, keepdims=True), np.nan, GRAD_LOG_SUM_EXP_OF(x, c)
            )
        },
    ),
    Mutant(
        "saturated_gradient_is_nan",
        "The gradient divides by 1 - p and multiplies with it.",
        "EXT-7",
        GRAD_INDEX_LOSS,
        {"grad_cross_entropy": gradient_by_odds},
    ),
    Mutant(
        "gradient_sum_off",
        "The gradient's p is 2^-21 too large: each element is near its bound, their sum is off.",
        "LAW-2",
        GRAD_INDEX_LOSS,
        {
            "grad_cross_entropy": lambda x, q, c: (
                c[..., None] * (SOFTMAX_OF(x) * x.dtype.type(1 + 2.0**-21) - ONE_HOT(q, x))
            )
        },
    ),
    Mutant(
        "other_shard_without_gradient",
        "The half of the classes without the label gets no gradient.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        {"grad_cross_entropy": gradient_at_owner},
    ),
    Mutant(
        "trailing_axes_flattened",
        "Softmax runs over the class axis and all behind it.",
        "IO-5",
        LOG_SOFTMAX,
        ask=trailing_axes_flattened,
        axis="middle",
    ),
    Mutant(
        "middle_axis_unshifted",
        "The maximum is not subtracted where the class axis is not the last of two.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x if x.ndim > 2 else SHIFTED(x)},
        axis="middle",
        format="bfloat16",
        profile="full",
    ),
    Mutant(
        "compiled_without_shift",
        "The compiled mode does not subtract the maximum.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x},
        mode="compiled",
    ),
    Mutant(
        "compiled_clips",
        "The compiled mode clips probabilities before the logarithm.",
        "VAL-1",
        INDEX_LOSS,
        {"log_softmax": lambda x: np.log(np.clip(SHARES(x), 1e-7, 1 - 1e-7)).astype(x.dtype)},
        mode="compiled",
    ),
    Mutant(
        "compiled_takes_bad_label",
        "The compiled mode answers a label out of range, which eager mode refuses.",
        "MOD-3",
        INDEX_LOSS,
        program="print('float32', [2.25])",
        mode="compiled",
        profile="full",
    ),
]
