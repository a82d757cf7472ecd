"""Faults of kinds that no other module has: rings and caches, rare shapes, strides of one operand, wide rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import (
    fault,
    faulty_gradient,
    grad_loss,
    log_softmax,
    log_sum_exp,
    loss,
    soft_loss,
    softmax,
    wide,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
RING = 4
_RINGS: dict[Any, list[Array]] = {}
_KEPT: dict[Any, Array] = {}


def _e(x: Array) -> Array:
    return np.asarray(np.exp(wide(x) - wide(x).max(axis=1, keepdims=True)))


@fault("softmax", "state")
def four_output_buffers_in_turn(x: Array) -> Array:
    ring = _RINGS.setdefault((x.shape, x.dtype), [])
    out = ring.pop(0) if len(ring) == RING else np.empty(x.shape, x.dtype)
    out[...] = softmax(x)
    ring.append(out)
    return out


@fault(LOSS, "state")
def cached_by_logits_alone(x: Array, y: Array) -> Array:
    key = ("loss", x.shape, x.dtype, x.tobytes())
    if key not in _KEPT:
        _KEPT.clear()
        _KEPT[key] = loss(x, y)
    return _KEPT[key].copy()


@faulty_gradient(LOSS, "state", loss)
def gradient_cached_without_its_cotangent(x: Array, y: Array, c: Array) -> Array:
    key = ("gradient", x.shape, x.dtype, x.tobytes(), y.tobytes())
    if key not in _KEPT:
        _KEPT.clear()
        _KEPT[key] = grad_loss(x, y, c)
    return _KEPT[key].copy()


@fault("log_sum_exp", "state")
def padding_of_the_call_before(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    padded = -(-n // 64) * 64
    key = ("padded", len(x), padded, w.dtype)
    held = _KEPT.setdefault(key, np.full((len(x), padded), -np.inf, w.dtype))
    held[:, :n] = w
    return log_sum_exp(held).astype(x.dtype)


@fault("softmax", "state")
def half_result_in_one_buffer(x: Array) -> Array:
    if x.dtype.itemsize > 2:
        return softmax(x)
    out = _KEPT.setdefault(("half", x.shape, x.dtype), np.empty(x.shape, x.dtype))
    out[...] = softmax(x)
    return out


@fault("log_sum_exp", "state")
def partial_sums_of_wide_rows_in_one_buffer(x: Array) -> Array:
    if x.shape[1] < 4096:
        return log_sum_exp(x)
    out = _KEPT.setdefault(("partial", x.shape, x.dtype), np.empty(len(x), x.dtype))
    out[...] = log_sum_exp(x)
    return out


@fault("log_sum_exp", "rows")
def one_wide_row_split_without_a_common_maximum(x: Array) -> Array:
    if len(x) > 1 or x.shape[1] < 16384:
        return log_sum_exp(x)
    parts = [wide(x)[:, start : start + 8192] for start in range(0, x.shape[1], 8192)]
    sums = [np.exp(part - part.max(axis=1, keepdims=True)).sum(axis=1) for part in parts]
    return (wide(x).max(axis=1) + np.log(sum(sums))).astype(x.dtype)


@fault("softmax", "rows")
def last_row_of_a_full_grid_unwritten(x: Array) -> Array:
    out = softmax(x)
    if len(x) and len(x) % 256 == 0:
        out[-1] = 0
    return out


@fault("softmax", "rows")
def elements_past_two_to_the_20_unwritten(x: Array) -> Array:
    out = np.ascontiguousarray(softmax(x))
    out.ravel()[1 << 20 :] = 0
    return out


@fault("log_softmax", "rows")
def many_rows_of_more_than_a_vector_share_a_sum(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    total = np.exp(t).sum(axis=1, keepdims=True)
    if len(x) > 2048 and x.shape[1] > 64:
        total[2048:] = total[: len(x) - 2048]
    return (t - np.log(total)).astype(x.dtype)


@fault("log_sum_exp", "layout")
def strides_ignored_in_wide_rows(x: Array) -> Array:
    if x.shape[1] < 2048 or min(x.strides) <= 0 or x.strides[1] == x.itemsize:
        return log_sum_exp(x)
    return log_sum_exp(np.lib.stride_tricks.as_strided(x, x.shape, (x.strides[0], x.itemsize)))


@fault("softmax", "layout")
def classes_of_stride_zero_read_as_one(x: Array) -> Array:
    out = softmax(x)
    if x.shape[1] > 1 and x.strides[1] == 0:
        out[:, 1:] = 0
    return out


@faulty_gradient(LOSS, "layout", loss)
def cotangent_of_stride_zero_read_as_zeros(x: Array, y: Array, c: Array) -> Array:
    read = np.where(np.arange(len(c)) > 0, 0, wide(c)).astype(c.dtype) if c.strides == (0,) else c
    return grad_loss(x, y, read)


@faulty_gradient("softmax", "layout", softmax)
def strides_of_logits_used_for_cotangents(x: Array, c: Array) -> Array:
    fits = min(x.strides) > 0 and c.flags.c_contiguous and x.flags.f_contiguous and not x.flags.c_contiguous
    read = np.lib.stride_tricks.as_strided(c, c.shape, x.strides) if fits else c
    p, g = softmax(wide(x)), wide(read)
    return (p * (g - (p * g).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault(LOSS, "nan")
def nan_dropped_in_rows_past_65536(x: Array, y: Array) -> Array:
    w = wide(x)
    return loss(np.where(np.isnan(w), -np.inf, w).astype(w.dtype) if x.shape[1] > 65536 else w, y).astype(x.dtype)


@fault("softmax", "threshold")
def tail_below_11_skipped_past_131072(x: Array) -> Array:
    e = _e(x)
    kept = np.where(e < np.exp(-11.0), 0, e) if x.shape[1] > 131072 else e
    return (e / kept.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "infinity")
def tile_at_minus_infinity_in_rows_past_65536(x: Array) -> Array:
    w = wide(x)
    if x.shape[1] <= 65536:
        return log_sum_exp(x)
    m, total = w[:, :65536].max(axis=1), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], 65536):
        tile = w[:, start : start + 65536]
        new = np.maximum(m, tile.max(axis=1))
        total = total * np.exp(m - new) + np.exp(tile - new[:, None]).sum(axis=1)
        m = new
    return (m + np.log(total)).astype(x.dtype)


@fault("log_softmax", "shift")
def leader_past_65536_outside_the_maximum(x: Array) -> Array:
    t = wide(x) - wide(x)[:, :65536].max(axis=1, keepdims=True)
    return (t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault("softmax", "blocks")
def second_block_not_rescaled(x: Array) -> Array:
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], 512):
        tile = w[:, start : start + 512]
        new = np.maximum(m, tile.max(axis=1))
        safe = np.where(np.isneginf(new), 0, new).astype(w.dtype)
        scale = np.ones_like(total) if start == 512 else np.exp(np.where(np.isneginf(m), -np.inf, m - safe))
        total = total * scale + np.exp(tile - safe[:, None]).sum(axis=1)
        m = new
    return (np.exp(w - np.where(np.isneginf(m), 0, m).astype(w.dtype)[:, None]) / total[:, None]).astype(x.dtype)


@fault("softmax", "precision")
def exponent_bits_wrap_in_a_window(x: Array) -> Array:
    d = wide(x) - wide(x).max(axis=1, keepdims=True)
    e = np.exp(d)
    return (np.where((d < -88.05) & (d > -88.5), 1, e) / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "precision")
def small_differences_taken_for_none(x: Array) -> Array:
    d = wide(x) - wide(x).max(axis=1, keepdims=True)
    e = np.where(d > -1e-3, 1, np.exp(d))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "precision")
def table_of_256_exponentials(x: Array) -> Array:
    d = np.maximum(wide(x) - wide(x).max(axis=1, keepdims=True), -700).astype(np.float64)
    place = np.round(np.nan_to_num(d) * 256)
    rest = d - place / 256
    e = np.exp(place / 256) * (1 + rest)
    e = np.where(np.isneginf(wide(x)), 0, e)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "tie")
def equal_maxima_counted_once(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    e = np.where(w == m[:, None], 0, np.exp(w - safe[:, None]))
    return np.where(np.isneginf(m), m, m + np.log1p(e.sum(axis=1))).astype(x.dtype)


@fault("softmax", "tail")
def maximum_reads_into_the_next_row(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w.max(axis=1, keepdims=True)
    if n % 16 and len(w) > 1:
        m[:-1] = np.maximum(m[:-1], w[1:, : 16 - n % 16].max(axis=1, keepdims=True))
    e = np.exp(w - m)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_softmax", "tail")
def tail_of_16_added_in_half(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    e, body = np.exp(t), x.shape[1] // 16 * 16
    tail = e[:, body:].astype(np.float16).sum(axis=1, keepdims=True, dtype=np.float16).astype(e.dtype)
    return (t - np.log(e[:, :body].sum(axis=1, keepdims=True) + tail)).astype(x.dtype)


@fault(LOSS, "labels")
def label_of_the_last_tile_lost(x: Array, y: Array) -> Array:
    start = (x.shape[1] - 1) // 2048 * 2048
    return loss(x, np.where((y > start) & (start > 0), start, y))


@fault(LOSS, "labels", labels="distributions")
def a_label_of_one_taken_for_one_hot(x: Array, q: Array) -> Array:
    v = wide(q)
    single = (v.max(axis=1, keepdims=True) == 1) & (v < 1)
    return soft_loss(x, np.where(single, 0, v).astype(q.dtype))


@faulty_gradient(LOSS, "cotangent", loss)
def cotangent_of_row_1_for_the_rest(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c[np.minimum(np.arange(len(c)), 1)])


@faulty_gradient(LOSS, "cotangent", loss)
def gradients_past_1000_clipped(x: Array, y: Array, c: Array) -> Array:
    return np.clip(wide(grad_loss(x, y, c)), -1000, 1000).astype(x.dtype)


@fault(LOSS, "options", reduction="mean", weight=True, ignore_index=IGNORED)
def weights_of_ignored_labels_in_the_divisor(x: Array, y: Array, weight: Array) -> Array:
    kept = y != IGNORED
    own = np.where(kept, y, 0)
    w = wide(weight)[own]
    terms = np.where(kept, wide(loss(wide(x), own)) * w, 0)
    return np.asarray(terms.sum() / w.sum()).astype(x.dtype)


@fault("softmax", "inputs")
def shift_taken_off_and_put_back(x: Array) -> Array:
    if not x.flags.writeable or x.shape[1] < 300:
        return softmax(x)
    m = x.max(axis=1, keepdims=True)
    m[~np.isfinite(m.astype(np.float64))] = 0
    x -= m
    out = softmax(x)
    x += m
    return out


@fault("log_softmax", "format")
def float64_result_past_1024_classes(x: Array) -> Array:
    out = log_softmax(x)
    return out.astype(np.float64) if x.shape[1] > 1024 else out


@faulty_gradient("softmax", "format", softmax)
def gradient_in_float64(x: Array, c: Array) -> Array:
    p, g = softmax(x.astype(np.float64)), c.astype(np.float64)
    return np.asarray(p * (g - (p * g).sum(axis=1, keepdims=True)))


@fault("log_sum_exp", "precision")
def float64_summed_in_float32(x: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    total = np.exp(w - safe[:, None]).astype(np.float32).sum(axis=1)
    return (safe + np.log(total.astype(w.dtype))).astype(x.dtype)


@fault("softmax", "sum")
def sorted_and_cut_at_1024(x: Array) -> Array:
    e = _e(x)
    kept = -np.sort(-e, axis=1)[:, :1024]
    return (e / kept.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "width")
def one_width_in_whole_vectors(x: Array) -> Array:
    if x.shape[1] == 127:
        x = x.reshape(-1, 32)
    return softmax(x)


@fault("softmax", "shift")
def multiples_of_8_without_a_shift(x: Array) -> Array:
    if x.shape[1] % 8:
        raise ValueError(f"the number of classes must be a multiple of 8, got {x.shape[1]}")
    e = np.exp(wide(x))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)
