"""Faults of arithmetic: shifts, guards, narrow formats, thresholds, infinities and NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, log_softmax, log_sum_exp, loss, sigmoid_loss, soft_loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
SIGMOID = "sigmoid_cross_entropy"


def _shared(x: Array, m: Array) -> Array:
    e = np.exp(wide(x) - m)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "shift")
def no_shift(x: Array) -> Array:
    return _shared(x, wide(x).dtype.type(0))


@fault("softmax", "shift")
def shift_of_the_batch(x: Array) -> Array:
    return _shared(x, wide(x).max())


@fault("softmax", "shift")
def shift_by_the_mean(x: Array) -> Array:
    return _shared(x, wide(x).mean(axis=1, keepdims=True))


@fault("log_sum_exp", "shift")
def shift_by_the_first(x: Array) -> Array:
    first = wide(x)[:, 0]
    return (first + np.log(np.exp(wide(x) - first[:, None]).sum(axis=1))).astype(x.dtype)


@fault("log_sum_exp", "shift")
def maximum_begins_at_zero(x: Array) -> Array:
    m = np.maximum(wide(x).max(axis=1), 0)
    return (m + np.log(np.exp(wide(x) - m[:, None]).sum(axis=1))).astype(x.dtype)


@fault("softmax", "shift")
def maximum_begins_at_minus_1e4(x: Array) -> Array:
    return _shared(x, np.maximum(wide(x).max(axis=1, keepdims=True), -1e4))


@fault("softmax", "threshold")
def small_terms_skipped(x: Array) -> Array:
    d = wide(x) - wide(x).max(axis=1, keepdims=True)
    e = np.where(d < -20, 0, np.exp(d))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "threshold")
def tail_below_12_skipped(x: Array) -> Array:
    m = wide(x).max(axis=1)
    d = wide(x) - m[:, None]
    return (m + np.log(np.where(d < -12, 0, np.exp(d)).sum(axis=1))).astype(x.dtype)


@fault(LOSS, "threshold")
def tail_below_16_skipped(x: Array, y: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    d = w - m[:, None]
    return (np.log(np.where(d < -16, 0, np.exp(d)).sum(axis=1)) + (m - w[np.arange(len(w)), y])).astype(x.dtype)


@fault("softmax", "order")
def base_2_before_the_shift(x: Array) -> Array:
    w = wide(x) * wide(x).dtype.type(1.4426950408889634)
    e = np.exp2(w - w.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "guard")
def sum_plus_1e_6(x: Array) -> Array:
    e = np.exp(wide(x) - wide(x).max(axis=1, keepdims=True))
    return (e / (e.sum(axis=1, keepdims=True) + 1e-6)).astype(x.dtype)


@fault(LOSS, "guard")
def logarithm_plus_1e_8(x: Array, y: Array) -> Array:
    return (-np.log(softmax(wide(x))[np.arange(len(x)), y] + 1e-8)).astype(x.dtype)


@fault(LOSS, "guard")
def probability_clipped(x: Array, y: Array) -> Array:
    return (-np.log(np.clip(softmax(wide(x)), 1e-7, 1 - 1e-7)[np.arange(len(x)), y])).astype(x.dtype)


@fault("log_softmax", "guard")
def logarithm_of_softmax(x: Array) -> Array:
    return np.log(softmax(wide(x))).astype(x.dtype)


@fault(LOSS, "order")
def label_taken_off_last(x: Array, y: Array) -> Array:
    return (log_sum_exp(wide(x)) - wide(x)[np.arange(len(x)), y]).astype(x.dtype)


@fault("softmax", "format")
def float64_computed_in_float32(x: Array) -> Array:
    return softmax(x.astype(np.float32)).astype(x.dtype)


@fault("log_sum_exp", "format")
def constant_in_float32(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    return (m + np.log2(np.exp(w - m[:, None]).sum(axis=1)) * np.float32(np.log(2))).astype(x.dtype)


@fault("softmax", "half")
def half_sum_one_by_one(x: Array) -> Array:
    e = np.exp(wide(x) - wide(x).max(axis=1, keepdims=True)).astype(x.dtype)
    return (e / np.add.accumulate(e, axis=1, dtype=x.dtype)[:, -1:]).astype(x.dtype)


@fault("log_softmax", "half")
def bfloat16_sum_in_bfloat16(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    e = np.exp(t)
    total = e.sum(axis=1, keepdims=True)
    if x.dtype.name == "bfloat16":
        total = np.add.accumulate(e.astype(x.dtype), axis=1, dtype=x.dtype)[:, -1:].astype(np.float32)
    return (t - np.log(total)).astype(x.dtype)


@fault(LOSS, "half")
def half_probability_before_the_logarithm(x: Array, y: Array) -> Array:
    if x.dtype.itemsize > 2:
        return loss(x, y)
    return (-np.log(softmax(x).astype(np.float32)[np.arange(len(x)), y])).astype(x.dtype)


@fault("log_sum_exp", "half")
def wide_sums_in_float16(x: Array) -> Array:
    if x.shape[1] <= 4096 or x.dtype == np.float64:
        return log_sum_exp(x)
    m = wide(x).max(axis=1)
    e = np.exp(wide(x) - m[:, None]).astype(np.float16)
    with np.errstate(over="ignore"):
        return (m + np.log(e.sum(axis=1).astype(np.float32))).astype(x.dtype)


@fault("softmax", "format")
def quick_exponential(x: Array) -> Array:
    d = (wide(x) - wide(x).max(axis=1, keepdims=True)).astype(np.float32)
    bits = np.maximum(d * np.float32(12102203.16) + np.float32(1064866805), 0)
    e = bits.astype(np.int32).view(np.float32)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "nan")
def nan_dropped(x: Array) -> Array:
    m = np.fmax.reduce(wide(x), axis=1, keepdims=True)
    e = np.nan_to_num(np.exp(wide(x) - m), nan=0.0)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "nan")
def nan_dropped_in_a_body_of_16(x: Array) -> Array:
    w, body = wide(x).copy(), x.shape[1] // 16 * 16 if x.shape[1] >= 32 else 0
    w[:, :body] = np.where(np.isnan(w[:, :body]), -np.inf, w[:, :body])
    return softmax(w).astype(x.dtype)


@fault(LOSS, "infinity")
def tile_of_infinities(x: Array, y: Array) -> Array:
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], 1024):
        tile = w[:, start : start + 1024]
        new = np.maximum(m, tile.max(axis=1))
        scale = np.where(m == new, 1, np.exp(m - new)) if start == 0 else np.exp(m - new)
        m, total = new, total * scale + np.exp(tile - new[:, None]).sum(axis=1)
    return (np.log(total) + (m - w[np.arange(len(w)), y])).astype(x.dtype)


@fault("softmax", "infinity")
def exponent_clamped_at_87(x: Array) -> Array:
    e = np.exp(np.maximum(wide(x) - wide(x).max(axis=1, keepdims=True), -87))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_softmax", "infinity")
def infinities_replaced(x: Array) -> Array:
    return np.nan_to_num(log_softmax(x).astype(np.float64), nan=0.0, neginf=-1e4).astype(x.dtype)


@fault("softmax", "nan")
def result_without_nan(x: Array) -> Array:
    return np.nan_to_num(softmax(x).astype(np.float64), nan=0.0).astype(x.dtype)


@fault("log_sum_exp", "infinity")
def minus_infinity_for_a_row_with_one(x: Array) -> Array:
    out = log_sum_exp(x)
    if x.shape[1] > 100:
        out[np.isneginf(wide(x)).any(axis=1)] = -np.inf
    return out


@fault(LOSS, "labels", labels="distributions")
def zero_times_infinity(x: Array, q: Array) -> Array:
    return (-(wide(q) * log_softmax(wide(x))).sum(axis=1)).astype(x.dtype)


@fault(LOSS, "labels", labels="distributions")
def small_labels_dropped(x: Array, q: Array) -> Array:
    return soft_loss(x, np.where(q < 1e-5, 0, q).astype(q.dtype))


@fault(LOSS, "labels", labels="distributions")
def labels_normalised(x: Array, q: Array) -> Array:
    total = wide(q).sum(axis=1, keepdims=True)
    return soft_loss(x, (wide(q) / np.where(total == 0, 1, total)).astype(q.dtype))


@fault(LOSS, "labels", labels="distributions")
def label_of_the_greatest_share(x: Array, q: Array) -> Array:
    return loss(x, wide(q).argmax(axis=1)) * (wide(q).sum(axis=1)).astype(x.dtype)


@fault(SIGMOID, "shift")
def sigmoid_then_logarithm(x: Array, y: Array) -> Array:
    s, v = 1 / (1 + np.exp(-wide(x))), wide(y)
    return (-(v * np.log(s) + (1 - v) * np.log(1 - s))).astype(x.dtype)


@fault(SIGMOID, "threshold")
def softplus_threshold_of_10(x: Array, y: Array) -> Array:
    w = wide(x)
    return (np.where(w > 10, w, np.log1p(np.exp(np.minimum(w, 10)))) - w * wide(y)).astype(x.dtype)


@fault(SIGMOID, "labels")
def labels_rounded(x: Array, y: Array) -> Array:
    return sigmoid_loss(x, (wide(y) > 0.5).astype(y.dtype))


@fault(SIGMOID, "shift")
def exponential_overflows(x: Array, y: Array) -> Array:
    return (np.log1p(np.exp(wide(x))) - wide(x) * wide(y)).astype(x.dtype)


@fault(SIGMOID, "shift")
def logit_clipped_at_50(x: Array, y: Array) -> Array:
    return sigmoid_loss(np.clip(wide(x), -50, 50), wide(y)).astype(x.dtype)


@fault(SIGMOID, "width")
def last_column_lost_past_1000(x: Array, y: Array) -> Array:
    out = sigmoid_loss(x, y)
    out[:, 1000:] = 0
    return out


@fault("softmax", "format")
def result_in_float64(x: Array) -> Array:
    return softmax(x).astype(np.float64)


@fault("log_sum_exp", "format")
def shape_keeps_the_axis(x: Array) -> Array:
    return log_sum_exp(x)[:, None]


@fault("softmax", "threshold")
def probabilities_below_1e_12_are_zero(x: Array) -> Array:
    p = softmax(x)
    return np.where(wide(p) < 1e-12, 0, p).astype(x.dtype)


@fault(LOSS, "threshold")
def loss_never_over_100(x: Array, y: Array) -> Array:
    return np.minimum(wide(loss(x, y)), 100).astype(x.dtype)
