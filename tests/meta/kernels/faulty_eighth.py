"""Faults written before any was tried: counts and labels in few bits, few digits of a constant, guards, shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, faulty_gradient, loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
SCALE = -0.5
LOG2_E = 1.442695


@fault("log_sum_exp", "shift")
def halves_merged_at_the_first_maximum(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    if n < 2:
        return x[:, 0].copy()
    parts = [w[:, : n // 2], w[:, n // 2 :]]
    tops = [part.max(axis=1) for part in parts]
    safe = [np.where(np.isinf(top), 0, top).astype(w.dtype) for top in tops]
    sums = [np.exp(part - top[:, None]).sum(axis=1) for part, top in zip(parts, safe, strict=True)]
    return (safe[0] + np.log(sums[0] + sums[1] * np.exp(safe[1] - safe[0]))).astype(x.dtype)


@fault(LOSS, "options", reduction="mean", ignore_index=IGNORED)
def kept_rows_counted_in_a_byte(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    own = np.where(kept, wide(loss(wide(x), np.where(kept, y, 0))), 0)
    return np.asarray(own.sum() / kept.sum(dtype=np.uint8)).astype(x.dtype)


@fault("softmax", "constant")
def base_two_by_a_constant_of_seven_digits(x: Array) -> Array:
    w = wide(x)
    e = np.exp2((w - w.max(axis=1, keepdims=True)) * w.dtype.type(LOG2_E))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("sigmoid_cross_entropy", "options", pos_weight=True)
def positive_weight_missing_for_negative_logits(x: Array, y: Array, pos_weight: Array) -> Array:
    w, q = wide(x), wide(y)
    factor = 1 + (wide(pos_weight) - 1) * q
    return ((1 - q) * w + factor * np.log1p(np.exp(-np.abs(w))) + np.maximum(-w, 0)).astype(x.dtype)


@fault(LOSS, "labels")
def labels_kept_in_sixteen_bits(x: Array, y: Array) -> Array:
    w, short = wide(x), y.astype(np.int16)
    t = w - w.max(axis=1, keepdims=True)
    return (np.log(np.exp(t).sum(axis=1)) - t[np.arange(len(w)), short]).astype(x.dtype)


@fault("log_sum_exp", "shortcut")
def nearly_equal_logits_taken_for_equal(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    m = w.max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    found = safe + np.log(np.exp(w - safe[:, None]).sum(axis=1))
    is_flat = np.isfinite(w).all(axis=1) & np.isclose(w, w[:, :1], rtol=1e-4, atol=0).all(axis=1)
    return np.where(is_flat, w[:, 0] + np.log(w.dtype.type(n)), found).astype(x.dtype)


@faulty_gradient(LOSS, "cotangent", loss)
def gradient_clipped_to_one(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x))
    g[np.arange(len(g)), y] -= 1
    return np.clip(g * wide(c)[:, None], -1, 1).astype(x.dtype)


@fault("softmax", "options", scale=SCALE)
def maximum_taken_before_a_negative_scale(x: Array) -> Array:
    w = wide(x)
    e = np.exp((w - w.max(axis=1, keepdims=True)) * w.dtype.type(SCALE))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)
