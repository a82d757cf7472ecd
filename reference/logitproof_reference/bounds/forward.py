"""Bounds B1 to B3 and B6 to B10: softmax, log-softmax and log-sum-exp.

Notation: u unit roundoff, eta smallest subnormal; row x_1..x_n, t_j = x_max - x_j, S = sum exp(-t_j),
p softmax, y log-softmax; ee, el relative errors of exp and log; h height of the summation tree,
g_h = h u / (1 - h u).

Source of the technique: P. Blanchard, D. J. Higham, N. J. Higham, IMA J. Numer. Anal. 41(4), 2021,
doi:10.1093/imanum/draa038. Unlike their first-order theorems these hold for every u, and count
the final rounding u |y| of a log-sum-exp, without which correct code exceeds theorem 4.2 up to 94 times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.assumptions import growth
from logitproof_reference.bounds.error_model import BoundedValue, Rounding, worst
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof_reference.bounds.row_statistics import RowStatistics
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True)
class ShiftedSum:
    """The sum S of shifted exponentials, as an implementation holds it.

    Attributes
    ----------
    shift : float64, shape (rows, n)
        D_j, how far the computed exponent lies off -t_j.
    error : float64, shape (rows, 1)
        eS, bound on the relative error of S; inf where the sum may lose everything.
    """

    shift: F64
    error: F64

    @property
    def reciprocal(self) -> F64:
        """Return eS' = eS / (1 - eS): bounds the relative error of 1/S and the absolute error of log S."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.error < 1.0, self.error / (1.0 - self.error), np.inf)


def shift_error(statistics: RowStatistics, rounding: Rounding) -> F64:
    """Return D_j = u t_j: the one rounding of x_j - x_max. Flushed operands and result cost a smallest normal each."""
    return rounding.unit * statistics.depth + 3.0 * rounding.flush


def mean_shift(statistics: RowStatistics, shift: F64) -> F64:
    """Return sum p_j (e^D_j - 1), what shifts do to the sum: at most kappa u M for D_j = u t_j.

    kappa = (e^{uT} - 1) / (uT) by convexity, with T = max t and M = sum p_j t_j. The sum itself is
    sharper and cannot overflow, as exp(D_j - t_j) (1 - exp(-D_j)) / S.
    """
    grown = np.exp(_exponent(statistics, shift))
    with np.errstate(invalid="ignore"):
        terms = np.where(grown == 0.0, 0.0, grown * -np.expm1(-shift))
    return np.asarray(terms.sum(axis=-1, keepdims=True) / statistics.total, dtype=np.float64)


def _exponent(statistics: RowStatistics, shift: F64) -> F64:
    """Return D_j - t_j, with a class infinitely deep staying there."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isposinf(statistics.depth), -np.inf, shift - statistics.depth)


def compound(*errors: F64 | float) -> F64:
    """Return the relative error of a product of factors 1 + error, without cancellation."""
    total = np.zeros(())
    for error in errors:
        total = total + np.log1p(error)
    return np.expm1(total)


def shifted_sum(statistics: RowStatistics, rounding: Rounding, shift: F64 | None = None) -> ShiftedSum:
    """B1, its first half: eS = (1 + kappa u M)(1 + ee)(1 + g_h) - 1 + n eta.

    The computed exponent is -t_j + d, |d| <= D_j, so that the term is e^-t_j e^d (1 + ee), off by at
    most e^-t_j (e^D_j (1 + ee) - 1) and by eta where it underflows. Summation multiplies each by
    at most 1 + g_h. Divided by S >= 1 and summed: `mean_shift` in place of kappa u M.

    Parameters
    ----------
    shift : float64, shape (rows, n), optional
        D_j; `shift_error` when left out. For kernels on exp2: `exp2_shift_error` (B8).
    """
    shift = shift_error(statistics, rounding) if shift is None else shift
    n = statistics.depth.shape[-1]
    summation = rounding.sum_growth(n)
    relative = compound(mean_shift(statistics, shift), rounding.exp_error, summation)
    return ShiftedSum(shift, relative + n * rounding.exp_tiny * (1.0 + summation))


def streaming_sum(statistics: RowStatistics, rounding: Rounding, *, updates: int, block: int) -> ShiftedSum:
    """B6: the sum of a kernel with a running maximum (fused attention and loss kernels).

    eS = (1 + kappa u M)(1 + ee)^{1+r} (1 + u)^r (1 + g_h') - 1 + 2 n eta: each of r = `updates`
    updates of the maximum multiplies the partial sum by another exp, with ee, and another rounding;
    the shifts telescope, since the depth below each successive maximum adds up to t_j. Blocks
    of `block` classes are summed first, then the blocks: h' = (block - 1) + (blocks - 1).
    """
    shift = shift_error(statistics, rounding)
    n = statistics.depth.shape[-1]
    height = max(min(block, n) - 1 + -(-n // block) - 1, 0)
    wide = rounding.arithmetic.accumulation_format(rounding.format)
    summation = (1.0 + growth(height, wide.unit_roundoff)) * (1.0 + rounding.store) - 1.0
    exps = (1.0 + rounding.exp_error) ** (1 + updates) - 1.0
    rescaling = (1.0 + rounding.unit) ** updates - 1.0
    relative = compound(mean_shift(statistics, shift), exps, rescaling, summation)
    return ShiftedSum(shift, relative + 2 * n * rounding.exp_tiny * (1.0 + summation))


def exp2_shift_error(statistics: RowStatistics, rounding: Rounding, *, fused: bool) -> F64:
    """B8: D_j of a kernel that computes exp2 of (x_j - x_max) c, c = fl(log2 e), from separate products.

    fl(fl(x_j c) - fl(x_max c)): each product is off by u |x| (in units of the natural exponent), which the constant
    and the difference multiply by 1 + u each; the difference by u t_j, the constant by u t_j; 2.5 covers the products
    of these. Not shift-invariant.
    With a fused multiply-add, fl(x_j c - fl(x_max c)) where the kernel corrects for the rounded
    product, u |x_max| is left only to second order. Measured in float32 only.
    """
    u = rounding.unit
    common = 2.5 * u * statistics.depth + 3.0 * rounding.flush
    if fused:
        return common + 2.0 * u * u * np.abs(statistics.top)
    return common + u * (1.0 + u) ** 2 * (np.abs(statistics.logits) + np.abs(statistics.top))


def softmax_by_division(
    statistics: RowStatistics, rounding: Rounding, total: ShiftedSum, *, roundings: int = 1
) -> BoundedValue:
    """B1: |dp_j| <= p_j {e^{D_j} (1 + ee)(1 + eS')(1 + u)^k - 1} + 2 eta.

    A quotient of the exponential, off by e^D_j (1 + ee), and the sum, whose reciprocal is off by
    eS' = eS / (1 - eS), rounded k = `roundings` times: 1 for a division, 2 for a product with 1/S.
    eta counts an exp that underflows, and each rounding that does.
    """
    scale = compound(rounding.exp_error, total.reciprocal, (1.0 + rounding.unit) ** roundings - 1.0)
    grown = np.exp(_exponent(statistics, total.shift))
    with np.errstate(invalid="ignore"):
        error = np.where(grown == 0.0, 0.0, grown * (scale - np.expm1(-total.shift))) / statistics.total
    tiny = rounding.exp_tiny * (1.0 + scale) + roundings * rounding.tiny
    return BoundedValue(statistics.softmax, error + tiny)


def log_softmax(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """B2 in base e, and where the arithmetic grants it, in base 2."""
    natural = log_softmax_by_difference(statistics, rounding, total)
    if not rounding.arithmetic.base_2:
        return natural
    return worst(natural, log_softmax_in_base_2(statistics, rounding, total))


def log_softmax_by_difference(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """B2: |dy_j| <= B + u (|y_j| + B) + eta, B = D_j + eS' + el (log S + eS').

    y_j = -t_j - log S. The shifted logit is off by D_j; log of the computed sum by |log(1 + eS)| <= eS',
    and by el of itself; the last subtraction rounds once. Cross-entropy at class k taken from here
    is -y_k with the same error.
    """
    logarithm = _log_of_sum(statistics, rounding, total)
    return rounding.subtract(BoundedValue(-statistics.depth, total.shift), logarithm)


def log_softmax_in_base_2(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """B2 of fl(fl(fl((x_j - x_max) c) - log2 S) c'), c = fl(log2 e), c' = fl(log 2), in units of base e.

    t_j is multiplied by c, off by g of itself, and rounded: D_j + (u + g) (t_j + D_j). The difference is multiplied
    by c', off by g', and rounded. g and g' are those of the format: 0.22 u and 0.05 u in float32.
    """
    constant, back = (_rounded_constant(hi, lo, rounding) for hi, lo in (_LOG2_E, _LOG_2))
    depth = BoundedValue(-statistics.depth, total.shift)
    difference = rounding.subtract(rounding.multiply(depth, constant), _log_of_sum(statistics, rounding, total))
    return rounding.multiply(difference, back)


_LOG2_E = (1.4426950408889634, 2.0355273740931033e-17)
_LOG_2 = (0.6931471805599453, 2.3190468138462996e-17)
"""Both constants as unevaluated sums of two float64 numbers."""


def _rounded_constant(hi: float, lo: float, rounding: Rounding) -> BoundedValue:
    """Return a factor of 1 that is off as much, relatively, as hi + lo is by its rounding to the format."""
    held = float(np.asarray(hi).astype(rounding.format.dtype))
    return BoundedValue(np.ones(1), np.full(1, abs((hi - held) + lo) / hi))


def _log_of_sum(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """Return log S, off by eS' + el (log S + eS')."""
    value = statistics.log_total
    return BoundedValue(value, total.reciprocal + rounding.log_error * (value + total.reciprocal) + rounding.tiny)


def log_sum_exp(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """B3: |dy| <= B + u (|y| + B) + eta, B = eS' + el (log S + eS').

    y = x_max + log S. The u |y| is unavoidable in a rounded result. Shape (rows, 1).
    """
    return rounding.add(BoundedValue.exact(statistics.top), _log_of_sum(statistics, rounding, total))


def log_sum_exp_by_merging(statistics: RowStatistics, rounding: Rounding) -> BoundedValue:
    """B10: |dy| <= B + u (|y| + B), B = g_h (A + 1 + 2 c_exp + 2 c_log) + h eta: repeated log(e^a + e^b).

    A step gives fl(max(a, b) + l), l = log1p(exp(-d)), d = fl(|a - b|). l is off by u d e^-d / (1 + e^-d) for the
    rounded d, by ee e^-d / (1 + e^-d) for exp and by el l for the logarithm: by u + ee + el at most, for these factors
    are below 0.28, 0.5 and 0.7. So a step multiplies the sum that it stands for by e^e, |e| <= u |y_v| + u + ee + el.
    Logit j goes through at most h steps, h the height of the tree: the sum is that of e^(x_j + E_j), |E_j| the sum of
    its |e|, whose logarithm is off by max |E_j|. Every exact y_v lies between a logit of its part and y, so that with
    A = max(|y|, max |x_j|) a computed one is at most A + E after steps that have cost E. From E' = E + u (A + E) + u +
    ee + el follows E <= ((1 + u)^h - 1) (A + 1 + (ee + el) / u), and (1 + u)^h - 1 <= g_h. A -inf adds nothing.

    Half formats are granted it where the steps run in float32 and the result is rounded once, the u (|y| + B) above.
    Next to an offset of the logits such a sum stalls once log1p(exp(-d)) < u A / 2: it is no shifted sum.
    """
    unit = min(rounding.unit, FORMATS["float32"].unit_roundoff)
    arithmetic = rounding.arithmetic
    height = arithmetic.tree_height(statistics.depth.shape[-1])
    value = statistics.top + statistics.log_total
    logits = np.where(np.isfinite(statistics.logits), np.abs(statistics.logits), 0.0)
    largest = np.maximum(np.abs(value), logits.max(axis=-1, keepdims=True, initial=0.0))
    relative = growth(height, unit)
    step = 1.0 + 2.0 * (arithmetic.exp_ulps + arithmetic.log_ulps)
    return rounding.rounded(value, relative * (largest + step) + height * rounding.exp_tiny)


def softmax_by_exp(statistics: RowStatistics, rounding: Rounding, logarithm: BoundedValue) -> BoundedValue:
    """Softmax as exp of a rounded log-softmax: |dp_j| <= p_j {e^{dy_j} (1 + ee) - 1} + eta.

    The division-free form, and what reverse mode computes from a saved log-softmax. `logarithm` is
    y_j with its error; e^{y + dy} is evaluated as one exponential, which cannot overflow.
    """
    with np.errstate(invalid="ignore"):
        exponent = np.where(np.isposinf(statistics.depth), -np.inf, logarithm.value + logarithm.error)
    grown = np.exp(exponent)
    with np.errstate(invalid="ignore"):
        error = np.where(grown == 0.0, 0.0, grown * (rounding.exp_error - np.expm1(-logarithm.error)))
    return BoundedValue(statistics.softmax, error + rounding.exp_tiny)


def softmax(statistics: RowStatistics, rounding: Rounding, total: ShiftedSum) -> BoundedValue:
    """Softmax by any shift-invariant form: division, product with the reciprocal, or exp of log-softmax."""
    return worst(
        softmax_by_division(statistics, rounding, total, roundings=2),
        softmax_by_exp(statistics, rounding, log_softmax_by_difference(statistics, rounding, total)),
    )


def softmax_sum_law(terms: int, rounding: Rounding, *, roundings: int = 1) -> float:
    """B7: |sum p_j - 1| <= (1 + u)^k / (1 - g_h) - 1 + n eta, the sum taken exactly, whatever exp's accuracy.

    p_j = fl(e_j / S) and S = fl(sum e_j) is off by g_h of the very e_j that are divided; k = 2 for a
    product with the reciprocal. exp(x - lse) breaks it, up to 128 times: a fingerprint of the algorithm.
    """
    summation = rounding.sum_growth(terms)
    if summation >= 1.0:
        return float("inf")
    return (1.0 + rounding.unit) ** roundings / (1.0 - summation) - 1.0 + roundings * terms * rounding.tiny
