"""Faults written without regard to what `check` asks: blocks of the vocabulary, options in the gradient, estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from meta.kernels.corpus import fault, faulty_gradient, grad_loss, log_softmax, log_sum_exp, loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
TILE, BLOCK = 256, 1024
Z_LOSS, CAP, SMOOTHING = 1e-3, 30.0, 0.125
_ONE_HOT: dict[Any, tuple[Array, Array]] = {}


@fault("log_sum_exp", "half")
def rescaled_by_a_factor_in_half(x: Array) -> Array:
    w = wide(x)
    m, s = np.full(len(w), -np.inf, w.dtype), np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], TILE):
        tile = w[:, start : start + TILE]
        new = np.maximum(m, tile.max(axis=1))
        safe = np.where(np.isinf(new), 0, new).astype(w.dtype)
        s = s * np.exp(m - safe).astype(np.float16).astype(w.dtype) + np.exp(tile - safe[:, None]).sum(axis=1)
        m = new
    return (np.where(np.isinf(m), m, m + np.log(np.where(np.isinf(m), 1, s)))).astype(x.dtype)


@fault(LOSS, "labels")
def label_of_a_border_found_in_two_blocks(x: Array, y: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    picked = np.zeros(len(w), w.dtype)
    for start in range(0, w.shape[1], BLOCK):
        block = w[:, start : start + BLOCK]
        inside = (y >= start) & (y <= start + BLOCK) & (y < w.shape[1])
        at = np.clip(y - start, 0, block.shape[1] - 1)
        picked = picked + np.where(inside, block[np.arange(len(w)), at], 0)
    return (np.log(np.exp(w - m[:, None]).sum(axis=1)) + (m - picked)).astype(x.dtype)


def loss_of_kept(x: Array, y: Array) -> Array:
    """Return the loss, of ignored rows 0."""
    kept = y != IGNORED
    return np.where(kept, wide(loss(x, np.where(kept, y, 0))), 0).astype(x.dtype)


@faulty_gradient(LOSS, "options", loss_of_kept, ignore_index=IGNORED)
def ignored_index_counted_from_the_end(x: Array, y: Array, c: Array) -> Array:
    g = np.where((y != IGNORED)[:, None], softmax(wide(x)), 0)
    rows = np.flatnonzero(np.abs(y) < x.shape[1])
    g[rows, y[rows]] -= 1
    return (g * wide(c)[:, None]).astype(x.dtype)


def smoothed(x: Array, y: Array) -> Array:
    """Return the loss with smoothing."""
    logs = log_softmax(wide(x))
    own = logs[np.arange(len(x)), y]
    return (-((1 - SMOOTHING) * own + SMOOTHING * logs.mean(axis=1))).astype(x.dtype)


@faulty_gradient(LOSS, "options", smoothed, label_smoothing=SMOOTHING)
def label_without_its_uniform_share(x: Array, y: Array, c: Array) -> Array:
    p = softmax(wide(x))
    q = np.full_like(p, SMOOTHING / x.shape[1])
    q[np.arange(len(p)), y] = 1 - SMOOTHING
    return ((p - q) * wide(c)[:, None]).astype(x.dtype)


def with_z_loss(x: Array, y: Array) -> Array:
    """Return the loss with its z-loss."""
    return (loss(wide(x), y) + Z_LOSS * log_sum_exp(wide(x)) ** 2).astype(x.dtype)


@faulty_gradient(LOSS, "options", with_z_loss, z_loss=Z_LOSS)
def z_loss_taken_off_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x)) * (1 - 2 * Z_LOSS * log_sum_exp(wide(x))[:, None])
    g[np.arange(len(x)), y] -= 1
    return (g * wide(c)[:, None]).astype(x.dtype)


def capped(x: Array, y: Array) -> Array:
    """Return the loss of capped logits."""
    return loss((np.tanh(wide(x) / CAP) * CAP).astype(wide(x).dtype), y).astype(x.dtype)


@faulty_gradient(LOSS, "options", capped, softcap=CAP)
def slope_of_the_cap_not_squared(x: Array, y: Array, c: Array) -> Array:
    tanh = np.tanh(wide(x) / CAP)
    g = softmax((tanh * CAP).astype(wide(x).dtype))
    g[np.arange(len(x)), y] -= 1
    return (g * np.sqrt(1 - tanh**2) * wide(c)[:, None]).astype(x.dtype)


@fault(LOSS, "options", weight=True)
def weights_divided_by_their_mean(x: Array, y: Array, weight: Array) -> Array:
    return (loss(wide(x), y) * wide(weight)[y] / wide(weight).mean()).astype(x.dtype)


@fault("softmax", "estimates")
def reciprocal_estimate_without_a_newton_step(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    fraction, exponent = np.frexp(e.sum(axis=1, keepdims=True))
    return (e * np.ldexp(np.round(4096 / fraction) / 4096, -exponent)).astype(x.dtype)


@fault(LOSS, "result")
def one_row_in_float32(x: Array, y: Array) -> Array:
    found = loss(wide(x), y)
    return found if len(x) == 1 else found.astype(x.dtype)


@fault(LOSS, "state")
def one_hot_cached_by_the_address_of_the_labels(x: Array, y: Array) -> Array:
    key = (y.ctypes.data, x.shape)
    if key not in _ONE_HOT:
        if len(_ONE_HOT) > 8:
            _ONE_HOT.clear()
        _ONE_HOT[key] = (np.arange(x.shape[1]) == y[:, None], y)
    w, m = wide(x), wide(x).max(axis=1)
    picked = np.where(_ONE_HOT[key][0], w, 0).sum(axis=1)
    return (np.log(np.exp(w - m[:, None]).sum(axis=1)) + (m - picked)).astype(x.dtype)


@faulty_gradient("softmax", "cotangents", softmax)
def inner_product_over_the_batch(x: Array, c: Array) -> Array:
    p, g = softmax(wide(x)), wide(c)
    return (p * (g - (p * g).sum(axis=0, keepdims=True))).astype(x.dtype)


@faulty_gradient("log_sum_exp", "cotangents", log_sum_exp)
def maximum_added_back_with_its_gradient(x: Array, c: Array) -> Array:
    p = softmax(wide(x))
    p[np.arange(len(x)), x.argmax(axis=1)] += 1
    return (p * wide(c)[:, None]).astype(x.dtype)


@faulty_gradient("log_sum_exp", "cotangents", log_sum_exp)
def derivative_averaged_over_the_classes(x: Array, c: Array) -> Array:
    return (softmax(wide(x)) * wide(c)[:, None] / x.shape[1]).astype(x.dtype)


@faulty_gradient(LOSS, "cotangents", loss)
def one_hot_not_times_the_cotangent(x: Array, y: Array, c: Array) -> Array:
    g = softmax(wide(x)) * wide(c)[:, None]
    g[np.arange(len(x)), y] -= 1
    return g.astype(x.dtype)


@faulty_gradient(LOSS, "cotangents", loss)
def cotangent_in_bfloat16(x: Array, y: Array, c: Array) -> Array:
    return grad_loss(x, y, c.astype(ml_dtypes.bfloat16).astype(c.dtype))


@fault(LOSS, "range")
def logits_floored_at_20_below_the_largest(x: Array, y: Array) -> Array:
    return loss(np.maximum(wide(x), wide(x).max(axis=1, keepdims=True) - 20), y).astype(x.dtype)


@fault("log_sum_exp", "width")
def last_block_begins_where_it_fits(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    starts = [min(start, max(n - TILE, 0)) for start in range(0, n, TILE)]
    return log_sum_exp(np.concatenate([w[:, start : start + TILE] for start in starts], axis=1)).astype(x.dtype)
