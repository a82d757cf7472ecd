"""Faults written before anybody looked at how `check` finds them: of gradients and of options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS
from meta.kernels.corpus import (
    fault,
    faulty_gradient,
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
BFLOAT16 = FORMATS["bfloat16"].dtype
_SAVED: dict[Any, Array] = {}


@faulty_gradient(LOSS, "precision", loss)
def probabilities_saved_in_bfloat16(x: Array, y: Array, c: Array) -> Array:
    p = softmax(wide(x)).astype(BFLOAT16).astype(wide(x).dtype)
    return (wide(c)[:, None] * (p - one_hot(y, x.shape[1]))).astype(x.dtype)


@faulty_gradient("softmax", "threshold", softmax)
def small_probabilities_outside_the_inner_product(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    inner = np.where(p > 1e-4, p * g, 0).sum(axis=1, keepdims=True)
    return (p * (g - inner)).astype(x.dtype)


@faulty_gradient("log_softmax", "sum", log_softmax)
def mean_of_the_sums_of_all_rows(x: Array, c: Array) -> Array:
    total = wide(c).sum() / max(len(c), 1)
    return (wide(c) - softmax(wide(x)) * total).astype(x.dtype)


@faulty_gradient("log_sum_exp", "rows", log_sum_exp)
def last_row_of_odd_batches_without_cotangent(x: Array, c: Array) -> Array:
    g = wide(c).copy()
    if len(g) % 2 and len(g) > 1:
        g[-1] = 1
    return (g[:, None] * softmax(wide(x))).astype(x.dtype)


@faulty_gradient(LOSS, "labels", soft_loss, labels="distributions")
def label_of_the_greatest_share_in_the_gradient(x: Array, q: Array, c: Array) -> Array:
    v = wide(q)
    return grad_loss(x, (v == v.max(axis=1, keepdims=True)).astype(q.dtype), c)


@faulty_gradient(LOSS, "labels", loss)
def every_label_taken_off_every_row(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x))
    g[:, y] -= 1
    return (wide(c)[:, None] * g).astype(x.dtype)


@faulty_gradient(LOSS, "state", loss)
def cotangent_overwritten(x: Array, y: Array, c: Array) -> Array:
    g = grad_loss(x, y, c)
    if c.flags.writeable:
        c *= 0
    return g


@faulty_gradient("log_softmax", "state", log_softmax)
def gradient_in_one_buffer(x: Array, c: Array) -> Array:
    out = _SAVED.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
    out[...] = (wide(c) - softmax(wide(x)) * wide(c).sum(axis=1, keepdims=True)).astype(x.dtype)
    return out


@faulty_gradient(SIGMOID, "labels", sigmoid_loss)
def labels_cut_to_whole_numbers(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    e = np.exp(-np.abs(w))
    return (wide(c) * (np.where(w >= 0, 1, e) / (1 + e) - wide(y).astype(np.int64))).astype(x.dtype)


@faulty_gradient(SIGMOID, "guard", sigmoid_loss)
def sigmoid_clipped_by_1e_7(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    e = np.exp(-np.abs(w))
    s = np.clip(np.where(w >= 0, 1, e) / (1 + e), 1e-7, 1 - 1e-7)
    return (wide(c) * (s - wide(y))).astype(x.dtype)


@faulty_gradient(SIGMOID, "cotangent", sigmoid_loss)
def mean_cotangent_of_a_row(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    e = np.exp(-np.abs(w))
    s = np.where(w >= 0, 1, e) / (1 + e)
    return (wide(c).mean(axis=1, keepdims=True) * (s - wide(y))).astype(x.dtype)


@faulty_gradient("softmax", "sign", softmax)
def inner_product_added(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    return (p * (g + (p * g).sum(axis=1, keepdims=True))).astype(x.dtype)


@faulty_gradient("log_softmax", "shift", log_softmax)
def exponential_of_the_output_without_a_guard(x: Array, c: Array) -> Array:
    return (
        wide(c) - wide(c).sum(axis=1, keepdims=True) * np.exp(wide(x)) / np.exp(wide(x)).sum(1, keepdims=True)
    ).astype(x.dtype)


@faulty_gradient("log_sum_exp", "width", log_sum_exp)
def gradient_of_wide_rows_unwritten_past_a_block(x: Array, c: Array) -> Array:
    g = (wide(c)[:, None] * softmax(wide(x))).astype(x.dtype)
    g[:, 32768:65536] = 0
    return g


def _kept_loss(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    return np.where(kept, wide(loss(x, np.where(kept, y, 0))), 0).astype(x.dtype)


@faulty_gradient(LOSS, "options", _kept_loss, ignore_index=IGNORED)
def gradient_of_ignored_rows_kept(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, np.where(y == IGNORED, 0, y), c)


def _mean(x: Array, y: Array) -> Array:
    return np.asarray(loss(wide(x), y).mean()).astype(x.dtype)


@faulty_gradient(LOSS, "options", _mean, reduction="mean")
def gradient_of_a_mean_not_divided(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, np.full(len(x), c))


def _smoothed(x: Array, y: Array) -> Array:
    logs = log_softmax(wide(x))
    return (-(0.9 * logs[np.arange(len(x)), y] + 0.1 * logs.mean(axis=1))).astype(x.dtype)


@faulty_gradient(LOSS, "options", _smoothed, label_smoothing=0.1)
def smoothing_missing_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c)


def _capped(x: Array, y: Array) -> Array:
    w = wide(x)
    return loss(w.dtype.type(30) * np.tanh(w / w.dtype.type(30)), y).astype(x.dtype)


@faulty_gradient(LOSS, "options", _capped, softcap=30.0)
def slope_of_the_cap_missing(x: Array, y: Array, c: Array) -> Array:
    w = wide(x)
    return grad_loss(w.dtype.type(30) * np.tanh(w / w.dtype.type(30)), y, wide(c)).astype(x.dtype)


def _with_z(x: Array, y: Array) -> Array:
    return (loss(wide(x), y) + wide(x).dtype.type(1e-3) * log_sum_exp(wide(x)) ** 2).astype(x.dtype)


@faulty_gradient(LOSS, "options", _with_z, z_loss=1e-3)
def z_loss_missing_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c)


@fault(LOSS, "options", ignore_index=IGNORED, label_smoothing=0.125)
def ignored_rows_keep_the_uniform_term(x: Array, y: Array) -> Array:
    logs, kept = log_softmax(wide(x)), y != IGNORED
    picked = np.where(kept, logs[np.arange(len(x)), np.where(kept, y, 0)], 0)
    return (-(0.875 * picked + 0.125 * logs.mean(axis=1))).astype(x.dtype)


@fault(LOSS, "options", softcap=30.0, scale=0.0625)
def cap_before_the_scale(x: Array, y: Array) -> Array:
    w = wide(x)
    return loss(w.dtype.type(30 * 0.0625) * np.tanh(w / w.dtype.type(30)), y).astype(x.dtype)


@fault(LOSS, "options", weight=True, label_smoothing=0.125)
def uniform_term_without_weights(x: Array, y: Array, weight: Array) -> Array:
    logs = log_softmax(wide(x))
    picked = logs[np.arange(len(x)), y] * wide(weight)[y]
    return (-(0.875 * picked + 0.125 * logs.mean(axis=1))).astype(x.dtype)


@fault(LOSS, "options", weight=True, label_smoothing=0.125)
def weight_of_zero_times_infinity(x: Array, y: Array, weight: Array) -> Array:
    logs, w = log_softmax(wide(x)), wide(weight)
    own = -logs[np.arange(len(x)), y] * w[y]
    return (0.875 * own - 0.125 * (logs * w).sum(axis=1) / x.shape[1]).astype(x.dtype)


@fault(LOSS, "options", z_loss=1e-3, scale=0.0625)
def z_loss_of_unscaled_logits(x: Array, y: Array) -> Array:
    w = wide(x)
    scaled = w * w.dtype.type(0.0625)
    return (loss(scaled, y) + w.dtype.type(1e-3) * log_sum_exp(w) ** 2).astype(x.dtype)


@fault(LOSS, "options", temperature=2.0)
def loss_divided_instead_of_the_logits(x: Array, y: Array) -> Array:
    return (loss(wide(x), y) / 2).astype(x.dtype)


@fault("softmax", "options", class_axis="first")
def last_axis_for_square_batches(x: Array) -> Array:
    if x.shape[0] == x.shape[1]:
        return softmax(x)
    return np.ascontiguousarray(softmax(np.ascontiguousarray(x.T)).T)


@fault("softmax", "options", where=True)
def maximum_of_masked_classes_too(x: Array, where: Array) -> Array:
    e = np.exp(wide(x) - wide(x).max(axis=1, keepdims=True)) * where
    return (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)


@fault(LOSS, "options", scale=-0.5)
def sign_of_the_scale_dropped(x: Array, y: Array) -> Array:
    return loss(wide(x) * wide(x).dtype.type(0.5), y).astype(x.dtype)


@fault("log_sum_exp", "options", where=True)
def masked_classes_count_one(x: Array, where: Array) -> Array:
    return log_sum_exp(wide(x) * where).astype(x.dtype)


@fault(LOSS, "options", reduction="mean", weight=True)
def divided_by_the_sum_of_all_weights(x: Array, y: Array, weight: Array) -> Array:
    w = wide(weight)
    return np.asarray((loss(wide(x), y) * w[y]).sum() / w.sum()).astype(x.dtype)


@fault(LOSS, "options", reduction="mean", format="float16")
def mean_added_up_in_half(x: Array, y: Array) -> Array:
    terms = loss(x, y)
    return np.asarray(np.add.accumulate(terms, dtype=np.float16)[-1] / np.float16(len(terms)))


@fault(LOSS, "options", refuses="nan")
def label_read_from_the_next_row(x: Array, y: Array) -> Array:
    t = wide(x) - wide(x).max(axis=1, keepdims=True)
    at = np.arange(len(t)) * x.shape[1] + y
    out = np.log(np.exp(t).sum(axis=1)) - t.ravel()[np.clip(at, 0, t.size - 1)]
    return np.where(y < 0, np.nan, out).astype(x.dtype)


@fault(SIGMOID, "options", pos_weight=True)
def positive_weight_on_both_terms(x: Array, y: Array, pos_weight: Array) -> Array:
    return (sigmoid_loss(wide(x), wide(y)) * wide(pos_weight)).astype(x.dtype)


@fault(LOSS, "options", reduction="sum", ignore_index=IGNORED)
def sum_counts_ignored_rows_as_the_last_class(x: Array, y: Array) -> Array:
    return np.asarray(loss(wide(x), np.where(y == IGNORED, -1, y)).sum()).astype(x.dtype)
