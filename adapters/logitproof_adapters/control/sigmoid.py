"""Sigmoid cross-entropy and its derivatives in plain NumPy, element by element: the control's second loss.

With P the weight of positive labels, the loss is (1 - y) softplus(x) + P y softplus(-x): terms of one sign, of which
none cancels. No exponent is positive. A term whose factor is 0 adds 0, also where it is infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)); small ones keep all their digits."""
    e = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1, e) / (1 + e)
    return result


def sigmoid_cross_entropy(x: Array, labels: Array, *, pos_weight: Array | None = None) -> Array:
    """Return (1 - y) softplus(x) + P y softplus(-x)."""
    return _term(1 - labels, softplus(x)) + _term(_positive(labels, pos_weight), softplus(-x))


def slope(x: Array, labels: Array, pos_weight: Array | None) -> Array:
    """Return the derivative with respect to the logit, (1 - y) sigmoid(x) - P y sigmoid(-x)."""
    return (1 - labels) * sigmoid(x) - _positive(labels, pos_weight) * sigmoid(-x)


def grad_sigmoid_cross_entropy(x: Array, labels: Array, cotangent: Array, *, pos_weight: Array | None = None) -> Array:
    """Return c times the slope."""
    return cotangent * slope(x, labels, pos_weight)


def grad_labels_sigmoid_cross_entropy(
    x: Array, labels: Array, cotangent: Array, *, pos_weight: Array | None = None
) -> Array:
    """Return c (P softplus(-x) - softplus(x)), which is -c x for P = 1."""
    del labels
    return cotangent * (-x if pos_weight is None else pos_weight * softplus(-x) - softplus(x))


def mixed_derivative_of_sigmoid_cross_entropy(
    x: Array, labels: Array, cotangent: Array, tangent: Array, *, pos_weight: Array | None = None
) -> Array:
    """Return -c v; of a positive weight P, -c v (sigmoid(x) + P sigmoid(-x))."""
    del labels
    slope_of_labels = 1 if pos_weight is None else sigmoid(x) + pos_weight * sigmoid(-x)
    return -cotangent * tangent * slope_of_labels


def jvp_sigmoid_cross_entropy(x: Array, labels: Array, tangent: Array, *, pos_weight: Array | None = None) -> Array:
    """Return v times the slope."""
    return tangent * slope(x, labels, pos_weight)


def hvp_sigmoid_cross_entropy(
    x: Array, labels: Array, cotangent: Array, tangent: Array, *, pos_weight: Array | None = None
) -> Array:
    """Return c v (1 - y + P y) sigmoid(x) sigmoid(-x)."""
    curvature = (1 - labels + _positive(labels, pos_weight)) * (sigmoid(x) * sigmoid(-x))
    return cotangent * curvature * tangent


def _term(factor: Array, term: Array) -> Array:
    return np.where((factor == 0) & (term == np.inf), 0, factor * term).astype(term.dtype)


def _positive(labels: Array, pos_weight: Array | None) -> Array:
    return labels if pos_weight is None else pos_weight * labels
