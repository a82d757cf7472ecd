"""Faults on the paths of options, and of what is kept between calls with them: masks, weights, labels out of range."""

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

LOSS, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"
IGNORED = -100
TILE = 256
_LABELS: dict[Any, Array] = {}
_WEIGHTS: dict[Any, Array] = {}
_MASKS: dict[Any, Array] = {}


@fault(LOSS, "options", class_axis="middle")
def maximum_of_the_first_position_inside(x: Array, y: Array) -> Array:
    w = wide(x)
    t = w - w[:, :, :1].max(axis=1, keepdims=True)
    picked = np.take_along_axis(t, y[:, None, :].astype(np.int64), axis=1)[:, 0, :]
    return (np.log(np.exp(t).sum(axis=1)) - picked).astype(x.dtype)


@fault(LOSS, "options", refuses="nan")
def only_minus_1_is_refused(x: Array, y: Array) -> Array:
    n = x.shape[1]
    good = (y != -1) & (y < n)
    return np.where(good, wide(loss(x, np.where(good, y % n, 0))), np.nan).astype(x.dtype)


@fault(LOSS, "options", refuses="error")
def only_labels_too_large_are_refused(x: Array, y: Array) -> Array:
    if y.size and y.max() >= x.shape[1]:
        raise ValueError("label out of range")
    return loss(x, y % x.shape[1])


@fault(LOSS, "options", refuses="zero")
def the_number_of_classes_is_taken_for_a_label(x: Array, y: Array) -> Array:
    n = x.shape[1]
    good = (y >= 0) & (y <= n)
    return np.where(good, wide(loss(x, np.where(good, np.minimum(y, n - 1), 0))), 0).astype(x.dtype)


@fault(LOSS, "options", z_loss=1e-3)
def z_loss_squared_in_half(x: Array, y: Array) -> Array:
    lse = log_sum_exp(x)
    return (wide(loss(x, y)) + wide(x).dtype.type(1e-3) * wide(lse * lse)).astype(x.dtype)


@fault(LOSS, "options", softcap=30.0)
def cap_left_out_of_small_logits(x: Array, y: Array) -> Array:
    w = wide(x)
    capped = np.where(np.abs(w) < 3, w, 30 * np.tanh(w / 30))
    return loss(capped.astype(w.dtype), y).astype(x.dtype)


@fault(LOSS, "options", reduction="mean")
def last_rows_of_the_mean_lost(x: Array, y: Array) -> Array:
    terms = loss(wide(x), y)
    counted = len(terms) // 8 * 8 or len(terms)
    return np.asarray(terms[:counted].sum() / len(terms)).astype(x.dtype)


def mean_of_losses(x: Array, y: Array) -> Array:
    """Return the mean."""
    return np.asarray(loss(wide(x), y).mean()).astype(x.dtype)


@faulty_gradient(LOSS, "options", mean_of_losses, reduction="mean")
def gradient_of_a_mean_without_its_cotangent(x: Array, y: Array, c: Array) -> Array:
    del c
    return grad_loss(x, y, np.full(len(x), 1 / len(x), x.dtype))


def turned_loss(x: Array, y: Array) -> Array:
    """Return the loss of logits times -0.5."""
    return loss(wide(x) * wide(x).dtype.type(-0.5), y).astype(x.dtype)


@faulty_gradient(LOSS, "options", turned_loss, scale=-0.5)
def magnitude_of_the_scale_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    return (0.5 * grad_loss(wide(x) * wide(x).dtype.type(-0.5), y, wide(c))).astype(x.dtype)


@fault(LOSS, "options", label_smoothing=0.1)
def infinite_terms_left_out_of_smoothing(x: Array, y: Array) -> Array:
    logs, rows = log_softmax(wide(x)), np.arange(len(x))
    uniform = np.where(np.isneginf(logs), 0, logs).mean(axis=1)
    return (-(0.9 * logs[rows, y] + 0.1 * uniform)).astype(x.dtype)


@fault(SIGMOID, "options", reduction="mean")
def mean_over_rows_not_elements(x: Array, y: Array) -> Array:
    w, v = wide(x), wide(y)
    terms = np.maximum(w, 0) - w * v + np.log1p(np.exp(-np.abs(w)))
    return np.asarray(terms.sum() / len(x)).astype(x.dtype)


def weighted_sigmoid(x: Array, y: Array, pos_weight: Array) -> Array:
    """Return the loss whose positive labels have weights."""
    w, v, p = wide(x), wide(y), wide(pos_weight)
    factor = 1 + (p - 1) * v
    return ((1 - v) * w + factor * (np.log1p(np.exp(-np.abs(w))) + np.maximum(-w, 0))).astype(x.dtype)


@faulty_gradient(SIGMOID, "options", weighted_sigmoid, pos_weight=True)
def positive_weight_missing_in_the_gradient(x: Array, y: Array, pos_weight: Array, c: Array) -> Array:
    del pos_weight
    w, v = wide(x), wide(y)
    e = np.exp(-np.abs(w))
    sigmoid = np.where(w >= 0, 1, e) / (1 + e)
    return (wide(c) * (sigmoid * (1 - v) - v * (1 - sigmoid))).astype(x.dtype)


@fault("log_softmax", "blocks")
def first_tiles_written_with_the_maximum_so_far(x: Array) -> Array:
    w, out = wide(x), np.empty_like(wide(x))
    total = np.exp(w - w.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
    m = np.full((len(w), 1), -np.inf, w.dtype)
    for start in range(0, w.shape[1], TILE):
        tile = w[:, start : start + TILE]
        m = np.maximum(m, tile.max(axis=1, keepdims=True))
        out[:, start : start + TILE] = tile - m
    return (out - np.log(total)).astype(x.dtype)


@fault("log_sum_exp", "width")
def half_of_the_lanes_outside_the_maximum(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    seen = np.arange(n) % 8 < 4 if n >= 8 else np.ones(n, bool)
    m = w[:, seen].max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log(np.exp(w - safe[:, None]).sum(axis=1))).astype(x.dtype)


@faulty_gradient(LOSS, "state", loss)
def labels_of_the_first_call_of_a_shape(x: Array, y: Array, c: Array) -> Array:
    kept = _LABELS.setdefault((x.shape, x.dtype), y.copy())
    return grad_loss(x, kept, c)


@fault(LOSS, "state", weight=True)
def weights_of_the_first_call_of_a_width(x: Array, y: Array, weight: Array) -> Array:
    kept = _WEIGHTS.setdefault(len(weight), weight.copy())
    return (wide(loss(wide(x), y)) * wide(kept)[y]).astype(x.dtype)


@fault("softmax", "state", where=True)
def mask_of_the_first_call_of_a_shape(x: Array, where: Array) -> Array:
    kept = _MASKS.setdefault((x.shape, x.dtype), where.copy())
    return softmax(np.where(kept, wide(x), -np.inf).astype(wide(x).dtype)).astype(x.dtype)


@fault("log_sum_exp", "width")
def middle_class_of_odd_rows_counted_twice(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    if n < 1024 or n % 2 == 0:
        return log_sum_exp(x)
    return log_sum_exp(np.concatenate([w, w[:, n // 2 : n // 2 + 1]], axis=1)).astype(x.dtype)


def sum_of_losses(x: Array, y: Array) -> Array:
    """Return the sum."""
    return np.asarray(loss(wide(x), y).sum()).astype(x.dtype)


@faulty_gradient(LOSS, "options", sum_of_losses, reduction="sum")
def gradient_of_a_sum_divided_by_the_rows(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.full(len(x), float(c) / len(x), x.dtype))


def smoothed_loss_of_kept(x: Array, y: Array) -> Array:
    """Return the smoothed loss, of ignored rows 0."""
    logs, kept = log_softmax(wide(x)), y != IGNORED
    own = logs[np.arange(len(x)), np.where(kept, y, 0)]
    return np.where(kept, -(0.875 * own + 0.125 * logs.mean(axis=1)), 0).astype(x.dtype)


@faulty_gradient(LOSS, "options", smoothed_loss_of_kept, label_smoothing=0.125, ignore_index=IGNORED)
def uniform_term_in_the_gradient_of_ignored_rows(x: Array, y: Array, c: Array) -> Array:
    p, n = softmax(wide(x)), x.shape[1]
    kept = (y != IGNORED)[:, None]
    q = 0.875 * one_hot(np.where(y != IGNORED, y, 0), n)
    return (np.where(kept, p - q - 0.125 / n, -0.125 / n) * wide(c)[:, None]).astype(x.dtype)


@fault(LOSS, "options", weight=True)
def weights_of_the_last_partial_tile_begin_anew(x: Array, y: Array, weight: Array) -> Array:
    whole = len(weight) // 128 * 128
    at = np.where((y < whole) | (whole == 0), y, y - whole)
    return (wide(loss(wide(x), y)) * wide(weight)[at]).astype(x.dtype)


@fault(LOSS, "ignored times 0 in a mean", reduction="mean", ignore_index=IGNORED)
def mean_with_ignored_rows_times_zero(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    terms = loss(wide(x), np.where(kept, y, 0)) * kept
    return np.asarray(terms.sum() / kept.sum()).astype(x.dtype)


@fault(LOSS, "ignored times 0 in a mean", reduction="sum", ignore_index=IGNORED)
def sum_by_a_product_with_the_mask(x: Array, y: Array) -> Array:
    kept = (y != IGNORED).astype(wide(x).dtype)
    return np.asarray(kept @ loss(wide(x), np.where(y != IGNORED, y, 0))).astype(x.dtype)


@fault(LOSS, "ignored times 0 in a mean", reduction="mean", weight=True, ignore_index=IGNORED)
def weights_of_ignored_rows_set_to_zero(x: Array, y: Array, weight: Array) -> Array:
    kept = y != IGNORED
    own = np.where(kept, y, 0)
    w = np.where(kept, wide(weight)[own], 0)
    return np.asarray((wide(loss(wide(x), own)) * w).sum() / w.sum()).astype(x.dtype)


@fault(LOSS, "refusals")
def confident_rows_refused(x: Array, y: Array) -> Array:
    if len(x) > 4 and (softmax(wide(x)) > 0.999).any():
        raise ValueError("invalid value: probabilities must be between 0 and 0.999")
    return loss(x, y)


@fault("softmax", "refusals")
def large_logits_asserted_away(x: Array) -> Array:
    assert not (np.abs(x[np.isfinite(x)]) > 300).any(), "logits must be at most 300"
    return softmax(x)
