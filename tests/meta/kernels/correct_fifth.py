"""Correct kernels written before any was tried: sums in fixed point, ratios, odds, an order of whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import CORRECT, Planted, loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
BITS = 40


def _shift(w: Array) -> Array:
    top = w.max(axis=1)
    return np.where(np.isinf(top), 0, top).astype(w.dtype)


def sum_in_fixed_point(x: Array) -> Array:
    w, m = wide(x), _shift(wide(x))
    e = np.exp(w - m[:, None]).astype(np.float64)
    spoiled = ~np.isfinite(e).all(axis=1)
    scaled = np.where(np.isfinite(e), e, 0) * 2.0**BITS
    high = np.floor(scaled)
    low = np.floor((scaled - high) * 2.0**BITS)
    total = high.astype(np.int64).sum(axis=1) * 2.0**-BITS + low.astype(np.int64).sum(axis=1) * 2.0 ** (-2 * BITS)
    total = np.where(spoiled, e.sum(axis=1), total)
    return (m + np.log(total)).astype(x.dtype)


def loss_from_the_odds(x: Array, y: Array) -> Array:
    w, rows = wide(x), np.arange(len(x))
    d = w - w[rows, y][:, None]
    d[rows, y] = -np.inf
    top = np.maximum(d.max(axis=1), 0)
    found = top + np.log1p(np.exp(d - top[:, None]).sum(axis=1) + np.expm1(-top))
    is_infinite = np.isneginf(w[rows, y]) & ~np.isnan(w).any(axis=1) & ~np.isneginf(w).all(axis=1)
    return np.where(is_infinite, np.inf, found).astype(x.dtype)


def maximum_by_the_order_of_whole_numbers(x: Array) -> Array:
    w = np.ascontiguousarray(wide(x))
    whole: Any = np.int64 if w.dtype == np.float64 else np.int32
    bits = w.view(whole)
    ordered = np.where(bits < 0, bits ^ np.iinfo(whole).max, bits)
    largest = ordered.max(axis=1, keepdims=True)
    top = np.where(largest < 0, largest ^ np.iinfo(whole).max, largest).astype(whole).view(w.dtype)
    e = np.exp(w - top)
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def square_of_half_the_exponential(x: Array) -> Array:
    w = wide(x)
    root = np.exp((w - w.max(axis=1, keepdims=True)) / 2)
    e = root * root
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


def mean_by_steps(x: Array, y: Array) -> Array:
    terms = wide(loss(wide(x), y))
    mean = terms.dtype.type(0)
    for count, term in enumerate(terms, 1):
        mean = mean + (term - mean) / terms.dtype.type(count)
    return np.asarray(mean).astype(x.dtype)


def one_over_the_sum_of_ratios(x: Array) -> Array:
    w = wide(x)
    if x.shape[1] > 64 or len(x) > 4096:
        return softmax(x)
    p = 1 / np.exp(w[:, None, :] - w[:, :, None]).sum(axis=2)
    lowest = np.isneginf(w) & ~np.isnan(w).any(axis=1, keepdims=True) & ~np.isneginf(w).all(axis=1, keepdims=True)
    return np.where(lowest, 0, p).astype(x.dtype)


CORRECT += [
    Planted("log_sum_exp", "fixed point", sum_in_fixed_point),
    Planted(LOSS, "odds", loss_from_the_odds),
    Planted("softmax", "order of whole numbers", maximum_by_the_order_of_whole_numbers),
    Planted("softmax", "squares", square_of_half_the_exponential),
    Planted(LOSS, "mean by steps", mean_by_steps, declared={"reduction": "mean"}),
    Planted("softmax", "ratios", one_over_the_sum_of_ratios),
]
