"""Faults written before anybody looked at how `check` finds them: of values, shapes, special numbers and state."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS
from meta.kernels.corpus import (
    fault,
    log_softmax,
    log_sum_exp,
    loss,
    sigmoid_loss,
    soft_loss,
    softmax,
    wide,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
SIGMOID = "sigmoid_cross_entropy"
BFLOAT16 = FORMATS["bfloat16"].dtype
_SEEN: set[Any] = set()
_SAVED: dict[Any, Array] = {}


@fault("softmax", "precision")
def exponentials_kept_in_bfloat16(x: Array) -> Array:
    e = np.exp(wide(x) - wide(x).max(axis=1, keepdims=True)).astype(BFLOAT16).astype(wide(x).dtype)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault(LOSS, "constant")
def logarithm_of_2_of_four_digits(x: Array, y: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    total = np.log2(np.exp(t).sum(axis=1)) * wide(x).dtype.type(0.6931)
    return (total - t[np.arange(len(t)), y]).astype(x.dtype)


@fault("softmax", "constant")
def logarithm_of_e_of_five_digits(x: Array) -> Array:
    e = np.exp2((wide(x) - wide(x).max(axis=1, keepdims=True)) * wide(x).dtype.type(1.4427))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "guard")
def sum_plus_1e_10(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(np.exp(w - safe[:, None]).sum(axis=1) + w.dtype.type(1e-10))).astype(x.dtype)


@fault("softmax", "guard")
def temperature_guarded_by_1e_6(x: Array) -> Array:
    return softmax(wide(x) / wide(x).dtype.type(1 + 1e-6)).astype(x.dtype)


@fault("softmax", "precision")
def maximum_kept_in_float32(x: Array) -> Array:
    m = x.max(axis=1, keepdims=True).astype(np.float32).astype(wide(x).dtype)
    e = np.exp(wide(x) - m)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "precision")
def cubic_for_the_fraction_of_exp2(x: Array) -> Array:
    z = (wide(x) - wide(x).max(axis=1, keepdims=True)) * wide(x).dtype.type(1.4426950408889634)
    z = np.maximum(z, -126)
    whole = np.floor(z)
    f = z - whole
    e = np.ldexp(1 + f * (0.695146 + f * (0.227564 + f * 0.077119)), np.nan_to_num(whole).astype(np.int32))
    e = np.where(np.isnan(wide(x)), np.nan, np.where(np.isneginf(wide(x)), 0, e))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_softmax", "precision")
def log_sum_kept_in_half(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    total = np.log(np.exp(t).sum(axis=1, keepdims=True)).astype(np.float16).astype(t.dtype)
    return (t - total).astype(x.dtype)


@fault(SIGMOID, "threshold")
def nothing_below_minus_15(x: Array, y: Array) -> Array:
    w = wide(x)
    softplus = np.where(w < -15, 0, np.maximum(w, 0) + np.log1p(np.exp(-np.abs(w))))
    return (softplus - w * wide(y)).astype(x.dtype)


@fault(SIGMOID, "labels")
def labels_clipped_by_1e_7(x: Array, y: Array) -> Array:
    v = np.clip(wide(y), 1e-7, 1 - 1e-7).astype(wide(y).dtype)
    w = wide(x)
    return (np.maximum(w, 0) - w * v + np.log1p(np.exp(-np.abs(w)))).astype(x.dtype)


@fault(SIGMOID, "tail")
def end_of_the_flat_array_unwritten(x: Array, y: Array) -> Array:
    out = sigmoid_loss(x, y).ravel()
    if out.size > 1024:
        out[out.size // 1024 * 1024 :] = 0
    return out.reshape(x.shape)


@fault(SIGMOID, "shift")
def log_of_one_plus_exp_without_log1p(x: Array, y: Array) -> Array:
    w = wide(x)
    return (np.maximum(w, 0) - w * wide(y) + np.log(1 + np.exp(-np.abs(w)))).astype(x.dtype)


@fault(SIGMOID, "sum")
def summed_over_the_classes_of_wide_rows(x: Array, y: Array) -> Array:
    out = sigmoid_loss(x, y)
    return out / out.dtype.type(x.shape[1]) if x.shape[1] >= 4096 else out


@fault("softmax", "width")
def second_register_outside_the_maximum(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = (w[:, :32] if 32 < n < 64 else w).max(axis=1, keepdims=True)
    e = np.exp(w - m)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "tail")
def last_block_padded_with_its_last_class(x: Array) -> Array:
    block = 1024
    short = -x.shape[1] % block if x.shape[1] > block else 0
    return log_sum_exp(np.pad(wide(x), ((0, 0), (0, short)), mode="edge")).astype(x.dtype)


@fault("softmax", "tail")
def unaligned_first_classes_counted_twice(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    e = np.exp(w - w.max(axis=1, keepdims=True))
    total = e.sum(axis=1)
    if n % 4 and n > 16:
        start = np.arange(len(x)) * n % 4
        total = total + np.where(np.arange(4) < ((4 - start) % 4)[:, None], e[:, :4], 0).sum(axis=1)
    return (e / total[:, None]).astype(x.dtype)


@fault("log_softmax", "width")
def one_class_is_handed_through(x: Array) -> Array:
    return x.copy() if x.shape[1] == 1 else log_softmax(x)


@fault(LOSS, "rows")
def one_row_loses_its_axis(x: Array, y: Array) -> Array:
    return np.squeeze(loss(x, y))


@fault("log_softmax", "width")
def no_shift_past_65536(x: Array) -> Array:
    if x.shape[1] <= 65536:
        return log_softmax(x)
    return (wide(x) - np.log(np.exp(wide(x)).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault("softmax", "blocks")
def two_blocks_of_65536_summed(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / e[:, :131072].sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "tail")
def odd_one_lost_in_a_tree(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    e = np.exp(w - safe[:, None])
    while e.shape[1] > 1:
        half = e.shape[1] // 2
        e = e[:, :half] + e[:, half : 2 * half]
    return (safe + np.log(e[:, 0])).astype(x.dtype)


@fault("softmax", "layout")
def offset_of_a_row_in_float32(x: Array) -> Array:
    out = softmax(x)
    starts = np.arange(len(x)) * x.shape[1]
    lost = starts.astype(np.float32).astype(np.int64) != starts
    out[lost] = np.roll(out[lost], 1, axis=1)
    return out


@fault("softmax", "rows")
def many_rows_summed_in_half(x: Array) -> Array:
    if len(x) < 1000:
        return softmax(x)
    e = np.exp(wide(x) - wide(x).max(axis=1, keepdims=True))
    return (e / e.astype(np.float16).sum(axis=1, keepdims=True).astype(e.dtype)).astype(x.dtype)


@fault("softmax", "rows")
def rows_beyond_a_grid_of_4096_keep_zeros(x: Array) -> Array:
    out = softmax(x)
    out[4096:] = 0
    return out


@fault("log_softmax", "infinity")
def lowest_number_for_minus_infinity(x: Array) -> Array:
    lowest = np.finfo(wide(x).dtype).min
    return log_softmax(np.maximum(wide(x), lowest)).astype(x.dtype)


@fault(LOSS, "infinity")
def infinite_loss_becomes_zero(x: Array, y: Array) -> Array:
    return np.nan_to_num(wide(loss(x, y)), nan=np.nan, posinf=0.0).astype(x.dtype)


@fault("softmax", "nan")
def one_nan_spoils_the_batch(x: Array) -> Array:
    return np.full_like(x, np.nan) if np.isnan(wide(x)).any() else softmax(x)


@fault("log_sum_exp", "infinity")
def infinite_logits_taken_for_zero(x: Array) -> Array:
    w = wide(x)
    return log_sum_exp(np.where(np.isneginf(w), 0, w).astype(w.dtype)).astype(x.dtype)


@fault("log_sum_exp", "nan")
def nan_skipped_by_comparison(x: Array) -> Array:
    w = wide(x)
    m = np.full(len(w), -np.inf, w.dtype)
    for start in range(0, w.shape[1], 64):
        block = np.where(np.isnan(w[:, start : start + 64]), -np.inf, w[:, start : start + 64])
        m = np.maximum(m, block.max(axis=1))
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(np.nansum(np.exp(w - safe[:, None]), axis=1))).astype(x.dtype)


@fault(LOSS, "labels", labels="distributions")
def one_minus_the_other_labels(x: Array, q: Array) -> Array:
    v = wide(q).copy()
    v[:, -1] = 1 - v[:, :-1].sum(axis=1)
    return soft_loss(x, v.astype(q.dtype)).astype(x.dtype)


@fault(LOSS, "labels", labels="distributions")
def entropy_of_labels_taken_off(x: Array, q: Array) -> Array:
    v = wide(q)
    entropy = -(v * np.log(np.where(v > 0, v, 1))).sum(axis=1)
    return (wide(soft_loss(x, q)) - entropy).astype(x.dtype)


@fault(LOSS, "labels", labels="distributions")
def labels_of_the_first_row(x: Array, q: Array) -> Array:
    return soft_loss(x, np.broadcast_to(q[:1], q.shape))


@fault(LOSS, "labels")
def label_read_from_the_flat_array_in_column_order(x: Array, y: Array) -> Array:
    w = wide(x)
    t = w - w.max(axis=1, keepdims=True)
    picked = t.ravel()[y * len(t) + np.arange(len(t))] if len(t) == x.shape[1] else t[np.arange(len(t)), y]
    return (np.log(np.exp(t).sum(axis=1)) - picked).astype(x.dtype)


@fault("softmax", "state")
def first_call_of_a_shape_returns_zeros(x: Array) -> Array:
    key = (x.shape, x.dtype)
    if key in _SEEN:
        return softmax(x)
    _SEEN.add(key)
    return np.zeros_like(x)


@fault("log_softmax", "state")
def cached_by_the_first_row(x: Array) -> Array:
    if not x.size:
        return log_softmax(x)
    key = (x.shape, x.dtype, x[0].tobytes())
    if key not in _SAVED:
        _SAVED.clear()
        _SAVED[key] = log_softmax(x)
    return _SAVED[key].copy()


def _fill(out: Array, x: Array) -> None:
    time.sleep(0.01)
    out[...] = log_sum_exp(x)


@fault("log_sum_exp", "state")
def returns_before_it_is_done(x: Array) -> Array:
    out = np.zeros(len(x), x.dtype)
    threading.Thread(target=partial(_fill, out, x.copy()), daemon=True).start()
    return out


@fault("log_sum_exp", "state")
def maximum_of_all_calls_so_far(x: Array) -> Array:
    w = wide(x)
    finite = w[np.isfinite(w) & (np.abs(np.nan_to_num(w)) < 1e4)]
    top = float(finite.max(initial=-1e4))
    _SAVED["top"] = np.maximum(_SAVED.get("top", np.float64(-1e4)), top)
    m = np.maximum(w.max(axis=1), _SAVED["top"]).astype(w.dtype)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(np.exp(w - safe[:, None]).sum(axis=1))).astype(x.dtype)
