"""Bounds of directional derivatives: forward mode (jvp) and Hessian-vector products (hvp) of every op.

By the rules of `Rounding` on the same rounded softmax as the gradients, worst over the ordinary orders
of evaluation. The direction v and the cotangent are exact numbers of the format; labels do not move.
Shapes: (rows, n) for class axes, (rows, 1) without. The softmax passed in is granted two roundings of
its division, as tapes that keep exponentials and sum apart need: (s / S) e_j has no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, Rounding, worst
from logitproof_reference.bounds.gradient import cross_entropy_over_vjp, softmax_vjp
from logitproof_reference.bounds.loss import cross_entropy_at, cross_entropy_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


def log_sum_exp_jvp(softmax: BoundedValue, direction: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of s = sum p_i v_i: sum |v_i| dp_i, u of each product and g_h of the sum. Shape (rows, 1)."""
    return rounding.dot(softmax, direction)


def log_softmax_jvp(softmax: BoundedValue, direction: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of v_j - s: that of s, and one rounding of the difference."""
    return rounding.subtract(direction, log_sum_exp_jvp(softmax, direction, rounding))


def cross_entropy_at_jvp(
    softmax: BoundedValue, indices: NDArray[np.integer], direction: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of s - v_k: log-softmax's at the label, or the gradient p - onehot in the direction v. Shape (rows, 1)."""
    gathered = cross_entropy_at(log_softmax_jvp(softmax, direction, rounding), indices)
    onehot = (np.arange(softmax.value.shape[-1]) == indices[:, None]).astype(np.float64)
    differences = rounding.subtract(softmax, BoundedValue.exact(onehot))
    return worst(gathered, rounding.dot(differences, direction))


def cross_entropy_over_jvp(
    softmax: BoundedValue, distributions: F64, direction: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of Q s - sum q_j v_j: -sum q_j fl(v_j - s), or the gradient Q p - q in the direction v. Shape (rows, 1)."""
    forward = cross_entropy_over(log_softmax_jvp(softmax, direction, rounding), distributions, rounding)
    one = BoundedValue.exact(np.ones((len(distributions), 1)))
    gradient = cross_entropy_over_vjp(softmax, distributions, one, rounding)
    return worst(forward, rounding.dot(gradient, direction))


def log_sum_exp_hvp(
    softmax: BoundedValue, direction: BoundedValue, weight: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of w p_j (v_j - s), the Hessian of w log-sum-exp, and of every loss made of it.

    w is the cotangent: of a loss g, of a loss with distributions g Q, of log-softmax -sum c. Orders: w times the
    Jacobian of softmax, or the product w p_j first: fl(fl(w p_j) v_j) - fl(fl(w s) p_j).
    """
    factored = rounding.multiply(weight, softmax_vjp(softmax, direction, rounding))
    weighted = rounding.multiply(weight, softmax)
    moved = log_sum_exp_jvp(softmax, direction, rounding)
    first = rounding.multiply(weighted, direction)
    second = rounding.multiply(rounding.multiply(weight, moved), softmax)
    return worst(factored, rounding.subtract(first, second))


def cross_entropy_over_hvp(
    softmax: BoundedValue, distributions: F64, direction: BoundedValue, cotangent: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of g Q p_j (v_j - s): the labels' sum off by g_h, as in the gradient."""
    seeds = rounding.multiply(cotangent, BoundedValue.exact(distributions))
    mass = rounding.multiply(cotangent, rounding.sum(BoundedValue.exact(distributions)))
    return log_sum_exp_hvp(softmax, direction, worst(mass, rounding.sum(seeds)), rounding)


def log_softmax_hvp(
    softmax: BoundedValue, direction: BoundedValue, cotangent: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of -(sum c) p_j (v_j - s)."""
    return log_sum_exp_hvp(softmax, direction, -rounding.sum(cotangent), rounding)


def softmax_hvp(
    softmax: BoundedValue, direction: BoundedValue, cotangent: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of p'_j (c_j - m) - p_j m', with m = sum c_i p_i, p' = p (v - s), m' = sum c_i p'_i.

    The derivative of p_j (c_j - m) in the direction v, with c_j - m as one number, or with p'_j c_j and p'_j m apart.
    """
    moved = softmax_vjp(softmax, direction, rounding)
    mean = rounding.dot(softmax, cotangent)
    mean_moved = rounding.multiply(softmax, rounding.dot(moved, cotangent))
    centred = rounding.multiply(moved, rounding.subtract(cotangent, mean))
    expanded = rounding.subtract(rounding.multiply(moved, cotangent), rounding.multiply(moved, mean))
    return rounding.subtract(worst(centred, expanded), mean_moved)
