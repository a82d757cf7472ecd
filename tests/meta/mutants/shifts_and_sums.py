"""Mutants whose values are wrong: shifts, sums, exponentials, logarithms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.control import softmax as control
from meta.mutants.mutant import (
    INDEX_LOSS,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SOFTMAX,
    Mutant,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

TOTAL, TOP, SHIFTED, SHARES = control.total, control.top, control.shifted, control.shares
LOG_SOFTMAX_OF, LOG_SUM_EXP_OF = control.log_softmax, control.log_sum_exp


def rounded_to(dtype: Any, function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return `function` with its result rounded to a narrower format on the way."""
    return lambda x: function(x).astype(dtype).astype(x.dtype)


def sum_of_first(count: Callable[[int], int]) -> Callable[[Array], Array]:
    """Return a sum that sees only the first `count(n)` of n classes."""
    return lambda x: TOTAL(x[..., : count(x.shape[-1])])


def narrow_total(x: Array) -> Array:
    """Sum one by one in float16."""
    with np.errstate(over="ignore"):
        return np.cumsum(x.astype(np.float16), axis=-1, dtype=np.float16)[..., -1:].astype(x.dtype)


def stalling_total(x: Array) -> Array:
    """Sum one by one in bfloat16."""
    running = np.zeros(x.shape[:-1], dtype=ml_dtypes.bfloat16)
    for column in np.moveaxis(x, -1, 0):
        running = (running.astype(np.float32) + column).astype(ml_dtypes.bfloat16)
    return running[..., None].astype(x.dtype)


def truncating_total(x: Array) -> Array:
    """Sum one by one, each step rounded towards zero."""
    running = np.zeros(x.shape[:-1], dtype=x.dtype)
    for column in np.moveaxis(x, -1, 0):
        exact = running.astype(np.float64) + column
        nearest = exact.astype(x.dtype)
        running = np.where(nearest > exact, np.nextafter(nearest, x.dtype.type(0)), nearest)
    return running[..., None]


def over_batch(x: Array) -> Array:
    """Return the largest finite logit of the batch for every row."""
    finite = x[np.isfinite(x)]
    return np.broadcast_to(finite.max() if finite.size else x.dtype.type(0), (*x.shape[:-1], 1))


def shares_of_exp2_kernel(x: Array) -> Array:
    """Scale by log2(e) before the shift, as a careless exp2 kernel does."""
    scaled = x * x.dtype.type(1.4426950408889634)
    powers = np.exp2(scaled - TOP(scaled))
    return powers / TOTAL(powers)


def cut_to_bfloat16(x: Array) -> Array:
    """Return float32 numbers without the bits that bfloat16 does not hold."""
    return (np.ascontiguousarray(x).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


VALUE_MUTANTS = [
    Mutant("no_shift", "The maximum is not subtracted.", "EXT-7", SOFTMAX, {"shifted": lambda x: x}),
    Mutant(
        "no_shift_in_log_sum_exp",
        "log-sum-exp exponentiates the logits as they are.",
        "EXT-7",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: np.log(TOTAL(np.exp(x)))[..., 0]},
    ),
    Mutant(
        "shift_by_mean",
        "The mean is subtracted instead of the maximum.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x - x.mean(axis=-1, keepdims=True)},
    ),
    Mutant(
        "maximum_of_batch",
        "The largest logit of the whole batch is subtracted.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x - over_batch(x)},
    ),
    Mutant(
        "maximum_over_rows",
        "The maximum is taken over the wrong axis.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x - x.max(axis=0, keepdims=True)},
    ),
    Mutant(
        "maximum_of_first_eight",
        "The maximum is taken over the first eight classes.",
        "EXT-7",
        SOFTMAX,
        {"shifted": lambda x: x - x[..., :8].max(axis=-1, keepdims=True)},
    ),
    Mutant(
        "shift_counted_twice",
        "log-sum-exp adds the maximum to log1p of the whole sum.",
        "VAL-1",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: (TOP(x) + np.log1p(TOTAL(np.exp(SHIFTED(x)))))[..., 0]},
    ),
    Mutant(
        "shift_in_bfloat16",
        "The shifted logits are rounded to bfloat16.",
        "VAL-1",
        SOFTMAX,
        {"shifted": rounded_to(ml_dtypes.bfloat16, SHIFTED)},
    ),
    Mutant(
        "log_of_softmax",
        "log-softmax is the logarithm of the softmax.",
        "EXT-7",
        LOG_SOFTMAX,
        {"log_softmax": lambda x: np.log(SHARES(x))},
    ),
    Mutant(
        "epsilon_in_log",
        "1e-7 is added before the logarithm.",
        "VAL-1",
        LOG_SOFTMAX,
        {"log_softmax": lambda x: np.log(SHARES(x) + x.dtype.type(1e-7))},
    ),
    Mutant(
        "probabilities_clipped",
        "Probabilities are clipped to [1e-7, 1 - 1e-7] before the logarithm.",
        "VAL-1",
        INDEX_LOSS,
        {"log_softmax": lambda x: np.log(np.clip(SHARES(x), 1e-7, 1 - 1e-7))},
    ),
    Mutant(
        "clipped_at_64",
        "log-softmax does not go below -64.",
        "VAL-1",
        LOG_SOFTMAX,
        {"log_softmax": lambda x: np.maximum(LOG_SOFTMAX_OF(x), -64)},
    ),
    Mutant(
        "base_two",
        "The logarithm is to base 2.",
        "VAL-1",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: (TOP(x) + np.log2(TOTAL(np.exp(SHIFTED(x)))))[..., 0]},
    ),
    Mutant(
        "scaled_before_shift",
        "An exp2 kernel rounds x log2(e) before the shift, so a common offset costs digits.",
        "VAL-1",
        SOFTMAX,
        {"shares": shares_of_exp2_kernel},
    ),
    Mutant(
        "exponential_in_float16",
        "The exponentials are rounded to float16.",
        "VAL-1",
        SOFTMAX,
        {"shares": lambda x: (e := rounded_to(np.float16, lambda y: np.exp(SHIFTED(y)))(x)) / TOTAL(e)},
    ),
    Mutant(
        "exponential_cut_off",
        "exp of less than -20 is 0.",
        "VAL-1",
        SOFTMAX,
        {"shares": lambda x: (e := np.where(SHIFTED(x) < -20, 0, np.exp(SHIFTED(x)))) / TOTAL(e)},
    ),
    Mutant(
        "exponential_by_powers",
        "exp is (1 + x/4096)^4096.",
        "VAL-1",
        SOFTMAX,
        {"shares": lambda x: (e := np.maximum(1 + SHIFTED(x) / 4096, 0) ** 4096) / TOTAL(e)},
    ),
    Mutant(
        "log_sum_exp_in_float16",
        "exp(x - lse) with the log-sum-exp of the shifted logits rounded to float16.",
        "VAL-1",
        SOFTMAX,
        {"shares": lambda x: np.exp(SHIFTED(x) - rounded_to(np.float16, np.log)(TOTAL(np.exp(SHIFTED(x)))))},
    ),
    Mutant("sum_in_float16", "The sum is taken in float16.", "VAL-1", SOFTMAX, {"total": narrow_total}),
    Mutant(
        "sum_stalls",
        "bfloat16 rows are summed one by one in bfloat16.",
        "VAL-1",
        SOFTMAX,
        {"total": stalling_total},
        format="bfloat16",
    ),
    Mutant(
        "sum_rounds_to_zero",
        "The sum is taken one by one and rounded towards zero at each step.",
        "VAL-2",
        SOFTMAX,
        {"total": truncating_total},
    ),
    Mutant(
        "last_class_missing",
        "The sum leaves the last class out where n is not a multiple of 8.",
        "VAL-1",
        SOFTMAX,
        {"total": sum_of_first(lambda n: n if n % 8 == 0 or n == 1 else n - 1)},
    ),
    Mutant(
        "vector_body_only",
        "The sum stops at the last whole vector of 8 classes.",
        "VAL-1",
        SOFTMAX,
        {"total": sum_of_first(lambda n: n - n % 8 or n)},
    ),
    Mutant(
        "first_1024_classes",
        "The sum stops at 1,024 classes.",
        "VAL-1",
        LOG_SUM_EXP,
        {"total": sum_of_first(lambda n: min(n, 1024))},
    ),
    Mutant(
        "first_65536_classes",
        "The sum stops at 65,536 classes.",
        "EXT-7",
        LOG_SUM_EXP,
        {"total": sum_of_first(lambda n: min(n, 65536))},
    ),
    Mutant(
        "maximum_counted_twice",
        "A running sum starts from the maximum's share and adds it again.",
        "VAL-1",
        SOFTMAX,
        {"total": lambda x: TOTAL(x) + x.max(axis=-1, keepdims=True)},
    ),
    Mutant(
        "ties_counted_once",
        "Classes equal to an earlier one are left out of the sum.",
        "VAL-1",
        LOG_SUM_EXP,
        {
            "total": lambda x: TOTAL(
                np.where(np.diff(np.sort(x, axis=-1), axis=-1, prepend=-1) != 0, np.sort(x, axis=-1), 0)
            )
        },
    ),
    Mutant(
        "result_through_bfloat16",
        "A float32 result is stored with bfloat16's precision.",
        "VAL-1",
        LOG_SUM_EXP,
        {"log_sum_exp": rounded_to(ml_dtypes.bfloat16, LOG_SUM_EXP_OF)},
    ),
    Mutant(
        "result_cut_to_bfloat16",
        "A bfloat16 result is cut instead of rounded.",
        "ACC-1",
        LOG_SUM_EXP,
        {"log_sum_exp": lambda x: cut_to_bfloat16(LOG_SUM_EXP_OF(x))},
        format="bfloat16",
    ),
    Mutant(
        "float64_in_float32",
        "float64 is computed in float32.",
        "VAL-1",
        LOG_SOFTMAX,
        {"log_softmax": rounded_to(np.float32, lambda x: LOG_SOFTMAX_OF(x.astype(np.float32)))},
        format="float64",
    ),
]
