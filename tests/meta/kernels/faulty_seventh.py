"""Faults written before any was tried: odd tails, groups of rows, shortcuts, what an error or another format leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, faulty_gradient, log_softmax, log_sum_exp, loss, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100
BLOCK = 1024
Z_LOSS, SMOOTHING = 1e-3, 0.125
_CONSTANTS: dict[str, Any] = {}
_SUMS: dict[int, Array] = {}
_CALLS = [0]


@fault("softmax", "tail")
def half_a_tile_at_the_end_outside_the_sum(x: Array) -> Array:
    w, n = wide(x), x.shape[1]
    counted = n - 64 if n > 128 and n % 128 == 64 else n
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return (e / e[:, :counted].sum(axis=1, keepdims=True)).astype(x.dtype)


@fault("log_softmax", "rows")
def last_four_of_rows_in_eights_share_a_sum(x: Array) -> Array:
    w = wide(x)
    t = w - w.max(axis=1, keepdims=True)
    s = np.exp(t).sum(axis=1, keepdims=True)
    if len(x) > 8 and len(x) % 8 == 4:
        s[-4:] = s[-4]
    return (t - np.log(s)).astype(x.dtype)


@fault(LOSS, "labels")
def label_taken_for_the_largest_of_another_block(x: Array, y: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    is_largest = w.argmax(axis=1) % BLOCK == y % BLOCK
    apart = np.where(is_largest, 0, m - w[np.arange(len(w)), y])
    return (np.log(np.exp(w - m[:, None]).sum(axis=1)) + apart).astype(x.dtype)


@fault("softmax", "shape", class_axis="middle")
def last_axis_of_one_lost(x: Array) -> Array:
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    p = (e / e.sum(axis=1, keepdims=True)).astype(x.dtype)
    return p[:, :, 0] if x.shape[2] == 1 else p


@fault("log_sum_exp", "state")
def constant_of_the_first_format(x: Array) -> Array:
    w = wide(x)
    log_2 = _CONSTANTS.setdefault("log_2", w.dtype.type(0.6931471805599453)).astype(w.dtype)
    m = w.max(axis=1)
    safe = np.where(np.isinf(m), 0, m).astype(w.dtype)
    return (safe + np.log2(np.exp(w - safe[:, None]).sum(axis=1)) * log_2).astype(x.dtype)


@fault(LOSS, "state", refuses="error")
def sums_left_by_a_refused_batch(x: Array, y: Array) -> Array:
    w, m = wide(x), wide(x).max(axis=1)
    sums = _SUMS.setdefault(len(x), np.zeros(len(x)))
    sums += np.exp(w - m[:, None]).sum(axis=1)
    if y.size and (y.min() < 0 or y.max() >= x.shape[1]):
        raise ValueError("label out of range")
    found = np.log(sums) + (m - w[np.arange(len(w)), y])
    _SUMS.pop(len(x))
    return found.astype(x.dtype)


@fault("softmax", "state")
def partial_sum_lost_in_every_97th_call(x: Array) -> Array:
    _CALLS[0] += 1
    w = wide(x)
    e = np.exp(w - w.max(axis=1, keepdims=True))
    counted = x.shape[1] // 2 if _CALLS[0] % 97 == 0 and x.shape[1] > 64 else x.shape[1]
    return (e / e[:, :counted].sum(axis=1, keepdims=True)).astype(x.dtype)


def smoothed(x: Array, y: Array) -> Array:
    """Return the loss with smoothing."""
    logs = log_softmax(wide(x))
    own = logs[np.arange(len(x)), y]
    return (-((1 - SMOOTHING) * own + SMOOTHING * logs.mean(axis=1))).astype(x.dtype)


@faulty_gradient(LOSS, "options", smoothed, label_smoothing=SMOOTHING)
def smoothed_over_the_others_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    p, n = softmax(wide(x)), x.shape[1]
    q = np.full_like(p, SMOOTHING / max(n - 1, 1))
    q[np.arange(len(p)), y] = 1 - SMOOTHING if n > 1 else 1
    return ((p - q) * wide(c)[:, None]).astype(x.dtype)


def weighted_mean(x: Array, y: Array, weight: Array) -> Array:
    """Return the mean that weights divide."""
    own = wide(weight)[y]
    return np.asarray((wide(loss(wide(x), y)) * own).sum() / own.sum()).astype(x.dtype)


@faulty_gradient(LOSS, "options", weighted_mean, reduction="mean", weight=True)
def weighted_gradient_divided_by_the_rows(x: Array, y: Array, weight: Array, c: Array) -> Array:
    g = softmax(wide(x))
    g[np.arange(len(x)), y] -= 1
    return (g * wide(weight)[y][:, None] * wide(c) / len(x)).astype(x.dtype)


@fault(LOSS, "options", z_loss=Z_LOSS, ignore_index=IGNORED)
def z_loss_of_ignored_rows_too(x: Array, y: Array) -> Array:
    kept = y != IGNORED
    own = np.where(kept, wide(loss(wide(x), np.where(kept, y, 0))), 0)
    return (own + Z_LOSS * log_sum_exp(wide(x)) ** 2).astype(x.dtype)
