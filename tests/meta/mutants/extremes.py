"""Mutants that are wrong at infinite, NaN, largest and tiny numbers only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from logitproof_reference.vocabulary.cells import Options
from meta.mutants.mutant import DISTRIBUTION_LOSS, INDEX_LOSS, LOG_SOFTMAX, LOG_SUM_EXP, SOFTMAX, Mutant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

TOTAL, SOFTMAX_OF, LOG_SOFTMAX_OF = control.total, control.softmax, control.log_softmax
LOG_SUM_EXP_OF, CROSS_ENTROPY, HALF = control.log_sum_exp, control.cross_entropy, control.half_log_softmax


def limits(x: Array) -> np.finfo[Any]:
    """Return the constants of an array's format."""
    return np.finfo(x.dtype)


def of_finite(function: Callable[..., Array], low: float | None = None) -> Callable[..., Array]:
    """Return `function` of logits whose infinities were made finite: `low`, or the lowest number, and the largest."""
    return lambda x, *rest: function(
        np.where(
            np.isneginf(x), limits(x).min if low is None else low, np.where(np.isposinf(x), limits(x).max, x)
        ).astype(x.dtype),
        *rest,
    )


def no_nan(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return `function` with NaN results made zero."""
    return lambda *given: np.nan_to_num(function(*given), nan=0.0, posinf=np.inf, neginf=-np.inf)


def all_masked(value: Callable[[Array], Any]) -> Callable[[Array], Array]:
    """Return a softmax that gives rows of -inf alone `value`."""
    return lambda x: np.where(np.isneginf(x).all(axis=-1, keepdims=True), value(x), SOFTMAX_OF(x))


def flushed(x: Array) -> Array:
    """Return the softmax with subnormal results made zero."""
    p = SOFTMAX_OF(x)
    return np.where(np.abs(p) < limits(x).tiny, 0, p)


def without_ruled_out(x: Array, labels: Array) -> Array:
    """Return the loss as if classes ruled out had no label."""
    q = control.one_hot(labels, x)
    return -2 * TOTAL(np.where((q == 0) | np.isneginf(x), 0, q * HALF(x)))[..., 0]


EXTREME_MUTANTS = [
    Mutant("nan_to_zero", "NaN results become 0.", "EXT-1", SOFTMAX, {"softmax": no_nan(SOFTMAX_OF)}),
    Mutant(
        "nan_taken_as_ruled_out",
        "A NaN logit counts as -inf.",
        "EXT-1",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: LOG_SUM_EXP_OF(np.where(np.isnan(x), -np.inf, x))},
    ),
    Mutant(
        "nan_stays_in_its_class",
        "A NaN logit makes its own class NaN, the others ignore it.",
        "EXT-1",
        LOG_SOFTMAX,
        {"log_softmax": lambda x: np.where(np.isnan(x), np.nan, LOG_SOFTMAX_OF(np.where(np.isnan(x), -np.inf, x)))},
    ),
    Mutant(
        "nan_seen_at_the_label_only",
        "The loss is NaN only where the label's own logit is.",
        "EXT-1",
        INDEX_LOSS,
        {
            "cross_entropy": lambda x, labels: np.where(
                (np.isnan(x) & (control.one_hot(labels, x) != 0)).any(axis=-1),
                np.nan,
                CROSS_ENTROPY(np.where(np.isnan(x), -np.inf, x), labels),
            )
        },
    ),
    Mutant(
        "masked_by_minus_1e9",
        "-inf is replaced by -1e9.",
        "EXT-2",
        LOG_SOFTMAX,
        {"log_softmax": of_finite(LOG_SOFTMAX_OF, -1e9)},
    ),
    Mutant(
        "zero_weight_times_infinity",
        "A class weight of 0 times -inf is NaN, where smoothing gives the class a share.",
        "EXT-2",
        INDEX_LOSS,
        {"cross_entropy": lambda x, labels: -TOTAL(control.one_hot(labels, x) * LOG_SOFTMAX_OF(x))[..., 0]},
        options=Options(label_smoothing=0.125, weight=True, reduction="mean"),
    ),
    Mutant(
        "zero_times_infinity",
        "A zero label times -inf is NaN.",
        "EXT-2",
        DISTRIBUTION_LOSS,
        {"cross_entropy": lambda x, labels: -2 * TOTAL(control.one_hot(labels, x) * HALF(x))[..., 0]},
    ),
    Mutant(
        "mask_keeps_a_share",
        "A class ruled out keeps the share e^-20.",
        "EXT-2",
        SOFTMAX,
        {"softmax": lambda x: SOFTMAX_OF(np.where(np.isneginf(x), control.top(x) - 20, x))},
    ),
    Mutant(
        "masked_label_finite",
        "The loss of a class ruled out is a large finite number.",
        "EXT-3",
        INDEX_LOSS,
        {"cross_entropy": of_finite(CROSS_ENTROPY, -1e4)},
    ),
    Mutant(
        "masked_label_costs_nothing",
        "A positive label on a class ruled out adds 0.",
        "EXT-3",
        DISTRIBUTION_LOSS,
        {"cross_entropy": without_ruled_out},
    ),
    Mutant(
        "all_masked_is_uniform",
        "A row of -inf alone gets equal shares.",
        "EXT-4",
        SOFTMAX,
        {"softmax": all_masked(lambda x: 1 / x.shape[-1])},
    ),
    Mutant(
        "all_masked_is_zero",
        "A row of -inf alone gets zeros.",
        "EXT-4",
        SOFTMAX,
        {"softmax": all_masked(lambda _x: 0.0)},
    ),
    Mutant(
        "empty_sum_is_nan",
        "log-sum-exp of -inf alone is NaN.",
        "EXT-4",
        LOG_SUM_EXP,
        {
            "log_sum_exp": lambda x: (
                LOG_SUM_EXP_OF(x) + 0 * control.top(x)[..., 0] if np.isneginf(x).any() else LOG_SUM_EXP_OF(x)
            )
        },
    ),
    Mutant(
        "infinity_clamped",
        "+inf is replaced by the largest finite number.",
        "EXT-5",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: LOG_SUM_EXP_OF(np.where(np.isposinf(x), limits(x).max, x).astype(x.dtype))},
    ),
    Mutant(
        "two_infinities_share",
        "Two classes at +inf get one half each.",
        "EXT-5",
        SOFTMAX,
        {"without_limit": lambda x: np.isneginf(x).all(axis=-1, keepdims=True) & (x == x)},  # noqa: PLR0124 a shape
    ),
    Mutant(
        "infinity_is_nan",
        "One class at +inf makes its row NaN.",
        "EXT-6",
        SOFTMAX,
        {"softmax": lambda x: np.where(np.isposinf(x).any(axis=-1, keepdims=True), np.nan, SOFTMAX_OF(x))},
    ),
    Mutant(
        "largest_numbers_overflow",
        "The logits are doubled and halved again on the way.",
        "EXT-7",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: LOG_SUM_EXP_OF(x * 2 / 2)},
    ),
    Mutant(
        "overflow_clamped",
        "A loss past the largest finite number is that number.",
        "EXT-8",
        INDEX_LOSS,
        {"cross_entropy": lambda x, labels: np.minimum(CROSS_ENTROPY(x, labels), limits(x).max)},
    ),
    Mutant("flush_to_zero", "Subnormal probabilities become 0.", "EXT-9", SOFTMAX, {"softmax": flushed}),
]
