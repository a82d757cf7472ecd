"""Bounds B4 and of reductions: cross-entropy with indices and with distributions, weighted, summed, averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.arithmetic import growth
from logitproof_reference.rounding import Approximation, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.formats import F64


def cross_entropy_at(logarithm: Approximation, indices: NDArray[np.integer]) -> Approximation:
    """B2 at the label: the loss -y_k is log-softmax with its sign turned, and its error.

    As log-sum-exp minus x_k it would hold u |y|, which grows with a common offset of the logits: an
    accuracy class to report, not to grant here. An index outside [0, n) gives NaN. Shape (rows, 1).
    """
    n = logarithm.value.shape[-1]
    inside = ((indices >= 0) & (indices < n))[:, None]
    at = np.clip(indices, 0, max(n - 1, 0))[:, None]
    value = -np.take_along_axis(logarithm.value, at, axis=-1)
    error = np.take_along_axis(np.broadcast_to(logarithm.error, logarithm.value.shape), at, axis=-1)
    return Approximation(np.where(inside, value, np.nan), np.where(inside, error, np.nan))


def cross_entropy_over(logarithm: Approximation, distributions: F64, rounding: Rounding) -> Approximation:
    """B4: |dL| <= sum q_j |dy_j| + g_n sum q_j (|y_j| + |dy_j|) + n eta.

    L = -sum q_j y_j, each product rounded once (u, and eta where it underflows), then summed with g_h:
    together g_{h+1} <= g_n. A class with q_j = 0 adds nothing, even where y_j is -inf. Label smoothing
    is q = (1 - a) onehot + a / n. Labels need not sum to one. Shape (rows, 1).
    """
    return -rounding.dot(Approximation.exact(distributions), logarithm)


def offset_class_error(log_sum_exp: Approximation, label_logit: F64, rounding: Rounding) -> F64:
    """Error of a loss taken as LSE - x_k: B3 + u (|L| + B3), holding u |LSE| (the offset class).

    Not part of any `bound`: it tells an implementation's accuracy class.
    """
    return rounding.subtract(log_sum_exp, Approximation.exact(label_logit)).error


def weighted_sum(losses: Approximation, weights: F64, rounding: Rounding) -> Approximation:
    """Bound of sum_i w_i L_i over the last axis: sum w_i |dL_i| + g_{h+1} sum w_i (|L_i| + |dL_i|) + n eta.

    The products round once each, the sum with its own height: the textbook bound of an inner product
    (Higham 2002, section 3.1) plus what the losses are off already. Weights are exact numbers of
    the format; w = 1 and no products for a plain sum is covered.
    """
    return rounding.dot(Approximation.exact(weights), losses)


def weighted_mean(losses: Approximation, weights: F64, rounding: Rounding) -> Approximation:
    """Bound of sum w_i L_i / sum w_i over the last axis.

    With N the numerator (`weighted_sum`), W = sum w_i off by g_h W (non-negative weights), and one
    rounding of the quotient::

        |d| <= (|dN| + g' (|N| + |dN|)) / W, then u (|N| / W + |d|) + eta,   g' = g_h / (1 - g_h)

    For losses of one sign this is the weighted average of the |dL| plus (g_{h+1} + g' + u) times the
    mean, to first order: BOUNDS' (g_B + 2u) mean |L| with B >= h + 1 leaves g' out where the sum of the
    weights is rounded too; where it is a count, exact in the format, g' is 0 and 2u covers the
    quotient and a reciprocal. A weight sum of 0 has no finite mean: NaN.
    """
    numerator = weighted_sum(losses, weights, rounding)
    total = weights.sum(axis=-1, keepdims=True)
    denominator = rounding.sum_growth(weights.shape[-1])
    relative = denominator / (1.0 - denominator) if denominator < 1.0 else float("inf")
    # A product with the reciprocal, the other ordinary form, rounds once more than a quotient.
    relative = (1.0 + relative) * (1.0 + rounding.unit) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(total > 0.0, numerator.value / total, np.nan)
        error = (numerator.error + relative * numerator.magnitude) / total
    return rounding.rounded(value, error, 2.0 * rounding.tiny)


def uniform_mean(losses: Approximation, rounding: Rounding) -> Approximation:
    """Bound of the mean of B losses over the last axis: (g_h |L| + |dL|) averaged, and 2 u for the division.

    The count B is exact, or rounded once where the format cannot hold it (beyond 2^precision): with
    the quotient's rounding, or that of 1/B and of a product with it, at most three of u.
    """
    count = losses.value.shape[-1]
    summed = rounding.sum(losses)
    error = (summed.error + growth(2, rounding.unit) * summed.magnitude) / max(count, 1)
    value = summed.value / count if count else np.full_like(summed.value, np.nan)
    return rounding.rounded(value, error, 2.0 * rounding.tiny)
