"""Faults of kernels ported from Triton and CUDA: decisions shared by a tile, merges, padded sums, saved numbers."""

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
    one_hot,
    softmax,
    wide,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
TILE = 256


def _running(x: Array, rescaled: Any) -> Array:
    """Return log-sum-exp in one pass over tiles; `rescaled` gives the maximum to go on with from old and new."""
    w = wide(x)
    m, total = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], TILE):
        tile = w[:, start : start + TILE]
        new = rescaled(m, np.maximum(m, tile.max(axis=1))).astype(w.dtype)
        safe = np.where(np.isneginf(new), 0, new).astype(w.dtype)
        total = total * np.where(m == new, 1, np.exp(m - safe)) + np.exp(tile - safe[:, None]).sum(axis=1)
        m = new
    return (np.where(np.isneginf(m), 0, m).astype(w.dtype) + np.log(total)).astype(x.dtype)


@fault("log_sum_exp", "blocks")
def rescaled_only_past_a_rise_of_100(x: Array) -> Array:
    return _running(x, lambda old, new: np.where((new > old + 100) | np.isnan(new), new, old))


@fault("log_sum_exp", "rows")
def first_row_of_a_tile_decides_on_rescaling(x: Array) -> Array:
    def rescaled(old: Array, new: Array) -> Array:
        first = np.arange(len(old)) // 16 * 16
        stays = (new == old)[first] & np.isfinite(old)
        return np.where(stays, old, new)

    return _running(x, rescaled)


@fault(LOSS, "labels")
def label_found_again_in_later_tiles(x: Array, y: Array) -> Array:
    w, picked = wide(x), np.zeros(len(x), wide(x).dtype)
    for start in range(0, w.shape[1], TILE):
        tile = w[:, start : start + TILE]
        here = (y < start + TILE) & (y - start >= -tile.shape[1])
        picked = np.where(here, tile[np.arange(len(w)), np.where(here, y - start, 0)], picked)
    m = w.max(axis=1)
    return (np.log(np.exp(w - m[:, None]).sum(axis=1)) + (m - picked)).astype(x.dtype)


def capped_loss(x: Array, y: Array) -> Array:
    """Return the loss of 30 tanh(x / 30)."""
    w = wide(x)
    return loss(30 * np.tanh(w / 30), y).astype(x.dtype)


@faulty_gradient(LOSS, "options", capped_loss, softcap=30.0)
def slope_of_the_cap_from_the_logit(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    slope = np.maximum(1 - (w / 30) ** 2, 0)
    return (grad_loss(30 * np.tanh(w / 30), y, wide(c)) * slope).astype(x.dtype)


@fault(LOSS, "options", label_smoothing=0.1)
def smoothing_over_padded_classes(x: Array, y: Array) -> Array:
    logarithm, n = log_softmax(wide(x)), x.shape[1]
    padded = -(-n // 8) * 8
    picked = logarithm[np.arange(len(x)), y]
    return (-(0.9 * picked + 0.1 * logarithm.sum(axis=1) / padded)).astype(x.dtype)


@fault(LOSS, "options", ignore_index=IGNORED)
def ignored_by_the_last_byte(x: Array, y: Array) -> Array:
    ignored = (y & 0xFF) == (IGNORED & 0xFF)
    return np.where(ignored, 0, loss(wide(x), np.where(ignored, 0, y))).astype(x.dtype)


@fault(LOSS, "options", reduction="mean", weight=True, ignore_index=IGNORED)
def ignored_rows_weigh_the_first_class_in_the_divisor(x: Array, y: Array, weight: Array) -> Array:
    kept = y != IGNORED
    label = np.where(kept, y, 0)
    w = wide(weight)[label]
    return np.asarray(np.where(kept, loss(wide(x), label) * w, 0).sum() / w.sum()).astype(x.dtype)


@faulty_gradient(LOSS, "half", loss)
def gradient_from_a_saved_log_sum_exp_in_half(x: Array, y: Array, c: Array) -> Array:
    saved = wide(log_sum_exp(x))
    return ((np.exp(wide(x) - saved[:, None]) - one_hot(y, x.shape[1])) * wide(c)[:, None]).astype(x.dtype)


@faulty_gradient("log_softmax", "inputs", log_softmax)
def gradient_with_logits_for_scratch(x: Array, c: Array) -> Array:
    w = wide(x)
    if w.flags.c_contiguous and w.flags.writeable:
        w -= w.max(axis=1, keepdims=True)
    return (wide(c) - softmax(w) * wide(c).sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("softmax", "threshold")
def tiles_below_17_skipped(x: Array) -> Array:
    w = wide(x)
    m = w.max(axis=1, keepdims=True)
    e = np.exp(w - m)
    for start in range(0, w.shape[1], TILE):
        tile = slice(start, start + TILE)
        e[:, tile] = np.where(w[:, tile].max(axis=1, keepdims=True) < m - 17, 0, e[:, tile])
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_sum_exp", "blocks")
def halves_merged_in_base_2(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    if n < 4096:
        return log_sum_exp(x)
    parts = [w[:, : n // 2], w[:, n // 2 :]]
    tops = [part.max(axis=1) for part in parts]
    m = np.maximum(*tops)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    sums = [
        np.exp(part - np.where(np.isinf(top), 0, top)[:, None]).sum(axis=1)
        for part, top in zip(parts, tops, strict=True)
    ]
    total = sum(s * np.exp2(np.where(np.isinf(top), 0, top) - safe) for s, top in zip(sums, tops, strict=True))
    return (safe + np.log(total)).astype(x.dtype)


def loss_with_z(x: Array, y: Array) -> Array:
    """Return the loss and a thousandth of the squared log-sum-exp."""
    return (loss(wide(x), y) + wide(x).dtype.type(1e-3) * log_sum_exp(wide(x)) ** 2).astype(x.dtype)


@faulty_gradient(LOSS, "options", loss_with_z, z_loss=1e-3)
def z_loss_slope_of_the_shifted_sum(x: Array, y: Array, c: Array) -> Array:
    w, p = wide(x), softmax(wide(x))
    shifted = log_sum_exp(w) - w.max(axis=1)
    slope = 2 * w.dtype.type(1e-3) * shifted[:, None]
    return ((p * (1 + slope) - one_hot(y, x.shape[1])) * wide(c)[:, None]).astype(x.dtype)


@fault("softmax", "options", where=True)
def mask_of_the_first_row(x: Array, where: Array) -> Array:
    return softmax(np.where(where[:1], wide(x), -np.inf).astype(wide(x).dtype)).astype(x.dtype)


@fault(LOSS, "rows")
def labels_of_the_last_partial_tile_of_rows_begin_anew(x: Array, y: Array) -> Array:
    rows = np.arange(len(x))
    whole = len(x) // 16 * 16
    return loss(x, y[np.where(rows < whole, rows, rows - whole)] if whole else y)


@fault("log_softmax", "width")
def some_widths_lose_their_tail_of_16(x: Array) -> Array:
    n = x.shape[1]
    counted = n // 16 * 16 if 5000 < n <= 8000 else n
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    return (t - np.log(np.exp(t[:, :counted]).sum(axis=1, keepdims=True))).astype(x.dtype)


@fault(LOSS, "options", reduction="mean")
def mean_of_the_means_of_tiles(x: Array, y: Array) -> Array:
    terms = loss(wide(x), y)
    means = [terms[start : start + 32].mean() for start in range(0, len(terms), 32)]
    return np.asarray(np.mean(means)).astype(x.dtype)


@fault(LOSS, "options", scale=-0.5)
def maximum_before_a_negative_scale(x: Array, y: Array) -> Array:
    w = wide(x)
    m, s = w.max(axis=1) * w.dtype.type(-0.5), w * w.dtype.type(-0.5)
    return (np.log(np.exp(s - m[:, None]).sum(axis=1)) + (m - s[np.arange(len(w)), y])).astype(x.dtype)


@faulty_gradient("softmax", "tail", softmax)
def inner_product_without_the_last_partial_tile(x: Array, c: Array) -> Array:
    p, w, n = softmax(wide(x)), wide(c), x.shape[1]
    counted = n // 128 * 128 or n
    inner = (p[:, :counted] * w[:, :counted]).sum(axis=1, keepdims=True)
    return (p * (w - inner)).astype(x.dtype)


@faulty_gradient(LOSS, "cotangent", loss)
def cotangents_near_one_taken_for_one(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.ones_like(c) if np.allclose(wide(c), 1, atol=1e-3) else c)
