"""Correct kernels written before anybody looked at how `check` judges them: sixty algorithms and habits of code."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import (
    CORRECT,
    Planted,
    grad_loss,
    log_softmax,
    log_sum_exp,
    loss,
    one_hot,
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
IGNORED = -100
LOG2_E, LN_2 = 1.4426950408889634, 0.6931471805599453


def _top(w: Array) -> Array:
    m = w.max(axis=1, keepdims=True)
    return np.where(np.isinf(m), 0, m).astype(w.dtype)


def _picked(t: Array, y: Array) -> Array:
    return np.take_along_axis(t, y[:, None].astype(np.int64), axis=1)[:, 0]


def merged_pairs(w: Array) -> tuple[Array, Array]:
    """Return maximum and scaled sum, by a tree that merges pairs of them."""
    m, s = w.copy(), np.ones_like(w)
    while m.shape[1] > 1:
        if m.shape[1] % 2:
            m = np.concatenate([m, np.full((len(m), 1), -np.inf, m.dtype)], axis=1)
            s = np.concatenate([s, np.zeros((len(s), 1), s.dtype)], axis=1)
        a, b = m[:, 0::2], m[:, 1::2]
        top = np.maximum(a, b)
        safe = np.where(np.isneginf(top), 0, top).astype(m.dtype)
        s = s[:, 0::2] * np.exp(a - safe) + s[:, 1::2] * np.exp(b - safe)
        m = top
    return m[:, 0], s[:, 0]


def tree_of_pairs(x: Array) -> Array:
    m, s = merged_pairs(wide(x))
    return (m + np.log(s)).astype(x.dtype)


def loss_by_a_tree_of_pairs(x: Array, y: Array) -> Array:
    m, s = merged_pairs(wide(x))
    return (np.log(s) + (m - _picked(wide(x), y))).astype(x.dtype)


def from_the_last_block_to_the_first(x: Array) -> Array:
    w = wide(x)
    m, s = np.full((len(w), 1), -np.inf, w.dtype), np.zeros((len(w), 1), w.dtype)
    for start in reversed(range(0, w.shape[1], 500)):
        tile = w[:, start : start + 500]
        new = np.maximum(m, tile.max(axis=1, keepdims=True))
        safe = np.where(np.isneginf(new), 0, new).astype(w.dtype)
        s = s * np.exp(m - safe) + np.exp(tile - safe).sum(axis=1, keepdims=True)
        m = new
    return (np.exp(w - m) / s).astype(x.dtype)


def by_logaddexp(x: Array) -> Array:
    return np.logaddexp.reduce(wide(x), axis=1).astype(x.dtype)


def by_a_tree_of_logaddexp(x: Array) -> Array:
    w = wide(x)
    while w.shape[1] > 1:
        half = (w.shape[1] + 1) // 2
        rest = np.full((len(w), half), -np.inf, w.dtype)
        rest[:, : w.shape[1] - half] = w[:, half:]
        w = np.logaddexp(w[:, :half], rest)
    return w[:, 0].astype(x.dtype)


def prescaled_in_float64(x: Array) -> Array:
    z = x.astype(np.float64) * LOG2_E
    e = np.exp2(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def widened_twice(x: Array) -> Array:
    w = x.astype(np.longdouble)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def exp_again_in_the_last_pass(x: Array) -> Array:
    w = wide(x)
    m = w.max(axis=1, keepdims=True)
    s = np.exp(w - m).sum(axis=1, keepdims=True)
    out = np.empty_like(x)
    for start in range(0, x.shape[1], 256):
        out[:, start : start + 256] = np.exp(w[:, start : start + 256] - m) / s
    return out


def descending_sums(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / (-np.sort(-e, axis=1)).sum(axis=1, keepdims=True)).astype(x.dtype)


def two_sums(x: Array) -> Array:
    w = wide(x)
    m = _top(w)
    terms = np.exp(w - m)
    total, lost = np.zeros(len(w), w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, terms.shape[1], 128):
        part = terms[:, start : start + 128].sum(axis=1)
        new = total + part
        back = new - total
        lost += (total - (new - back)) + (part - back)
        total = new
    return (m[:, 0] + np.log(total + lost)).astype(x.dtype)


def whole_number_for_the_maximum(x: Array) -> Array:
    w = wide(x)
    m = np.ceil(w.max(axis=1, keepdims=True))
    e = np.exp(w - m)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def powers_of_two_apart(x: Array) -> Array:
    w = wide(x)
    z = (w - w.max(axis=1, keepdims=True)) * w.dtype.type(LOG2_E)
    floor = np.maximum(np.floor(z), -2000)
    safe = np.where(np.isnan(floor), 0, floor).astype(np.int32)
    e = np.where(np.isneginf(z), 0, np.ldexp(np.exp2(z - floor), safe)).astype(w.dtype)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def polynomial(x: Array) -> Array:
    w = x.astype(np.float64)
    t = np.maximum(w - w.max(axis=1, keepdims=True), -1000.0)
    k = np.rint(t * LOG2_E)
    r = (t - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10
    p = np.ones_like(r)
    for degree in range(16, 0, -1):
        p = 1 + p * r / degree
    e = np.ldexp(p, np.where(np.isnan(k), 0, k).astype(np.int32))
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def maximum_apart(x: Array) -> Array:
    w = wide(x)
    at = np.where(np.isnan(w), -np.inf, w).argmax(axis=1)
    m = w[np.arange(len(w)), at]
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    e = np.exp(w - safe[:, None])
    first = e[np.arange(len(w)), at]
    e[np.arange(len(w)), at] = 0
    return (safe + np.where(first == 1, np.log1p(e.sum(axis=1)), np.log(first + e.sum(axis=1)))).astype(x.dtype)


def half_exponentials_and_a_wide_sum(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    total = e.sum(axis=1, keepdims=True, dtype=np.float64)
    return (e / total.astype(np.float32 if x.dtype.itemsize < 4 else x.dtype)).astype(x.dtype)


def chunks_of_rows(x: Array) -> Array:
    return np.concatenate([x[:0], *(softmax(x[s : s + 100]) for s in range(0, len(x), 100))])


def chunks_in_threads(x: Array) -> Array:
    out = np.empty(x.shape, x.dtype)

    def work(start: int) -> None:
        out[start : start + 300] = log_softmax(x[start : start + 300])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(0, len(x), 300)))
    return out


def column_major_result(x: Array) -> Array:
    return np.asfortranarray(softmax(x))


def view_of_a_wider_buffer(x: Array) -> Array:
    buffer = np.full((len(x), x.shape[1] + 7), np.nan, x.dtype)
    buffer[:, 3 : 3 + x.shape[1]] = log_softmax(x)
    return buffer[:, 3 : 3 + x.shape[1]]


def list_of_rows(x: Array) -> Any:
    return list(softmax(x)) if len(x) else softmax(x)


def read_only_result(x: Array) -> Array:
    out = log_sum_exp(x)
    out.flags.writeable = False
    return out


_LOCAL = threading.local()


def workspace_of_each_thread(x: Array) -> Array:
    w = wide(x)
    if getattr(_LOCAL, "buffer", np.empty(0)).size < w.size:
        _LOCAL.buffer = np.empty(w.size, np.float64)
    work = _LOCAL.buffer[: w.size].reshape(w.shape)
    np.subtract(w, w.max(axis=1, keepdims=True), out=work)
    np.exp(work, out=work)
    return (work / work.sum(axis=1, keepdims=True)).astype(x.dtype)


@lru_cache(maxsize=64)
def _ones(n: int, dtype: str) -> Array:
    return np.ones(n, dtype)


def cached_constants(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / (e @ _ones(w.shape[1], w.dtype.str))[:, None]).astype(x.dtype)


def recursion(x: Array) -> Array:
    def split(w: Array) -> tuple[Array, Array]:
        if w.shape[1] <= 333:
            m = w.max(axis=1)
            return m, np.exp(w - np.where(np.isinf(m), 0, m).astype(w.dtype)[:, None]).sum(axis=1)
        half = w.shape[1] // 2
        (m, s), (k, r) = split(w[:, :half]), split(w[:, half:])
        top = np.maximum(m, k)
        safe = np.where(np.isinf(top), 0, top).astype(w.dtype)
        return top, s * np.exp(m - safe) + r * np.exp(k - safe)

    m, s = split(wide(x))
    return (np.where(np.isinf(m), m, m) + np.log(s)).astype(x.dtype)


def by_softmax_of_the_difference(x: Array) -> Array:
    w = wide(x)
    t = w - w.max(axis=1, keepdims=True)
    return np.exp(t - np.log(np.exp(t).sum(axis=1, keepdims=True))).astype(x.dtype)


def subtracted_in_place(x: Array) -> Array:
    w = np.array(wide(x), order="F")
    w -= w.max(axis=1, keepdims=True)
    w -= np.log(np.exp(w).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(w).astype(x.dtype)


def einsum_of_ones(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    return (t - np.log(np.einsum("ij->i", np.exp(t)))[:, None]).astype(x.dtype)


def last_of_a_running_sum(x: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    return (t - np.log(np.cumsum(np.exp(t), axis=1)[:, -1:])).astype(x.dtype)


def loss_by_put_and_mask(x: Array, y: Array) -> Array:
    logs, mask = log_softmax(wide(x)), np.zeros(x.shape, bool)
    np.put_along_axis(mask, y[:, None], values=True, axis=1)
    return (-logs[mask]).astype(x.dtype)


def loss_by_choosing(x: Array, y: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    picked = np.where(np.arange(x.shape[1]) == y[:, None], t, 0).sum(axis=1)
    return (np.log(np.exp(t).sum(axis=1)) - picked).astype(x.dtype)


def loss_with_flat_indices(x: Array, y: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    return (np.log(np.exp(t).sum(axis=1)) - t.ravel()[np.arange(len(t)) * t.shape[1] + y]).astype(x.dtype)


def loss_of_differences(x: Array, y: Array) -> Array:
    w = wide(x)
    picked = _picked(w, y)
    d = w - picked[:, None]
    m = d.max(axis=1, keepdims=True)
    found = m[:, 0] + np.log(np.exp(d - m).sum(axis=1))
    return np.where(np.isneginf(picked) & np.isfinite(w.max(axis=1)), np.inf, found).astype(x.dtype)


def checked_labels(x: Array, y: Array) -> Array:
    if y.size and (y.min() < 0 or y.max() >= x.shape[1]):
        raise ValueError("label out of range")
    return loss(x, y)


def nan_for_bad_labels(x: Array, y: Array) -> Array:
    good = (y >= 0) & (y < x.shape[1])
    return np.where(good, wide(loss(x, np.where(good, y, 0))), np.nan).astype(x.dtype)


def zero_for_bad_labels(x: Array, y: Array) -> Array:
    good = (y >= 0) & (y < x.shape[1])
    return np.where(good, wide(loss(x, np.where(good, y, 0))), 0).astype(x.dtype)


def sum_of_labels_and_logs(x: Array, q: Array) -> Array:
    logs = log_softmax(wide(x))
    return np.negative(np.multiply(wide(q), logs, where=q > 0, out=np.zeros_like(logs)).sum(axis=1)).astype(x.dtype)


def labels_times_lse_less_logits(x: Array, q: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    total = np.log(np.exp(t).sum(axis=1))
    gaps = np.where(q == 0, 0, total[:, None] - t)
    return np.einsum("ij,ij->i", wide(q), gaps).astype(x.dtype)


def by_softplus(x: Array, y: Array) -> Array:
    w, v = wide(x), wide(y)
    return (np.logaddexp(w.dtype.type(0), w) - w * v).astype(x.dtype)


def softplus_of_either_sign(x: Array, y: Array) -> Array:
    w, v, zero = wide(x), wide(y), wide(x).dtype.type(0)
    return (v * np.logaddexp(zero, -w) + (1 - v) * np.logaddexp(zero, w)).astype(x.dtype)


def by_sign(x: Array, y: Array) -> Array:
    w, v = wide(x), wide(y)
    tail = np.log1p(np.exp(np.where(w > 0, -w, w)))
    return np.where(w > 0, (1 - v) * w + tail, tail - v * w).astype(x.dtype)


def sigmoid_gradient_by_cases(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    s = np.empty_like(w)
    up = w >= 0
    s[up] = 1 / (1 + np.exp(-w[up]))
    e = np.exp(w[~up])
    s[~up] = e / (1 + e)
    return (wide(c) * (s - wide(y))).astype(x.dtype)


def weighted_sigmoid(x: Array, y: Array, pos_weight: Array) -> Array:
    w, v, p = wide(x), wide(y), wide(pos_weight)
    tail = np.log1p(np.exp(-np.abs(w)))
    return (p * v * (np.maximum(-w, 0) + tail) + (1 - v) * (np.maximum(w, 0) + tail)).astype(x.dtype)


def gradient_by_put(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x))
    at = y[:, None].astype(np.int64)
    np.put_along_axis(g, at, np.take_along_axis(g, at, axis=1) - 1, axis=1)
    g *= wide(c)[:, None]
    return np.asfortranarray(g.astype(x.dtype))


def gradient_by_scatter(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x))
    np.subtract.at(g, (np.arange(len(g)), y), 1)
    return np.einsum("i,ij->ij", wide(c), g).astype(x.dtype)


def gradient_of_the_logarithm(x: Array, y: Array, c: Array) -> Array:
    logs = log_softmax(wide(x))
    return ((np.exp(logs) - one_hot(y, x.shape[1]).astype(logs.dtype)) * wide(c)[:, None]).astype(x.dtype)


def gradient_one_row_after_another(x: Array, y: Array, c: Array) -> Array:
    out = np.empty(x.shape, x.dtype)
    for i in range(0, len(x), 50):
        out[i : i + 50] = grad_loss(x[i : i + 50], y[i : i + 50], c[i : i + 50])
    return out


def gradient_of_softmax_in_float64(x: Array, c: Array) -> Array:
    p, g = softmax(x.astype(np.float64)), c.astype(np.float64)
    return (p * (g - (p * g).sum(axis=1, keepdims=True))).astype(x.dtype)


def gradient_from_the_output(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    q = p * g
    return (q - p * np.add.reduce(q, axis=1, keepdims=True)).astype(x.dtype)


def gradient_of_log_softmax_by_product(x: Array, c: Array) -> Array:
    g = wide(c)
    total = g @ np.ones((x.shape[1], 1), g.dtype)
    return (g - np.exp(log_softmax(wide(x))) * total).astype(x.dtype)


def gradient_of_log_sum_exp_by_blocks(x: Array, c: Array) -> Array:
    w, out = wide(x), np.empty(x.shape, x.dtype)
    m = w.max(axis=1, keepdims=True)
    s = np.exp(w - m).sum(axis=1, keepdims=True)
    for start in range(0, x.shape[1], 1000):
        out[:, start : start + 1000] = wide(c)[:, None] * (np.exp(w[:, start : start + 1000] - m) / s)
    return out


def kept_and_reduced(x: Array, y: Array, ignore_index: int = IGNORED, reduction: str = "none") -> Array:
    kept = y != ignore_index
    terms = np.where(kept, wide(loss(wide(x), np.where(kept, y, 0))), 0)
    if reduction == "none":
        return terms.astype(x.dtype)
    return np.asarray(terms.sum() / (max(kept.sum(), 1) if reduction == "mean" else 1)).astype(x.dtype)


def gradient_kept(x: Array, y: Array, c: Array, ignore_index: int = IGNORED) -> Array:
    kept = y != ignore_index
    return grad_loss(x, np.where(kept, y, 0), np.where(kept, wide(c), 0).astype(c.dtype))


def fused_smoothing(x: Array, y: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    total = np.log(np.exp(t).sum(axis=1))
    return (total - 0.9 * _picked(t, y) - 0.1 * t.mean(axis=1)).astype(x.dtype)


def fused_smoothing_gradient(x: Array, y: Array, c: Array) -> Array:
    q = 0.9 * one_hot(y, x.shape[1]) + 0.1 / x.shape[1]
    return (wide(c)[:, None] * (softmax(wide(x)) - q.astype(wide(x).dtype))).astype(x.dtype)


def everything_at_once(x: Array, y: Array, softcap: float = 20.0, z_loss: float = 1e-4, scale: float = 0.25) -> Array:
    w = wide(x)
    t = w.dtype.type(softcap) * np.tanh(w * w.dtype.type(scale / softcap))
    total = wide(log_sum_exp(t))
    return (wide(loss(t, y)) + w.dtype.type(z_loss) * total * total).astype(x.dtype)


def everything_backward(x: Array, y: Array, c: Array) -> Array:
    w, softcap, z_loss, scale = wide(x), 20.0, 1e-4, 0.25
    h = np.tanh(w * w.dtype.type(scale / softcap))
    t = w.dtype.type(softcap) * h
    p = softmax(t)
    lead = 1 + 2 * w.dtype.type(z_loss) * wide(log_sum_exp(t))[:, None]
    g = (p * lead - one_hot(y, x.shape[1]).astype(w.dtype)) * (1 - h * h) * w.dtype.type(scale)
    return (g * wide(c)[:, None]).astype(x.dtype)


def cooled(x: Array, y: Array, temperature: float = 0.7) -> Array:
    return loss(wide(x) / wide(x).dtype.type(temperature), y).astype(x.dtype)


def cooled_gradient(x: Array, y: Array, c: Array, temperature: float = 0.7) -> Array:
    w = wide(x)
    return (wide(grad_loss(w / w.dtype.type(temperature), y, wide(c))) / w.dtype.type(temperature)).astype(x.dtype)


def mean_and_its_gradient(x: Array, y: Array) -> Array:
    return np.asarray(np.mean(loss(wide(x), y), dtype=np.float64)).astype(x.dtype)


def gradient_of_the_mean(x: Array, y: Array, c: Array) -> Array:
    return (wide(grad_loss(wide(x), y, np.full(len(x), c, wide(x).dtype))) / len(x)).astype(x.dtype)


def masked_log_softmax(x: Array, where: Array) -> Array:
    w = np.where(where, wide(x), -np.inf)
    m = np.max(w, axis=1, keepdims=True, initial=-np.inf)
    e = np.exp(w - m, where=where, out=np.zeros_like(w))
    return (w - m - np.log(e.sum(axis=1, keepdims=True))).astype(x.dtype)


def masked_log_sum_exp(x: Array, where: Array) -> Array:
    return log_sum_exp(np.where(where, wide(x), -np.inf).astype(wide(x).dtype)).astype(x.dtype)


def classes_first(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=0))
    return (e / e.sum(axis=0)).astype(x.dtype)


def classes_between(x: Array, y: Array) -> Array:
    w = wide(x)
    t = w - w.max(axis=1, keepdims=True)
    picked = np.take_along_axis(t, y[:, None, :].astype(np.int64), axis=1)[:, 0, :]
    return (np.log(np.exp(t).sum(axis=1)) - picked).astype(x.dtype)


def weighted(x: Array, y: Array, weight: Array) -> Array:
    return (wide(loss(wide(x), y)) * wide(weight)[y]).astype(x.dtype)


def smoothed_and_weighted(x: Array, y: Array, weight: Array, label_smoothing: float = 0.125) -> Array:
    logs, v = log_softmax(wide(x)), wide(weight)
    own = -logs[np.arange(len(x)), y] * v[y]
    spread = -np.where(v == 0, 0, logs * v).sum(axis=1) / x.shape[1]
    return ((1 - label_smoothing) * own + label_smoothing * spread).astype(x.dtype)


def total_over_tokens(x: Array, y: Array) -> Array:
    return np.asarray(loss(wide(x), y).sum(dtype=np.float64) / 8.0).astype(x.dtype)


def exact_sums(x: Array) -> Array:
    w = wide(x)
    m = _top(w)
    e = np.exp(w - m)
    total = np.array([math.fsum(row) for row in e.tolist()], w.dtype)
    return (m[:, 0] + np.log(total)).astype(x.dtype)


class Called:
    """A kernel that is an object."""

    __name__ = "an_object"

    def __call__(self, x: Array) -> Array:
        """Return softmax."""
        return softmax(x)


an_object = Called()


def soft_loss_in_float64(x: Array, q: Array) -> Array:
    return soft_loss(x.astype(np.float64), q).astype(x.dtype)


def sigmoid_loss_in_float64(x: Array, y: Array) -> Array:
    return sigmoid_loss(x.astype(np.float64), y.astype(np.float64)).astype(x.dtype)


def wide_log_softmax(x: Array) -> Array:
    return log_softmax(x.astype(np.float32))


def _add(op: str, kind: str, function: Any, gradient: Any = None, **declared: Any) -> None:
    CORRECT.append(Planted(op, kind, function, gradient, declared))


_add("log_sum_exp", "tree of pairs", tree_of_pairs, gradient_of_log_sum_exp_by_blocks)
_add(LOSS, "tree of pairs", loss_by_a_tree_of_pairs, gradient_by_put)
_add("softmax", "online", from_the_last_block_to_the_first, gradient_from_the_output)
_add("log_sum_exp", "logaddexp", by_logaddexp)
_add("log_sum_exp", "logaddexp tree", by_a_tree_of_logaddexp)
_add("softmax", "base 2 prescaled", prescaled_in_float64, format="float32")  # in float64 the product rounds the logit
_add("softmax", "long double", widened_twice, gradient_of_softmax_in_float64)
_add("softmax", "three passes", exp_again_in_the_last_pass)
_add("softmax", "descending", descending_sums)
_add("log_sum_exp", "two-sum", two_sums)
_add("softmax", "whole shift", whole_number_for_the_maximum)
_add("softmax", "powers of two", powers_of_two_apart)
_add("softmax", "polynomial", polynomial)
_add("log_sum_exp", "maximum apart", maximum_apart)
_add("softmax", "half exp, wide sum", half_exponentials_and_a_wide_sum)
_add("softmax", "chunks of rows", chunks_of_rows)
_add("log_softmax", "threads", chunks_in_threads)
_add("softmax", "column-major result", column_major_result)
_add("log_softmax", "view of a buffer", view_of_a_wider_buffer)
_add("softmax", "list", list_of_rows)
_add("log_sum_exp", "read-only", read_only_result)
_add("softmax", "workspace", workspace_of_each_thread)
_add("softmax", "constants", cached_constants)
_add("log_sum_exp", "recursion", recursion)
_add("softmax", "difference", by_softmax_of_the_difference)
_add("log_softmax", "in place", subtracted_in_place, gradient_of_log_softmax_by_product)
_add("log_softmax", "einsum", einsum_of_ones)
_add("log_softmax", "running sum", last_of_a_running_sum)
_add(LOSS, "mask", loss_by_put_and_mask, gradient_by_scatter)
_add(LOSS, "choosing", loss_by_choosing, gradient_of_the_logarithm)
_add(LOSS, "flat indices", loss_with_flat_indices, gradient_one_row_after_another)
_add(LOSS, "differences", loss_of_differences)
_add(LOSS, "refuses", checked_labels, refuses="error")
_add(LOSS, "refuses", nan_for_bad_labels, refuses="nan")
_add(LOSS, "refuses", zero_for_bad_labels, refuses="zero")
_add(LOSS, "labels times logs", sum_of_labels_and_logs, grad_loss, labels="distributions")
_add(LOSS, "labels times gaps", labels_times_lse_less_logits, labels="distributions")
_add(LOSS, "soft, float64", soft_loss_in_float64, labels="distributions")
_add(SIGMOID, "softplus", by_softplus)
_add(SIGMOID, "softplus twice", softplus_of_either_sign, sigmoid_gradient_by_cases)
_add(SIGMOID, "by sign", by_sign)
_add(SIGMOID, "positive weight", weighted_sigmoid, pos_weight=True)
_add(SIGMOID, "float64", sigmoid_loss_in_float64)
_add(LOSS, "ignore, none", kept_and_reduced, gradient_kept, ignore_index=IGNORED)
_add(LOSS, "ignore, mean", kept_and_reduced, ignore_index=IGNORED, reduction="mean")
_add(LOSS, "ignore, sum", kept_and_reduced, ignore_index=7, reduction="sum")
_add(LOSS, "fused smoothing", fused_smoothing, fused_smoothing_gradient, label_smoothing=0.1)
_add(LOSS, "everything", everything_at_once, everything_backward, softcap=20.0, z_loss=1e-4, scale=0.25)
_add(LOSS, "temperature", cooled, cooled_gradient, temperature=0.7)
_add(LOSS, "mean", mean_and_its_gradient, gradient_of_the_mean, reduction="mean")
_add("log_softmax", "mask", masked_log_softmax, where=True)
_add("log_sum_exp", "mask", masked_log_sum_exp, where=True)
_add("softmax", "classes first", classes_first, class_axis="first")
_add(LOSS, "classes between", classes_between, class_axis="middle")
_add(LOSS, "weights", weighted, weight=True)
_add(LOSS, "weights, smoothing", smoothed_and_weighted, weight=True, label_smoothing=0.125)
_add(LOSS, "divisor", total_over_tokens, reduction="sum", divisor=8.0)
_add("log_sum_exp", "exact sums", exact_sums)
_add("softmax", "an object", an_object)
_add("log_softmax", "wide result", wide_log_softmax, result_format="float32", format="bfloat16")
