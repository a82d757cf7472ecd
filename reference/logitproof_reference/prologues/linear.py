"""The linear layer in front of the logits: hidden states times a weight, and a bias.

A product of matrices may sum its products in any order, in the format that `Arithmetic` says sums run in, but never in
half precision: there that is float32, as in every matrix unit, for 64 terms in bfloat16 could lose a quarter of their
sum. With v the unit roundoff of that format, a sum of k products is off by at most g_k(v) times the sum of their sizes
(N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, section 3.5). Its result is stored in the
format once: a gradient of the weight that is added up over chunks of rows is one such sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.assumptions import growth, wide
from logitproof_reference.bounds.error_model import BoundedValue
from logitproof_reference.numerics.products import product, transposed
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.ball import Ball
    from logitproof_reference.numerics.double_double import F64

WEIGHT, BIAS = 1, 2
"""Places of operands, behind the hidden states."""


@dataclass(frozen=True)
class LinearPrologue:
    """Logits h W^T + b of hidden states h (rows, D), a weight W (classes, D) and, where `has_bias`, b (classes,)."""

    has_bias: bool = False

    @property
    def operands(self) -> tuple[str, ...]:
        """Roles of the arrays."""
        return ("hidden", "weight", "bias") if self.has_bias else ("hidden", "weight")

    def exact(self, *operands: Ball) -> Ball:
        """Return the logits."""
        logits = product(operands[0], transposed(operands[1]))
        return logits + operands[2] if self.has_bias else logits

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with respect to the hidden states, the weight or the bias."""
        hidden, weight = operands[:2]
        if of == BIAS:
            return upstream.sum()
        return product(transposed(upstream), hidden) if of == WEIGHT else product(upstream, weight)

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the logits: a product and, of a bias, an addition, each stored, or the bias as one more term."""
        logits = computed_product(rounding, operands[0], _transposed(operands[1]))
        return rounding.add(logits, operands[2]) if self.has_bias else logits

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient; that with respect to the logits is stored in the format in between."""
        hidden, weight = operands[:2]
        if of == BIAS:
            ones = BoundedValue.exact(np.ones((1, len(upstream.value))))
            by_bias = computed_product(rounding, ones, upstream)
            return BoundedValue(by_bias.value[0], by_bias.error[0])
        return (
            computed_product(rounding, _transposed(upstream), hidden)
            if of == WEIGHT
            else computed_product(rounding, upstream, weight)
        )

    def source(self, *names: str) -> str:
        """Return the expression for its logits."""
        product_ = f"{names[0]} @ {names[1]}.T"
        return f"{product_} + {names[2]}" if self.has_bias else product_


class IdentityPrologue(LinearPrologue):
    """A linear layer of which one factor of every product is 0 or 1 and one term of every sum is not 0: it is exact.

    Hidden states are the identity, and the weight is the transpose of the logits, then rows of logits behave as such
    wherever no product is undefined (0 times infinity is NaN): the bounds of an op hold with nothing added.
    """

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the logits, off by no more than flushing subnormal numbers may cost; a bias of zeros costs nothing."""
        logits = operands[1].value.T
        held = BoundedValue(logits, np.where(np.abs(logits) < rounding.flush, np.abs(logits), 0.0))
        return rounding.add(held, operands[2]) if self.has_bias and operands[2].value.any() else held

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient: that by the weight is that with respect to the logits, stored once more."""
        if of == WEIGHT:
            return _transposed(rounding.rounded(upstream.value, _full(upstream), rounding.tiny))
        return super().computed_pull_back(rounding, upstream, *operands, of=of)


def computed_product(rounding: Rounding, x: BoundedValue, y: BoundedValue) -> BoundedValue:
    """Return the matrix product of x (m, k) and y (k, n) as a correct implementation may hold it.

    The value is that of float64 arithmetic, near enough for a bound.
    """
    terms = x.value.shape[1]
    lost, relative = _sums(rounding, terms)
    value = x.value @ y.value
    reach, inherited = np.abs(x.value) @ np.abs(y.value), np.zeros_like(value)
    if not (x.is_exact and y.is_exact):
        inherited = np.abs(x.value) @ _full(y) + _full(x) @ y.magnitude
    if rounding.flush:
        inherited += _subnormal(rounding, x) @ y.magnitude + x.magnitude @ _subnormal(rounding, y)
    off = inherited + relative * (reach + inherited) + 3.0 * terms * lost
    error = off + rounding.unit * (np.abs(value) + off) + rounding.tiny
    return BoundedValue(value, error * (1.0 + 4.0 * growth(terms + 2, 2.0**-53)))


def _full(x: BoundedValue) -> F64:
    """Return the errors in the shape of the numbers."""
    return np.broadcast_to(x.error, x.value.shape)


def _sums(rounding: Rounding, terms: int) -> tuple[float, float]:
    """Return what a sum loses where it underflows, and its relative error over the sizes of its terms."""
    is_half = rounding.format.precision < FORMATS["float32"].precision
    arithmetic = wide(rounding.arithmetic) if is_half else rounding.arithmetic
    format_ = arithmetic.accumulation_format(rounding.format)
    lost = format_.smallest_normal if arithmetic.flush_to_zero else format_.smallest_subnormal
    return lost, growth(arithmetic.tree_height(terms) + 1, format_.unit_roundoff)


def _subnormal(rounding: Rounding, x: BoundedValue) -> F64:
    """Return what is lost of numbers where subnormal ones count as 0."""
    kept: F64 = np.where(np.abs(x.value) < rounding.flush, np.minimum(x.magnitude, rounding.flush), 0.0)
    return kept


def _transposed(x: BoundedValue) -> BoundedValue:
    return BoundedValue(x.value.T, np.broadcast_to(x.error, x.value.shape).T, x.is_exact)
