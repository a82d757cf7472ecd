"""Bound B5 and related ones: vector-Jacobian products of every op, with any cotangent.

A framework differentiates what it computed: gradients are made of its own rounded softmax, or of exp
of its rounded log-softmax. Every function takes that softmax as an `BoundedValue`, follows each
ordinary order of evaluation by the rules of `Rounding`, and returns the worst. Cotangents and
labels are exact numbers of the format. Shapes: (rows, n) for class axes, (rows, 1) without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, Rounding, worst

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


def softmax_vjp(softmax: BoundedValue, cotangent: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of g_j = p_j (c_j - s), s = sum c_i p_i; the Jacobian is symmetric, so of the jvp too.

    Two orders are ordinary: fl(p_j fl(c_j - s)), and fl(fl(p_j c_j) - fl(p_j s)). In both s is off by
    sum |c_i| dp_i + u sum |c_i p_i| + g_h sum |c_i p_i|; the first rounds c_j - s and the product, the
    second two products and their difference.
    """
    weighted = rounding.multiply(softmax, cotangent)
    total = rounding.sum(weighted)
    centred = rounding.multiply(softmax, rounding.subtract(cotangent, total))
    expanded = rounding.subtract(weighted, rounding.multiply(softmax, total))
    return worst(centred, expanded)


def log_softmax_vjp(softmax: BoundedValue, cotangent: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of g_j = c_j - p_j sum c_i: the sum off by g_h sum |c_i|, the product and the difference rounded.

    A tape that divides sum c by S before it multiplies with exp has the roundings of p by division.
    """
    return rounding.subtract(cotangent, rounding.multiply(softmax, rounding.sum(cotangent)))


def log_sum_exp_vjp(softmax: BoundedValue, cotangent: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of g_j = c p_j: |c| dp_j + u |c| (p_j + dp_j) + eta."""
    return rounding.multiply(cotangent, softmax)


def softmax_by_exp_of_difference(
    softmax: BoundedValue, logits: F64, log_sum_exp: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Softmax as exp(x_j - y) of a rounded log-sum-exp: |dp_j| <= p_j {e^D (1 + ee) - 1} + eta.

    D = |dy| + u (|x_j - y| + |dy|). As dy holds u |y|, this grows with a common offset of the
    logits; where the error of y alone makes it vacuous (e^{dy} (1 + ee) - 1 >= 1), `softmax` is returned.
    """
    y, dy = log_sum_exp.value, log_sum_exp.error
    with np.errstate(invalid="ignore", over="ignore"):
        exponent = np.where(softmax.value > 0.0, logits - y, -np.inf)
        shift = dy + rounding.unit * (np.abs(exponent) + dy) + rounding.flush
        grown = np.where(exponent == -np.inf, 0.0, np.exp(exponent + shift))
        error = np.where(grown == 0.0, 0.0, grown * (rounding.exp_error - np.expm1(-shift)))
        vacuous = ~(np.expm1(dy) * (1.0 + rounding.exp_error) + rounding.exp_error < 1.0)
    return BoundedValue(softmax.value, np.where(vacuous, softmax.error, error + rounding.exp_tiny))


def cross_entropy_at_vjp(
    softmax: BoundedValue, indices: NDArray[np.integer], cotangent: BoundedValue, rounding: Rounding
) -> BoundedValue:
    """Bound of g_j = g (p_j - [j = k]): B5 with a factor.

    Either fl(g fl(p_j - 1)) at the label, or, as reverse mode goes through log-softmax with the
    cotangent -g at k, fl(-g - fl(p_j (-g))): its product rounds u |g| p_j where p_j - 1 may be small.
    An index outside [0, n) gives NaN.
    """
    n = softmax.value.shape[-1]
    inside = ((indices >= 0) & (indices < n))[:, None]
    onehot = np.where(inside, (np.arange(n) == indices[:, None]).astype(np.float64), np.nan)
    return cross_entropy_over_vjp(softmax, onehot, cotangent, rounding, total_is_one=True)


def cross_entropy_over_vjp(
    softmax: BoundedValue,
    distributions: F64,
    cotangent: BoundedValue,
    rounding: Rounding,
    *,
    total_is_one: bool = False,
) -> BoundedValue:
    """Bound of g_j = g (Q p_j - q_j), Q = sum q_i: B5, |dg_j| <= |dp_j| + u (|p_j - q_j| + |dp_j|) + eta, made whole.

    Ordinary orders: g times fl(fl(Q p_j) - q_j), and reverse mode through log-softmax with c = fl(-g q),
    fl(c_j - fl(p_j fl(sum c))). The sum of the labels is off by g_h Q (unless `total_is_one` is
    given as exact), products and differences round once each. p - q without Q, for labels that sum
    to one but for their rounding, is within the bound of Q. Third, p_j (Q - q_j) - q_j (1 - p_j) with
    1 - p_j by `complement`: at a class index -g (1 - p_k), which keeps its digits where p_k nears 1.
    """
    labels = BoundedValue.exact(distributions)
    total = BoundedValue.exact(np.ones((len(distributions), 1))) if total_is_one else rounding.sum(labels)
    expected = softmax if total_is_one else rounding.multiply(softmax, total)
    factored = rounding.multiply(cotangent, rounding.subtract(expected, labels))
    seeds = rounding.multiply(-cotangent, labels)
    seed_total = -cotangent if total_is_one else rounding.sum(seeds)
    taped = rounding.subtract(seeds, rounding.multiply(softmax, seed_total))
    spared = rounding.multiply(softmax, BoundedValue(total.value - distributions, total.error))
    owed = rounding.multiply(labels, complement(softmax, rounding))
    parted = rounding.multiply(cotangent, rounding.subtract(spared, owed))
    return worst(factored, taped, parted)


def complement(softmax: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of 1 - p_j without cancellation: the sum of the other p, or -expm1 of a rounded log-softmax.

    The sum is off by sum dp_i and by g_h of what it adds, i over the other classes. With y_j off by d, expm1 moves by
    p_j (e^abs(d) - 1), which `forward.softmax_by_exp` put into dp_j, and is off by ee of itself.
    """
    value = 1.0 - softmax.value
    error = np.broadcast_to(softmax.error, value.shape)
    inherited = error.sum(axis=-1, keepdims=True) - error
    summed = rounding.rounded(value, inherited + rounding.sum_growth(value.shape[-1]) * (value + inherited))
    return worst(summed, BoundedValue(value, error + rounding.exp_error * (value + error) + rounding.exp_tiny))


def cross_entropy_over_label_vjp(logarithm: BoundedValue, cotangent: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Bound of the gradient with respect to labels, -g y_j: |g| dy_j + u |g| (|y_j| + dy_j) + eta."""
    return rounding.multiply(-cotangent, logarithm)
