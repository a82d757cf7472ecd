"""Softmax and related functions in plain NumPy, as ordinary correct code computes them: the control.

float32 and float64 are computed natively; half formats in float32, rounded once at the end.
Gradients are the closed forms. Infinite logits give the limits, NaN if there is none: see `without_limit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]


def total(x: Array) -> Array:
    """Return the sum over the classes, the last axis, which stays with length 1."""
    result: Array = x.sum(axis=-1, keepdims=True)
    return result


def top(x: Array) -> Array:
    """Return the largest logit of each row; NaN if there is a NaN."""
    result: Array = x.max(axis=-1, keepdims=True)
    return result


def shifted(x: Array) -> Array:
    """Return x - max(x), 0 at the maximum also where it is infinite."""
    return np.where(x == top(x), 0, x - top(x)).astype(x.dtype)


def without_limit(x: Array) -> NDArray[np.bool_]:
    """Return the classes whose probability has no limit: several at +inf, or all if all are -inf."""
    at_top = x == top(x)
    several = at_top.sum(axis=-1, keepdims=True) > 1
    return np.asarray(at_top & ((top(x) == -np.inf) | ((top(x) == np.inf) & several)))


def shares(x: Array) -> Array:
    """Return exp(x - max) / sum exp(x - max), which is even among the classes without a limit."""
    exponentials = np.exp(shifted(x))
    return exponentials / total(exponentials)


def softmax(x: Array) -> Array:
    """Return the shares; NaN if there is no limit."""
    return np.where(without_limit(x), np.nan, shares(x))


def log_softmax(x: Array) -> Array:
    """Return (x - max) - log sum exp(x - max)."""
    t = shifted(x)
    return np.where(without_limit(x), np.nan, t - np.log(total(np.exp(t))))


def half_log_softmax(x: Array) -> Array:
    """Return log_softmax / 2, finite on every finite row, where the difference of two logits may overflow."""
    t = shifted(x / 2)
    return np.where(without_limit(x), np.nan, t - np.log(total(np.exp(2 * t))) / 2)


def log_sum_exp(x: Array) -> Array:
    """Return max + log sum exp(x - max)."""
    return (top(x) + np.log(total(np.exp(shifted(x)))))[..., 0]


def cross_entropy(x: Array, labels: NDArray[Any]) -> Array:
    """Return -log p at the label, or -sum q log p in which q = 0 adds 0 and infinite terms outweigh the others."""
    if np.issubdtype(labels.dtype, np.integer):
        loss: Array = -np.take_along_axis(log_softmax(x), labels[..., None], axis=-1)[..., 0]
        return loss
    terms = np.where(labels == 0, 0, labels * half_log_softmax(x))
    ruled_out = (terms == -np.inf).any(axis=-1) & ~np.isnan(top(x))[..., 0]
    return np.where(ruled_out, np.inf, -2 * total(terms)[..., 0])


def one_hot(labels: NDArray[Any], like: Array) -> Array:
    """Return class indices as distributions; distributions as they are."""
    if not np.issubdtype(labels.dtype, np.integer):
        return labels
    q: Array = (np.arange(like.shape[-1]) == labels[..., None]).astype(like.dtype)
    return q


CERTAIN = 0.5
"""A probability past which 1 - p is taken from the others."""


def grad_softmax(x: Array, cotangent: Array) -> Array:
    """Return p (c - sum c p), with c less that of the largest logit where its p is next to 1: then nothing cancels."""
    p = shares(x)
    first = np.argmax(x, axis=-1)[..., None]
    certain = np.take_along_axis(p, first, axis=-1) > CERTAIN
    c = cotangent - np.where(certain, np.take_along_axis(cotangent, first, axis=-1), 0)
    return np.where(without_limit(x), np.nan, p * (c - total(c * p)))


def grad_log_softmax(x: Array, cotangent: Array) -> Array:
    """Return c - p sum c, at a logit whose p is next to 1 as (1 - p) sum c less the sum of the other c."""
    p, first = softmax(x), np.argmax(x, axis=-1)[..., None]
    at_first = np.arange(x.shape[-1]) == first
    others, rest = np.where(at_first, 0, cotangent), np.where(at_first, 0, p)
    kept = total(rest) * total(cotangent) - total(others)
    certain = at_first & (np.take_along_axis(p, first, axis=-1) > CERTAIN)
    return np.where(certain, kept, cotangent - p * total(cotangent))


def grad_log_sum_exp(x: Array, cotangent: Array) -> Array:
    """Return c p."""
    return cotangent[..., None] * softmax(x)


def grad_cross_entropy(x: Array, labels: NDArray[Any], cotangent: Array) -> Array:
    """Return c (p sum q - q); at a certain label ahead of the others, where p - 1 cancels, -c times their p, summed."""
    q, p = one_hot(labels, x), softmax(x)
    ahead = (q == 1) & ((q != 0).sum(axis=-1, keepdims=True) == 1) & (p > CERTAIN)
    parts = np.where(ahead, -total(np.where(ahead, 0, p)), p * total(q) - q)
    return cotangent[..., None] * parts


def grad_labels_cross_entropy(x: Array, labels: NDArray[Any], cotangent: Array) -> Array:
    """Return -c log p, whatever the labels."""
    del labels
    return -2 * (cotangent[..., None] * half_log_softmax(x))


def jvp_log_sum_exp(x: Array, tangent: Array) -> Array:
    """Return sum p v."""
    return total(softmax(x) * tangent)[..., 0]


def jvp_log_softmax(x: Array, tangent: Array) -> Array:
    """Return v - sum p v."""
    return tangent - total(softmax(x) * tangent)


def mixed_derivative_of_cross_entropy(x: Array, labels: NDArray[Any], cotangent: Array, tangent: Array) -> Array:
    """Return -c (v - sum p v), whatever the labels."""
    del labels
    return -cotangent[..., None] * jvp_log_softmax(x, tangent)


def jvp_cross_entropy(x: Array, labels: NDArray[Any], tangent: Array) -> Array:
    """Return -sum q (v - sum p v)."""
    return -total(one_hot(labels, x) * jvp_log_softmax(x, tangent))[..., 0]


def hvp_log_sum_exp(x: Array, cotangent: Array, tangent: Array) -> Array:
    """Return c p (v - sum p v)."""
    return cotangent[..., None] * grad_softmax(x, tangent)


def hvp_cross_entropy(x: Array, labels: NDArray[Any], cotangent: Array, tangent: Array) -> Array:
    """Return c p (v - sum p v) sum q."""
    return total(one_hot(labels, x)) * hvp_log_sum_exp(x, cotangent, tangent)


def refuse(logits: Array, labels: NDArray[Any] | None, axis: int, ignore_index: int | None = None) -> None:
    """Raise ValueError, TypeError or IndexError where there is no class, or the labels do not fit the logits."""
    rows, classes = logits.shape[:-1], logits.shape[-1]
    if classes == 0:
        raise ValueError(f"the logits have no class at axis {axis}; at least one is needed")
    if labels is None:
        return
    if np.issubdtype(labels.dtype, np.integer):
        if labels.shape != rows:
            raise ValueError(f"class indices have shape {labels.shape}, expected {rows}, one a row of the logits")
        wrong = ((labels < 0) | (labels >= classes)) & (labels != ignore_index)
        if wrong.any():
            raise IndexError(f"class index {labels[wrong][0]} is out of range, expected 0 to {classes - 1}")
    elif labels.ndim != logits.ndim:
        raise TypeError(
            f"labels of one number per row are class indices, found {labels.dtype}, expected an integer type"
        )
    elif np.moveaxis(labels, axis, -1).shape != logits.shape:
        raise ValueError(f"distributions have shape {labels.shape}, expected that of the logits")
