"""Correct kernels of kinds that no other module has: lazy rescaling, tables, reciprocals by Newton, flushes, caches."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import CORRECT, Planted, grad_loss, log_sum_exp, loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
LOG2_E = 1.4426950408889634
LAZY = 8.0
_LOCK = threading.Lock()
_WORK: dict[Any, Array] = {}
_RANDOM = np.random.default_rng()


def rescaled_only_past_a_rise_of_8(x: Array) -> Array:
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], 512):
        tile = w[:, start : start + 512]
        top = tile.max(axis=1)
        new = np.where((top > m + LAZY) | np.isnan(top), top, m).astype(w.dtype)
        safe = np.where(np.isneginf(new), 0, new).astype(w.dtype)
        total = total * np.where(m == new, 1, np.exp(m - safe)) + np.exp(tile - safe[:, None]).sum(axis=1)
        m = new
    return (np.where(np.isneginf(m), 0, m).astype(w.dtype) + np.log(total)).astype(x.dtype)


def table_of_64_with_a_polynomial(x: Array) -> Array:
    w = x.astype(np.float64)
    d = w - w.max(axis=1, keepdims=True)
    k = np.rint(np.clip(np.nan_to_num(d), -745, 0) * (64 * LOG2_E))
    r = np.maximum(d, -745) - k * (1 / (64 * LOG2_E))
    table = np.exp2(np.arange(64) / 64)
    p = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r / 720)))))
    e = np.ldexp(table[k.astype(np.int64) % 64] * p, (k // 64).astype(np.int32))
    e = np.where(np.isneginf(w) & ~np.isneginf(w).all(axis=1, keepdims=True), 0, e)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def reciprocal_by_newton(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    total = e.sum(axis=1, keepdims=True)
    r = (1 / total.astype(np.float32)).astype(w.dtype)
    for _ in range(2):
        r = r * (2 - total * r)
    return (e * r).astype(x.dtype)


def subnormals_flushed(x: Array) -> Array:
    w = wide(x)
    tiny = np.finfo(w.dtype).tiny
    e = np.exp(w - w.max(axis=1, keepdims=True))
    e = np.where(e < tiny, 0, e)
    p = e / e.sum(axis=1, keepdims=True)
    return np.where(p < tiny, 0, p).astype(x.dtype)


def rounded_at_random(x: Array) -> Array:
    p = softmax(x.astype(np.float64))
    if x.dtype == np.float64:
        return p
    near = p.astype(x.dtype)
    other = np.nextafter(near.astype(np.float32), np.float32(np.inf)).astype(x.dtype)
    pick = (_RANDOM.random(p.shape) < 0.02) & (p > near)  # what the format holds is not rounded
    return np.where(pick, other, near).astype(x.dtype)


def workspace_behind_a_lock(x: Array) -> Array:
    w = wide(x)
    with _LOCK:
        work = _WORK.setdefault((w.shape, w.dtype), np.empty(w.shape, w.dtype))
        np.exp(w - w.max(axis=1, keepdims=True), out=work)
        return (work / work.sum(axis=1, keepdims=True)).astype(x.dtype)


def rows_without_a_cotangent_skipped(x: Array, y: Array, c: Array) -> Array:
    out = np.zeros(x.shape, x.dtype)
    kept = np.flatnonzero(wide(c) != 0)
    out[kept] = grad_loss(x[kept], y[kept], c[kept])
    return out


def cached_by_all_its_bytes(x: Array) -> Array:
    key = ("bytes", x.shape, x.dtype, x.tobytes())
    if key not in _WORK:
        _WORK.clear()
        _WORK[key] = log_sum_exp(x)
    return _WORK[key].copy()


def neumaier(x: Array) -> Array:
    w = wide(x)
    m = w.max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    e = np.exp(w - safe[:, None])
    lanes = 64
    short = -e.shape[1] % lanes
    parts = np.pad(e, ((0, 0), (0, short))).reshape(len(e), -1, lanes)
    total, lost = np.zeros((len(e), lanes), w.dtype), np.zeros((len(e), lanes), w.dtype)
    for at in range(parts.shape[1]):
        term = parts[:, at]
        new = total + term
        lost += np.where(np.abs(total) >= np.abs(term), (total - new) + term, (term - new) + total)
        total = new
    return (safe + np.log((total + lost).sum(axis=1))).astype(x.dtype)


def weighted_mean_of_kept(x: Array, y: Array, weight: Array) -> Array:
    kept = y != IGNORED
    own = np.where(kept, y, 0)
    w = np.where(kept, wide(weight)[own], 0)
    terms = np.where(kept, wide(loss(wide(x), own)) * w, 0)
    return np.asarray(terms.sum() / w.sum()).astype(x.dtype)


def one_row_split_in_eight(x: Array) -> Array:
    if len(x) != 1 or x.shape[1] < 64:
        return log_sum_exp(x)
    parts = np.array_split(wide(x), 8, axis=1)
    return log_sum_exp(np.stack([log_sum_exp(part) for part in parts], axis=1)).astype(x.dtype)


def classes_taken_together_by_value(x: Array) -> Array:
    w = wide(x)
    out = np.empty(len(w), w.dtype)
    for row, one in enumerate(w):
        values, counts = np.unique(one, return_counts=True)
        top = values[-1]
        safe = top if np.isfinite(top) else w.dtype.type(0)
        out[row] = safe + np.log((np.exp(values - safe) * counts.astype(w.dtype)).sum())
    return out.astype(x.dtype)


def multiples_of_8_alone(x: Array) -> Array:
    if x.shape[1] % 8:
        raise ValueError(f"the number of classes must be a multiple of 8, got {x.shape[1]}")
    return softmax(x)


def at_most_8192_classes(x: Array, y: Array) -> Array:
    assert x.shape[1] <= 8192
    return loss(x, y)


def gradient_of_at_most_8192_classes(x: Array, y: Array, c: Array) -> Array:
    assert x.shape[1] <= 8192
    return grad_loss(x, y, c)


def _add(op: str, kind: str, function: Any, gradient: Any = None, **declared: Any) -> None:
    CORRECT.append(Planted(op, kind, function, gradient, declared))


_add("log_sum_exp", "lazy rescaling", rescaled_only_past_a_rise_of_8)
_add("softmax", "table", table_of_64_with_a_polynomial)
_add("softmax", "Newton", reciprocal_by_newton)
_add("softmax", "flushed", subnormals_flushed)
_add("softmax", "rounded at random", rounded_at_random)
_add("softmax", "lock", workspace_behind_a_lock)
_add(LOSS, "zero cotangents", loss, rows_without_a_cotangent_skipped)
_add("log_sum_exp", "cache", cached_by_all_its_bytes)
_add("log_sum_exp", "Neumaier", neumaier)
_add(LOSS, "weights, ignore, mean", weighted_mean_of_kept, reduction="mean", weight=True, ignore_index=IGNORED)
_add("log_sum_exp", "split row", one_row_split_in_eight)
_add("log_sum_exp", "unique", classes_taken_together_by_value)
_add("softmax", "multiples of 8", multiples_of_8_alone)
_add(LOSS, "at most 8192", at_most_8192_classes, gradient_of_at_most_8192_classes)
