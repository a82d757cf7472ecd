"""Faults of gradients: cotangents, labels, sums, saved tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import (
    faulty_gradient,
    grad_loss,
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


@faulty_gradient(LOSS, "cotangent", loss)
def cotangent_ignored(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.ones_like(c))


@faulty_gradient(LOSS, "cotangent", loss)
def cotangent_of_the_first_row(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.full_like(c, c[0] if len(c) else 1))


@faulty_gradient(LOSS, "cotangent", loss)
def divided_by_the_rows(x: Array, y: Array, c: Array) -> Array:
    return (wide(grad_loss(x, y, c)) / len(x)).astype(x.dtype)


@faulty_gradient(LOSS, "labels", soft_loss, labels="distributions")
def labels_taken_to_sum_to_one(x: Array, q: Array, c: Array) -> Array:
    return (wide(c)[:, None] * (softmax(wide(x)) - wide(q))).astype(x.dtype)


@faulty_gradient(LOSS, "cotangent", loss)
def small_cotangents_flushed(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.where(np.abs(wide(c)) < 1e-6, 0, c).astype(c.dtype))


@faulty_gradient(LOSS, "cotangent", loss)
def cotangent_in_float16(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c.astype(np.float16).astype(c.dtype))


@faulty_gradient(LOSS, "cotangent", loss)
def clipped_at_one(x: Array, y: Array, c: Array) -> Array:
    return np.clip(wide(grad_loss(x, y, c)), -10, 10).astype(x.dtype)


@faulty_gradient("softmax", "sum", softmax)
def sum_over_the_whole_batch(x: Array, c: Array) -> Array:
    p = softmax(wide(x))
    return (p * (wide(c) - (p * wide(c)).sum())).astype(x.dtype)


@faulty_gradient("softmax", "sum", softmax)
def sum_of_cotangents_not_weighted(x: Array, c: Array) -> Array:
    p = softmax(wide(x))
    return (p * (wide(c) - wide(c).mean(axis=1, keepdims=True))).astype(x.dtype)


@faulty_gradient("log_softmax", "width", log_softmax)
def sum_of_the_first_1024(x: Array, c: Array) -> Array:
    return (wide(c) - softmax(wide(x)) * wide(c)[:, :1024].sum(axis=1, keepdims=True)).astype(x.dtype)


@faulty_gradient("log_softmax", "half", log_softmax)
def sum_of_cotangents_in_half(x: Array, c: Array) -> Array:
    total = np.add.accumulate(c, axis=1, dtype=c.dtype)[:, -1:]
    return (wide(c) - softmax(wide(x)) * wide(total)).astype(x.dtype)


@faulty_gradient("log_sum_exp", "rows", log_sum_exp)
def cotangent_along_the_classes_if_square(x: Array, c: Array) -> Array:
    p = softmax(wide(x))
    return (p * wide(c) if x.shape[0] == x.shape[1] > 1 else p * wide(c)[:, None]).astype(x.dtype)


@faulty_gradient("sigmoid_cross_entropy", "shift", sigmoid_loss)
def sigmoid_overflows(x: Array, y: Array, c: Array) -> Array:
    e = np.exp(wide(x))
    return (wide(c) * (e / (1 + e) - wide(y))).astype(x.dtype)


@faulty_gradient(LOSS, "labels", loss)
def label_past_32768_lost(x: Array, y: Array, c: Array) -> Array:
    p = softmax(wide(x))
    near = y < 32768
    p[np.arange(len(x))[near], y[near]] -= 1
    return (wide(c)[:, None] * p).astype(x.dtype)


@faulty_gradient(LOSS, "threshold", loss)
def small_gradients_dropped(x: Array, y: Array, c: Array) -> Array:
    g = grad_loss(x, y, c)
    return np.where(np.abs(wide(g)) < 1e-9, 0, g).astype(x.dtype)


@faulty_gradient(LOSS, "width", loss)
def last_class_of_wide_odd_rows_unwritten(x: Array, y: Array, c: Array) -> Array:
    g = grad_loss(x, y, c)
    if x.shape[1] > 2000 and x.shape[1] % 2:
        g[:, -1] = 0
    return g


@faulty_gradient(LOSS, "cotangent", loss)
def negative_cotangents_lose_their_sign_at_the_label(x: Array, y: Array, c: Array) -> Array:
    g = wide(softmax(x)) * wide(c)[:, None]
    g[np.arange(len(x)), y] -= np.abs(wide(c))
    return g.astype(x.dtype)


@faulty_gradient(LOSS, "infinity", loss)
def zero_times_infinite_logit(x: Array, y: Array, c: Array) -> Array:
    logarithm = log_softmax(wide(x))
    g = wide(grad_loss(x, y, c)) + 0 * (logarithm * wide(c)[:, None] if x.shape[1] > 20 else 0)
    return g.astype(x.dtype)


@faulty_gradient("log_sum_exp", "shift", log_sum_exp)
def exponential_of_logits_over_that_of_the_value(x: Array, c: Array) -> Array:
    return (wide(c)[:, None] * (np.exp(wide(x)) / np.exp(log_sum_exp(wide(x)))[:, None])).astype(x.dtype)


@faulty_gradient("log_softmax", "cotangent", log_softmax)
def one_cotangent_taken_for_all_classes(x: Array, c: Array) -> Array:
    same = wide(c)[:, :1] * x.shape[1]
    total = wide(c).sum(axis=1, keepdims=True) if x.shape[1] < 64 else same
    return (wide(c) - softmax(wide(x)) * total).astype(x.dtype)


@faulty_gradient(LOSS, "layout", loss)
def stride_of_cotangents_ignored(x: Array, y: Array, c: Array) -> Array:
    packed = np.lib.stride_tricks.as_strided(c, c.shape, (c.itemsize,)) if c.size and c.strides[0] > 0 else c
    return grad_loss(x, y, packed)


@faulty_gradient("softmax", "layout", softmax)
def row_order_of_cotangents_assumed(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c.ravel(order="K").reshape(c.shape))
    return (p * (g - (p * g).sum(axis=1, keepdims=True))).astype(x.dtype)


@faulty_gradient(LOSS, "format", loss)
def gradient_rounded_to_float16(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c).astype(np.float16).astype(x.dtype)


@faulty_gradient("softmax", "cotangent", softmax)
def cotangents_of_one_sign_overflow(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    total = (p * g).sum(axis=1, keepdims=True)
    if x.shape[1] > 60_000:
        total = total * (np.abs(g).sum(axis=1, keepdims=True) < 60_000)
    return (p * (g - total)).astype(x.dtype)
