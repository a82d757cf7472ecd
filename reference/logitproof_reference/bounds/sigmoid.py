"""Bounds of sigmoid cross-entropy with weight w and positive weight P, elementwise.

L = w [z P softplus(-x) + (1 - z) softplus(x)], softplus(x) = max(x, 0) + log1p(exp(-|x|)). Correct frameworks write it
in four ways, whose errors differ by cancellation, and every one is granted:

1. max(x, 0) - x z + log1p(exp(-|x|)), for P = 1 (TensorFlow);
2. (1 - z) x + (1 + (P - 1) z) softplus(-x) (PyTorch): for z = 0 and x << 0 it adds x to what is nearly -x, so
   that a loss of exp(x) is lost in u |x|;
3. z P softplus(-x) + (1 - z) softplus(x) (JAX users): no cancellation;
4. (1 + (P - 1) z) softplus(x) - P z x (softplus(x) - x z for P = 1): the mirror image of 2 by x -> -x, z -> 1 - z. For
   z = 1 and x >> 0 it takes x off what is nearly x, so that a loss of exp(-x) is lost in u |x|.

Shapes: all arrays alike. Derived by the rules of `Rounding`; logits, labels and weights are exact
numbers of the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, Rounding, worst

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True)
class SigmoidLoss:
    """Logits, labels and weights of a sigmoid cross-entropy, and how they are computed with.

    Attributes
    ----------
    logits, labels, weight, pos_weight : float64 arrays of one shape
        x, z, w and P; ones where a weight is not used.
    rounding : Rounding
        The model of the format.
    """

    logits: F64
    labels: F64
    weight: F64
    pos_weight: F64
    rounding: Rounding

    @cached_property
    def label(self) -> BoundedValue:
        """Z, exactly."""
        return BoundedValue.exact(self.labels)

    @cached_property
    def complement(self) -> BoundedValue:
        """1 - z, rounded once; exact for labels 0 and 1."""
        rounded = self.rounding.subtract(BoundedValue.exact(np.ones_like(self.labels)), self.label)
        return BoundedValue(rounded.value, np.where((self.labels == 0.0) | (self.labels == 1.0), 0.0, rounded.error))

    @cached_property
    def positive(self) -> BoundedValue:
        """P z, rounded once where P is not 1."""
        product = self.rounding.multiply(BoundedValue.exact(self.pos_weight), self.label)
        return BoundedValue(product.value, np.where(self.pos_weight == 1.0, 0.0, product.error))

    @cached_property
    def log_weight(self) -> BoundedValue:
        """1 + (P - 1) z, or P z + 1 - z from left to right; exact for P = 1 and labels 0 and 1."""
        one = BoundedValue.exact(np.ones_like(self.labels))
        excess = self.rounding.subtract(BoundedValue.exact(self.pos_weight), one)
        factored = self.rounding.add(one, self.rounding.multiply(excess, self.label))
        expanded = self.rounding.subtract(self.rounding.add(self.positive, one), self.label)
        exact = (self.pos_weight == 1.0) & ((self.labels == 0.0) | (self.labels == 1.0))
        either = worst(factored, expanded)
        return BoundedValue(either.value, np.where(exact, 0.0, either.error))

    @cached_property
    def _log1p(self) -> BoundedValue:
        """Return l = log1p(exp(-|x|)): the exp off by ee, log1p of a slope below 1, and then el of itself."""
        a = np.exp(-np.abs(self.logits))
        inherited = a * self.rounding.exp_error + self.rounding.exp_tiny
        logarithm = np.log1p(a)
        error = inherited + self.rounding.log_error * (logarithm + inherited) + self.rounding.tiny
        return BoundedValue(logarithm, error)

    @cached_property
    def _made(self) -> dict[tuple[str, float], BoundedValue]:
        """What `softplus` and `sigmoid` gave: each form takes them again."""
        return {}

    def softplus(self, sign: float) -> BoundedValue:
        """Return log(1 + exp(sign x)) = fl(max(sign x, 0) + l)."""
        if ("softplus", sign) not in self._made:
            larger = BoundedValue.exact(np.maximum(sign * self.logits, 0.0))
            self._made["softplus", sign] = self.rounding.add(larger, self._log1p)
        return self._made["softplus", sign]

    def sigmoid(self, sign: float) -> BoundedValue:
        """Return `_sigmoid` of a sign, made once."""
        if ("sigmoid", sign) not in self._made:
            self._made["sigmoid", sign] = self._sigmoid(sign)
        return self._made["sigmoid", sign]

    def _sigmoid(self, sign: float) -> BoundedValue:
        """Return 1 / (1 + exp(-sign x)), by that quotient, by a / (1 + a), or as exp(x - softplus(x)) by a tape.

        The quotients: ee of exp, the sum and the division rounded; an exp that overflows costs 1 / largest.
        The tape's: e^D (1 + ee) - 1 with D the error of softplus and of the difference, u |x| for large x.
        """
        exponent = -np.logaddexp(0.0, -sign * self.logits)
        value = np.exp(exponent)
        u, ee = self.rounding.unit, self.rounding.exp_error
        quotient = value * ((1.0 + ee) * (1.0 + u) ** 2 / (1.0 - ee) - 1.0)
        softplus = self.softplus(sign)
        with np.errstate(invalid="ignore"):
            shift = softplus.error + u * (np.abs(exponent) + softplus.error)
        shift = np.where(np.isinf(self.logits), 0.0, shift)
        taped = np.exp(exponent + shift) * (ee - np.expm1(-shift))
        tiny = self.rounding.exp_tiny + self.rounding.tiny + 1.0 / self.rounding.format.largest
        return BoundedValue(value, np.maximum(quotient, taped) + tiny)

    def weighted(self, number: BoundedValue) -> BoundedValue:
        """Return w times a number; no rounding where w is 1."""
        product = self.rounding.multiply(BoundedValue.exact(self.weight), number)
        return BoundedValue(product.value, np.where(self.weight == 1.0, number.error, product.error))

    def value(self) -> BoundedValue:
        """Return the loss: the worst of the four ways; at an infinite logit only the third has the limit."""
        r, x = self.rounding, BoundedValue.exact(self.logits)
        negative, positive = self.softplus(-1.0), self.softplus(1.0)
        apart = r.add(r.multiply(self.positive, negative), r.multiply(self.complement, positive))
        torch_way = r.add(r.multiply(self.complement, x), r.multiply(self.log_weight, negative))
        mirrored = r.subtract(r.multiply(self.log_weight, positive), r.multiply(self.positive, x))
        finite = np.isfinite(self.logits)
        granted = [
            np.where(finite, torch_way.error, apart.error),
            np.where(finite, mirrored.error, apart.error),
            np.where(finite & (self.pos_weight == 1.0), self._tensorflow_way().error, apart.error),
        ]
        return self.weighted(worst(apart, *(BoundedValue(apart.value, error) for error in granted)))

    def _tensorflow_way(self) -> BoundedValue:
        """Return fl(fl(max(x, 0) - fl(x z)) + l), for P = 1."""
        r = self.rounding
        product = r.multiply(BoundedValue.exact(self.logits), self.label)
        difference = r.subtract(BoundedValue.exact(np.maximum(self.logits, 0.0)), product)
        return r.add(difference, self._log1p)

    def slope(self) -> BoundedValue:
        """Return dL/dx / w = (1 + (P - 1) z) s - P z, or (1 - z) s - P z (1 - s), s = sigmoid(x)."""
        r = self.rounding
        torch_way = r.subtract(r.multiply(self.log_weight, self.sigmoid(1.0)), self.positive)
        weighed = r.multiply(self.complement, self.sigmoid(1.0))
        apart = r.subtract(weighed, r.multiply(self.positive, self.sigmoid(-1.0)))
        taped = r.subtract(self.complement, r.multiply(self.log_weight, self.sigmoid(-1.0)))
        return worst(torch_way, apart, taped)

    def label_slope(self) -> BoundedValue:
        """Return dL/dz / w = P softplus(-x) - softplus(x), which is -x for P = 1."""
        weighed = self.rounding.multiply(BoundedValue.exact(self.pos_weight), self.softplus(-1.0))
        return self.rounding.subtract(weighed, self.softplus(1.0))

    def curvature(self) -> BoundedValue:
        """Return d2L/dx2 / w = (1 + (P - 1) z) s (1 - s), at once or of the two softplus terms apart.

        1 - s as a difference is off by u absolutely where s is near 1; apart, that happens on both sides.
        """
        r = self.rounding
        together = r.multiply(self.log_weight, self._spread(1.0))
        negative = r.multiply(self.positive, self._spread(-1.0))
        return worst(together, r.add(negative, r.multiply(self.complement, self._spread(1.0))))

    def _spread(self, sign: float) -> BoundedValue:
        """Return s (1 - s) of s = sigmoid(sign x), 1 - s being a difference or sigmoid(-sign x)."""
        s = self.sigmoid(sign)
        difference = self.rounding.subtract(BoundedValue.exact(np.ones_like(self.logits)), s)
        return self.rounding.multiply(s, worst(self.sigmoid(-sign), difference))

    def scaled(self, number: BoundedValue, *factors: F64) -> BoundedValue:
        """Return w times a number times exact factors, in any order: one rounding a factor."""
        total = self.weighted(number)
        for factor in factors:
            total = self.rounding.multiply(total, BoundedValue.exact(factor))
        return total
