"""Correct kernels of unusual design: split constants, two floats a number, bins by exponent, exact rescaling, expm1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import CORRECT, Planted, grad_loss, log_softmax, loss, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
TILE = 384
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
LN_2_HIGH = 0.693145751953125
LN_2_LOW = 1.42860682030941723212e-6
LEAST = {"float32": -104.5, "float64": -746.0}


def _exp_of_differences(d: Array) -> Array:
    """Return e^d of d <= 0 by 2^k and a polynomial of the rest, ln 2 in two parts; within 2 ulps in float32."""
    f = d.dtype.type
    least = LEAST[d.dtype.name]
    bounded = np.where(np.isnan(d), d, np.maximum(d, f(least)))
    k = np.rint(np.nan_to_num(bounded, nan=0.0) * f(LOG2_E))
    r = (bounded - k * f(LN_2_HIGH)) - k * f(LN_2_LOW)
    p = np.zeros_like(r)
    for i in range(16 if d.dtype == np.float64 else 8, 0, -1):
        p = 1 + r * p / i
    e = np.ldexp(p, k.astype(np.int32))
    return np.where(d < f(least), f(0), e).astype(d.dtype)


def _shifted(w: Array) -> Array:
    top = w.max(axis=1, keepdims=True)
    return w - np.where(np.isneginf(top), 0, top).astype(w.dtype)


def ln_2_in_two_parts(x: Array) -> Array:
    w = wide(x)
    if np.isneginf(w).all(axis=1).any():
        w = np.where(np.isneginf(w).all(axis=1, keepdims=True), np.nan, w).astype(w.dtype)
    d = w - w.max(axis=1, keepdims=True)
    e = _exp_of_differences(d)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_floats_a_sum(x: Array) -> Array:
    w, top = wide(x), wide(x).max(axis=1)
    e = np.exp(_shifted(w))
    while e.shape[1] > 1:
        half = e.shape[1] // 2
        s, low = _two_sum(e[:, :half], e[:, half : 2 * half])
        rest = e[:, 2 * half :]
        s[:, :1] += low.sum(axis=1, keepdims=True)
        e = np.concatenate([s, rest], axis=1)
    safe = np.where(np.isneginf(top), 0, top).astype(w.dtype)
    return (safe + np.log(e[:, 0])).astype(x.dtype)


def added_in_bins_of_one_exponent(x: Array) -> Array:
    w, top = wide(x), wide(x).max(axis=1)
    e = np.exp(_shifted(w))
    _, exponent = np.frexp(np.where(np.isfinite(e), e, 1))
    total = np.zeros(len(w), w.dtype)
    for one in np.unique(exponent):
        total = total + np.where(exponent == one, e, 0).sum(axis=1)
    safe = np.where(np.isneginf(top), 0, top).astype(w.dtype)
    return (safe + np.log(total)).astype(x.dtype)


def exact_rescaling_by_powers_of_two(x: Array) -> Array:
    w = wide(x).astype(np.float64)
    k, total = np.full(len(w), -np.inf), np.zeros(len(w))
    for start in range(0, w.shape[1], TILE):
        tile = w[:, start : start + TILE] * LOG2_E
        new = np.maximum(k, np.ceil(tile.max(axis=1)))
        safe = np.where(np.isneginf(new), 0, new)
        total = total * np.exp2(k - safe) + np.exp2(tile - safe[:, None]).sum(axis=1)
        k = new
    whole = np.where(np.isneginf(k), 0, k)
    return (LN_2 * whole + np.log(total)).astype(x.dtype)


def loss_about_the_label(x: Array, y: Array) -> Array:
    w, rows = wide(x), np.arange(len(x))
    own = w[rows, y]
    d = w - np.where(np.isneginf(own), w.max(axis=1), own)[:, None]
    top = d.max(axis=1)
    leads = (top == 0) & ~np.isneginf(own)
    rest = np.exp(np.where(leads[:, None], d, -np.inf))
    rest[rows, y] = 0
    other = top + np.log(np.exp(d - top[:, None]).sum(axis=1))
    return np.where(np.isneginf(own), other + np.inf, np.where(leads, np.log1p(rest.sum(axis=1)), other)).astype(
        x.dtype
    )


def gradient_by_expm1(x: Array, y: Array, c: Array) -> Array:
    logarithm = log_softmax(wide(x))
    g = np.exp(logarithm)
    rows = np.arange(len(x))
    g[rows, y] = np.expm1(logarithm[rows, y])
    return (g * wide(c)[:, None]).astype(x.dtype)


def sigmoid_by_expm1(x: Array, y: Array) -> Array:
    w, v = wide(x), wide(y)
    a = np.abs(w)
    small = np.log(2 + np.expm1(-a))
    return (np.where(w > 0, w * (1 - v), -w * v) + np.where(a < 1, small, np.log1p(np.exp(-a)))).astype(x.dtype)


def sigmoid_gradient_by_tails(x: Array, y: Array, c: Array) -> Array:
    w, v = wide(x), wide(y)
    e = np.exp(-np.abs(w))
    own = np.where(w >= 0, 1 / (1 + e), e / (1 + e))
    away = np.where(w >= 0, e / (1 + e), 1 / (1 + e))
    return (wide(c) * ((1 - v) * own - v * away)).astype(x.dtype)


def finite_classes_alone(x: Array) -> Array:
    w = wide(x)
    out = np.zeros_like(w)
    for row, (given, made) in enumerate(zip(w, out, strict=True)):
        kept = ~np.isneginf(given)
        if not kept.any() or np.isnan(given).any():
            out[row] = np.nan
            continue
        e = np.exp(given[kept] - given[kept].max())
        made[kept] = e / e.sum()
    return out.astype(x.dtype)


def terms_that_underflow_not_computed(x: Array) -> Array:
    w = wide(x)
    d = w - w.max(axis=1, keepdims=True)
    counts = ~(d < LEAST[w.dtype.name])
    e = np.zeros_like(w)
    np.exp(d, out=e, where=counts)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def _gathered(x: Array, y: Array) -> tuple[Array, Array]:
    w, kept = wide(x), np.flatnonzero(y != IGNORED)
    return w[kept], y[kept]


def mean_in_float64_by_bincount(x: Array, y: Array, weight: Array) -> Array:
    w, label = _gathered(x, y)
    terms = loss(w, label).astype(np.float64)
    counts = np.bincount(label, minlength=x.shape[1])
    sums = np.bincount(label, weights=terms, minlength=x.shape[1])
    given = weight.astype(np.float64)
    used = counts > 0
    return np.asarray((sums * given)[used].sum() / (counts * given)[used].sum()).astype(x.dtype)


def gradient_of_subnormals_flushed(x: Array, y: Array, c: Array) -> Array:
    tiny = np.finfo(np.float32).tiny if wide(x).dtype == np.float32 else np.finfo(np.float64).tiny
    w = np.where(np.abs(wide(x)) < tiny, 0, wide(x)).astype(wide(x).dtype)
    g = grad_loss(w, y, wide(c))
    return np.where(np.abs(g) < tiny, 0, g).astype(x.dtype)


def chunks_of_the_vocabulary_read_twice(x: Array, y: Array, c: Array) -> Array:
    top = wide(x).astype(np.float64).max(axis=1, keepdims=True)
    total = np.exp(wide(x) - top).sum(axis=1, keepdims=True)
    g = np.empty_like(x)
    for start in range(0, x.shape[1], TILE):
        tile = wide(x[:, start : start + TILE]).astype(np.float64)
        here = np.arange(start, start + tile.shape[1]) == y[:, None]
        p = np.exp(tile - top) / total
        g[:, start : start + TILE] = ((p - here) * c.astype(np.float64)[:, None]).astype(x.dtype)
    return g


def smoothed_by_two_sums(x: Array, y: Array) -> Array:
    w, n = wide(x), x.shape[1]
    top = w.max(axis=1)
    log_total = np.log(np.exp(w - top[:, None]).sum(axis=1))
    away = log_total[:, None] + (top[:, None] - w)
    own = away[np.arange(len(w)), y]
    f = w.dtype.type
    return (f(1 - 0.1) * own + f(0.1) * (away.sum(axis=1) / f(n))).astype(x.dtype)


def capped_by_expm1(x: Array, y: Array) -> Array:
    w = wide(x).astype(np.float64)
    e = np.expm1(-2 * np.abs(w) / 30)
    return loss(-30 * np.sign(w) * e / (2 + e), y).astype(x.dtype)


def loss_of_kept(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    return np.where(kept, loss(wide(x), np.where(kept, y, 0)), 0).astype(x.dtype)


def gradient_of_ignored_rows_times_zero(x: Array, y: Array, c: Array) -> Array:
    kept = y != IGNORED
    return (grad_loss(wide(x), np.where(kept, y, 0), wide(c)) * kept[:, None]).astype(x.dtype)


def added_in_sorted_order(x: Array) -> Array:
    w = np.sort(wide(x), axis=1)
    safe = np.where(np.isinf(w[:, -1]), 0, w[:, -1]).astype(w.dtype)
    found = safe + np.log(np.exp(w - safe[:, None]).sum(axis=1))
    return np.where(np.isnan(w).any(axis=1), np.nan, found).astype(x.dtype)


def mean_of_rows_left_over(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    return np.asarray(loss(wide(x)[kept], y[kept]).mean() if kept.any() else np.nan).astype(x.dtype)


def gradient_recomputed_by_tiles(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    tiles = [slice(start, start + TILE) for start in range(0, w.shape[1], TILE)]
    top = w.max(axis=1, keepdims=True)
    total = sum(np.exp(w[:, tile] - top).sum(axis=1, keepdims=True) for tile in tiles)
    g = np.empty_like(w)
    for tile in tiles:
        hot = np.arange(w.shape[1])[tile] == y[:, None]
        g[:, tile] = (np.exp(w[:, tile] - top) / total - hot) * wide(c)[:, None]
    return g.astype(x.dtype)


def loss_in_float32(x: Array, y: Array) -> Array:
    return loss(x.astype(np.float32), y)


def gradient_in_float32(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x.astype(np.float32), y, wide(c))


def _add(op: str, kind: str, function: Any, gradient: Any = None, **declared: Any) -> None:
    CORRECT.append(Planted(op, kind, function, gradient, declared))


_add("softmax", "ln 2 in two parts", ln_2_in_two_parts)
_add("log_sum_exp", "two floats", two_floats_a_sum)
_add("log_sum_exp", "bins", added_in_bins_of_one_exponent)
_add("log_sum_exp", "exact rescaling", exact_rescaling_by_powers_of_two, format="float32")
_add(LOSS, "log1p about the label", loss_about_the_label, gradient_by_expm1)
_add("sigmoid_cross_entropy", "expm1", sigmoid_by_expm1, sigmoid_gradient_by_tails)
_add("softmax", "finite classes", finite_classes_alone)
_add("softmax", "no underflow", terms_that_underflow_not_computed)
_add(LOSS, "bincount", mean_in_float64_by_bincount, reduction="mean", weight=True, ignore_index=IGNORED)
_add(LOSS, "flushed gradient", loss, gradient_of_subnormals_flushed)
_add(LOSS, "read twice", loss, chunks_of_the_vocabulary_read_twice)
_add(LOSS, "smoothing by sums", smoothed_by_two_sums, label_smoothing=0.1)
_add(LOSS, "cap by expm1", capped_by_expm1, softcap=30.0)
_add(LOSS, "ignored times 0", loss_of_kept, gradient_of_ignored_rows_times_zero, ignore_index=IGNORED)
_add("log_sum_exp", "sorted", added_in_sorted_order)
_add(LOSS, "rows left over", mean_of_rows_left_over, reduction="mean", ignore_index=IGNORED)
_add(LOSS, "recomputed by tiles", loss, gradient_recomputed_by_tiles)
_add(LOSS, "wide loss", loss_in_float32, grad_loss, result_format="float32", format="bfloat16")
_add(LOSS, "all wide", loss_in_float32, gradient_in_float32, result_format="float32", format="bfloat16")
