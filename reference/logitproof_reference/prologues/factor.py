"""A factor, or a divisor, of every logit: a logit scale, a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue
from logitproof_reference.bounds.producers import producer_bound
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.products import transposed
from logitproof_reference.vocabulary.producers import PRODUCERS, Factor

from .linear import computed_product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64, Format

ROUNDINGS = 2.0
"""A product or a quotient is rounded once; a product with a rounded reciprocal, twice."""

SPLITTABLE = 2.0**990
"""Numbers below it multiply in double-double; of larger ones the radius is a rounding of float64."""


@dataclass(frozen=True)
class FactorPrologue:
    """A `Factor` in front of an op."""

    factor: Factor
    operands: tuple[str, ...] = ("logits",)

    def exact(self, *operands: Ball) -> Ball:
        """Return the product, or the quotient; an infinity or a NaN stays what it is, with a radius of 0."""
        (x,) = operands
        number, rounded = float(self.factor.number), self.factor.apply(x.hi)
        plain = (np.abs(x.hi) < SPLITTABLE) & (np.abs(rounded) < SPLITTABLE)
        kept = Ball(*(np.where(plain, part, 0.0) for part in (x.hi, x.lo, x.radius)))
        made = kept * number if self.factor.sign == "*" else kept / Ball(np.full(x.hi.shape, number))
        with np.errstate(invalid="ignore"):
            off = np.nan_to_num(np.abs(rounded) * 2.0**-52, posinf=0.0)
        return Ball(np.where(plain, made.hi, rounded), made.lo, np.where(plain, made.radius, off))

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with the factor in it."""
        del operands, of
        return self.exact(upstream)

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the scaled logits, rounded."""
        (x,) = operands
        return _rounded(rounding, BoundedValue(self.factor.apply(x.value), np.abs(self.factor.apply(x.error))))

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with the factor in it, rounded."""
        del operands, of
        return self.computed(rounding, upstream)

    def scaled(self, cotangent: F64) -> F64:
        """Return the cotangent with which the op's gradient with respect to its logits is that behind the factor."""
        return self.factor.apply(cotangent.astype(np.float64))

    def bound(self, request: Request, format_: Format) -> F64:
        """Return what its rounding adds to the error of an answer, `request` being for the logits that it makes."""
        return producer_bound(request, format_)

    def source(self, *names: str) -> str:
        """Return the expression for its logits."""
        return self.factor.source(names[0])


@dataclass(frozen=True, eq=False)
class FactorsPrologue:
    """A tensor of factors of the logits, of any sign: one per row, (rows, 1), or one per class, (1, classes).

    Logits z = t x have the gradient t G by x, of the gradient G by z, and by t the sum of G x over the logits that a
    factor multiplies. Where it `divides`, as a temperature, z = x / t, and these are G / t and the sum of -G x / t**2.
    Correct code rounds each product, or none, and sums them as a product of matrices does.
    """

    numbers: F64
    is_of_rows: bool = True
    divides: bool = False
    operands: tuple[str, ...] = ("logits",)

    def exact(self, *operands: Ball) -> Ball:
        """Return the products."""
        (x,) = operands
        numbers = np.broadcast_to(self.numbers, x.hi.shape)
        return x / Ball(numbers.copy()) if self.divides else x * numbers

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with the factors in it."""
        del operands, of
        return self.exact(upstream)

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the products, rounded."""
        (x,) = operands
        by = 1.0 / self.numbers if self.divides else self.numbers
        return _rounded(rounding, BoundedValue(x.value * by, x.error * np.abs(by)))

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient with the factors in it, rounded."""
        del operands, of
        return self.computed(rounding, upstream)

    def by_numbers(self, upstream: Ball, *operands: Ball) -> Ball:
        """Return the gradient with respect to the factors, (rows, 1) or (classes,)."""
        terms = upstream * operands[0]
        if self.divides:
            terms = -terms / Ball(np.broadcast_to(self.numbers, terms.hi.shape) ** 2)
        if not self.is_of_rows:
            return terms.sum()
        total = transposed(terms).sum()
        return Ball(total.hi[:, None], total.lo[:, None], total.radius[:, None])

    def computed_by_numbers(self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue) -> BoundedValue:
        """Return the gradient with respect to the factors: products, each rounded, and their sum."""
        terms = rounding.multiply(upstream, operands[0])
        if self.divides:  # the square and the quotient, or two quotients: rounded as a product twice
            by = 1.0 / self.numbers**2
            terms = _rounded(rounding, BoundedValue(-terms.value * by, terms.error * by))
        rows, classes = terms.value.shape
        if self.is_of_rows:
            return computed_product(rounding, terms, BoundedValue.exact(np.ones((classes, 1))))
        total = computed_product(rounding, BoundedValue.exact(np.ones((1, rows))), terms)
        return BoundedValue(total.value[0], total.error[0])

    def source(self, *names: str) -> str:
        """Return the expression for its logits."""
        return f"{names[0]} {'/' if self.divides else '*'} factors"


def _rounded(rounding: Rounding, made: BoundedValue) -> BoundedValue:
    relative = ROUNDINGS * rounding.unit * (1.0 + rounding.unit)
    return BoundedValue(made.value, made.error + relative * made.magnitude + 2.0 * rounding.tiny)


def producer_of(name: str) -> FactorPrologue:
    """Return the prologue of a name of `vocabulary.producers.PRODUCERS`."""
    return FactorPrologue(PRODUCERS[name])


def logits_behind(producer: FactorPrologue, logits: NDArray[Any]) -> F64:
    """Return the logits that a producer makes of those of a format, rounded to float64.

    Their tail, below 2**-53 of it, lies within what `bound` grants: three roundings of the format.
    """
    return producer.exact(Ball(logits.astype(np.float64))).hi
