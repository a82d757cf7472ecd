"""Faults of shape: widths beside powers of two and blocks, tails, rows, label formats, memory layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, log_softmax, log_sum_exp, loss, sigmoid_loss, soft_loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"


def _soft(x: Array, m: Array, total: Array) -> Array:
    return (np.exp(wide(x) - m) / total).astype(x.dtype)


@fault("softmax", "tail")
def tail_of_32_lost(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w.max(axis=1, keepdims=True)
    body = n // 32 * 32 if n > 64 else n
    return _soft(x, m, np.exp(w - m)[:, :body].sum(axis=1, keepdims=True))


@fault("log_sum_exp", "tail")
def maximum_of_body_alone(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w[:, : n // 16 * 16 or n].max(axis=1)
    safe = np.where(np.isinf(m), 0, m)
    return (safe + np.log(np.exp(w - safe[:, None]).sum(axis=1))).astype(x.dtype)


@fault(LOSS, "blocks")
def blocks_not_rescaled(x: Array, y: Array) -> Array:
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], 2048):
        m = np.maximum(m, w[:, start : start + 2048].max(axis=1))
        total = total + np.exp(w[:, start : start + 2048] - m[:, None]).sum(axis=1)
    return (np.log(total) + (m - w[np.arange(len(w)), y])).astype(x.dtype)


@fault("softmax", "width")
def classes_past_65536_unwritten(x: Array) -> Array:
    p = softmax(x)
    p[:, 65536:] = 0
    return p


@fault("log_sum_exp", "width")
def class_count_in_int16(x: Array) -> Array:
    return log_sum_exp(x[:, : min(x.shape[1], 32767)])


@fault(LOSS, "labels")
def labels_in_int16(x: Array, y: Array) -> Array:
    return loss(x, y.astype(np.int16).astype(np.int64) % x.shape[1])


@fault(LOSS, "labels")
def labels_in_uint8(x: Array, y: Array) -> Array:
    return loss(x, y.astype(np.uint8).astype(np.int64) % x.shape[1] if x.shape[1] > 300 else y)


@fault(LOSS, "labels")
def labels_in_the_format_of_logits(x: Array, y: Array) -> Array:
    return loss(x, np.minimum(y.astype(x.dtype).astype(np.int64), x.shape[1] - 1))


@fault("softmax", "width")
def last_class_outside_the_maximum_of_whole_blocks(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w[:, : n - (n % 512 == 0)].max(axis=1, keepdims=True)
    return _soft(x, m, np.exp(w - m).sum(axis=1, keepdims=True))


@fault("log_sum_exp", "width")
def no_shift_at_1024(x: Array) -> Array:
    return np.log(np.exp(wide(x)).sum(axis=1)).astype(x.dtype) if x.shape[1] == 1024 else log_sum_exp(x)


@fault("log_softmax", "width")
def block_of_one_class_skipped(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    t = w - w.max(axis=1, keepdims=True)
    kept = n - 1 if n > 256 and n % 256 == 1 else n
    return (t - np.log(np.exp(t)[:, :kept].sum(axis=1, keepdims=True))).astype(x.dtype)


@fault("log_softmax", "blocks")
def maximum_of_the_first_block(x: Array) -> Array:
    t = wide(x) - wide(x)[:, :4096].max(axis=1, keepdims=True)
    return (t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault(LOSS, "blocks")
def blocks_merged_without_a_shift(x: Array, y: Array) -> Array:
    w, block = wide(x), 8192
    if w.shape[1] <= block:
        return loss(x, y)
    parts = np.stack([log_sum_exp(w[:, s : s + block]) for s in range(0, w.shape[1], block)], axis=1)
    return (np.log(np.exp(parts).sum(axis=1)) - w[np.arange(len(w)), y]).astype(x.dtype)


@fault("softmax", "width")
def first_class_outside_sums_of_odd_width(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / e[:, n % 2 if n > 200 else 0 :].sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "tail")
def padded_with_zeros(x: Array) -> Array:
    short = -x.shape[1] % 128 if x.shape[1] > 128 else 0
    return log_sum_exp(np.pad(x, ((0, 0), (0, short))))


@fault("log_sum_exp", "tail")
def padded_with_minus_1e4(x: Array) -> Array:
    short = -x.shape[1] % 64
    return log_sum_exp(np.pad(wide(x), ((0, 0), (0, short)), constant_values=-1e4)).astype(x.dtype)


@fault("log_sum_exp", "rows")
def rows_past_1024_repeat(x: Array) -> Array:
    return log_sum_exp(x)[np.arange(len(x)) % 1024]


@fault("softmax", "rows")
def rows_past_65535_unwritten(x: Array) -> Array:
    p = softmax(x)
    p[65535:] = 0
    return p


@fault(LOSS, "rows")
def axis_guessed_by_length(x: Array, y: Array) -> Array:
    w = wide(x)
    axis = next(axis for axis, length in enumerate(x.shape) if length == x.shape[1])
    m = w.max(axis=axis)
    total = np.exp(w - np.expand_dims(m, axis)).sum(axis=axis)
    return (np.log(total) + (m - w[np.arange(len(w)), y])).astype(x.dtype)


@fault(LOSS, "rows")
def one_row_without_a_shift(x: Array, y: Array) -> Array:
    return np.log(np.exp(wide(x)).sum(axis=1)).astype(x.dtype) - x[:, y[0]] if len(x) == 1 else loss(x, y)


@fault("softmax", "rows")
def last_of_many_odd_rows_copied(x: Array) -> Array:
    p = softmax(x)
    if len(x) > 500 and len(x) % 2:
        p[-1] = p[-2]
    return p


@fault("log_softmax", "rows")
def last_rows_share_a_maximum(x: Array) -> Array:
    w, rest = wide(x), len(x) % 32
    m = w.max(axis=1, keepdims=True)
    if rest and len(x) > 32:
        m[-rest:] = m[-rest:].max()
    t = w - m
    return (t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault("softmax", "layout")
def order_of_memory_taken_for_that_of_rows(x: Array) -> Array:
    return softmax(x.ravel(order="K").reshape(x.shape))


@fault("log_sum_exp", "layout")
def strides_ignored(x: Array) -> Array:
    if x.size < 2 or min(x.strides) < 0:
        return log_sum_exp(x)
    packed = (x.shape[1] * x.itemsize, x.itemsize)
    return (
        log_sum_exp(np.lib.stride_tricks.as_strided(x, x.shape, packed))
        if x.strides[0] >= packed[0]
        else log_sum_exp(x)
    )


@fault("log_softmax", "layout")
def rows_of_stride_zero_read_as_one(x: Array) -> Array:
    out = log_softmax(x)
    if len(x) > 1 and x.strides[0] == 0:
        out[1:] = 0
    return out


@fault(LOSS, "layout")
def stride_of_labels_ignored(x: Array, y: Array) -> Array:
    return loss(x, np.lib.stride_tricks.as_strided(y, y.shape, (y.itemsize,)) if y.size and y.strides[0] > 0 else y)


@fault("sigmoid_cross_entropy", "layout")
def column_order_of_labels_ignored(x: Array, y: Array) -> Array:
    return sigmoid_loss(np.ascontiguousarray(x), y.ravel(order="K").reshape(x.shape))


@fault(LOSS, "layout", labels="distributions")
def labels_read_transposed_if_square(x: Array, q: Array) -> Array:
    return soft_loss(x, q.T if q.shape[0] == q.shape[1] else q)


@fault("softmax", "inputs")
def wide_rows_computed_in_place(x: Array) -> Array:
    if x.shape[1] < 512:
        return softmax(x)
    x -= x.max(axis=1, keepdims=True)
    return softmax(x)


@fault(LOSS, "inputs")
def labels_changed(x: Array, y: Array) -> Array:
    result = loss(x, y)
    if len(y) > 40:
        y[-1] = 0
    return result


@fault("softmax", "width")
def second_half_normalised_alone(x: Array) -> Array:
    if x.shape[1] < 100_000:
        return softmax(x)
    half = x.shape[1] // 2
    return np.concatenate([softmax(x[:, :half]), softmax(x[:, half:])], axis=1)


@fault("softmax", "tail")
def tail_of_8_read_twice(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w.max(axis=1, keepdims=True)
    e = np.exp(w - m)
    extra = e[:, n - 8 :].sum(axis=1, keepdims=True) if n > 1000 and n % 8 else 0
    return (e / (e.sum(axis=1, keepdims=True) + extra)).astype(x.dtype)


@fault(LOSS, "labels")
def label_looked_up_in_its_block_alone(x: Array, y: Array) -> Array:
    return loss(x, np.where(y >= 16384, y % 16384, y))
