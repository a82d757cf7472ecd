"""Running error analysis: a computed number is represented by its exact value and an error bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.assumptions import Arithmetic, growth, statistical_growth

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.formats import F64, Format


def times(a: F64 | float, b: F64 | float) -> F64:
    """Return a * b with 0 * inf = 0: an exact zero wipes out whatever it meets."""
    with np.errstate(invalid="ignore", over="ignore"):
        product = np.multiply(a, b)
    if not np.isnan(product).any():  # then no zero met an infinity
        return np.asarray(product)
    return np.where(np.equal(a, 0.0) | np.equal(b, 0.0), 0.0, product)


@dataclass(frozen=True)
class BoundedValue:
    """A computed number: its exact value and an error bound.

    Attributes
    ----------
    value : float64 array
        The exact number.
    error : float64 array of the same shape (broadcast)
        Bound on |computed - exact|.
    is_exact : bool
        Whether every error is known to be 0, which spares the products with it.
    """

    value: F64
    error: F64
    is_exact: bool = False

    @classmethod
    def exact(cls, value: F64) -> BoundedValue:
        """Return a number that is held exactly."""
        return cls(value, np.zeros_like(value), is_exact=True)

    @property
    def magnitude(self) -> F64:
        """Bound on the absolute value of what is held."""
        return np.abs(self.value) if self.is_exact else np.abs(self.value) + self.error

    def __neg__(self) -> BoundedValue:
        return BoundedValue(-self.value, self.error, self.is_exact)


def worst(*forms: BoundedValue) -> BoundedValue:
    """Return one number computed in any of several ways: the largest of their errors."""
    errors = [form.error for form in forms]
    return BoundedValue(forms[0].value, np.maximum.reduce(np.broadcast_arrays(*errors)))


@dataclass(frozen=True)
class Rounding:
    """The standard model of one format: fl(a op b) = (a op b)(1 + d) + e, |d| <= unit, |e| <= tiny.

    Higham (2002), section 2.2 and (2.8) for underflow; here for operands that are off themselves.

    Attributes
    ----------
    format : Format
        The format of operands and results.
    arithmetic : Arithmetic
        What else is assumed.
    """

    format: Format
    arithmetic: Arithmetic

    @property
    def unit(self) -> float:
        """Unit roundoff u of the format."""
        return self.format.unit_roundoff

    @property
    def flush(self) -> float:
        """The largest error of flushing a subnormal number to zero: 0 under gradual underflow."""
        return self.format.smallest_normal if self.arithmetic.flush_to_zero else 0.0

    @property
    def tiny(self) -> float:
        """Absolute error eta of a product that underflows."""
        return max(self.flush, self.format.smallest_subnormal)

    @property
    def exp_error(self) -> float:
        """Relative error ee of exp: c ulps are at most 2 c u."""
        return 2.0 * self.arithmetic.exp_ulps * self.unit

    @property
    def exp_tiny(self) -> float:
        """Absolute error of an exp that underflows: c subnormal ulps, or the flush."""
        return max(self.flush, self.arithmetic.exp_ulps * self.format.smallest_subnormal)

    @property
    def log_error(self) -> float:
        """Relative error el of log."""
        return 2.0 * self.arithmetic.log_ulps * self.unit

    def tree_growth(self, terms: int) -> float:
        """Relative error of a sum of non-negative terms before it is stored: g_h in the accumulation format."""
        wide = self.arithmetic.accumulation_format(self.format)
        height = self.arithmetic.tree_height(terms)
        failure = self.arithmetic.failure_probability
        if failure and height:
            return statistical_growth(height, wide.unit_roundoff, terms, failure)
        return growth(height, wide.unit_roundoff)

    @property
    def store(self) -> float:
        """Relative error of returning from the accumulation format: 0 if that is the format itself."""
        return 0.0 if self.arithmetic.accumulation_format(self.format) == self.format else self.unit

    def sum_growth(self, terms: int) -> float:
        """Relative error of a stored sum of non-negative terms."""
        return (1.0 + self.tree_growth(terms)) * (1.0 + self.store) - 1.0

    def rounded(self, value: F64, error: F64, tiny: float | F64 = 0.0) -> BoundedValue:
        """Return what is held after rounding a number that was off by `error` already."""
        return BoundedValue(value, error + self.unit * np.abs(value) + self.unit * error + tiny)

    def add(self, a: BoundedValue, b: BoundedValue) -> BoundedValue:
        """Return fl(a + b). It underflows without error, unless subnormals are flushed: both operands, and the sum."""
        return self.rounded(a.value + b.value, a.error + b.error, 3.0 * self.flush)

    def subtract(self, a: BoundedValue, b: BoundedValue) -> BoundedValue:
        """Return fl(a - b)."""
        return self.add(a, -b)

    def multiply(self, a: BoundedValue, b: BoundedValue) -> BoundedValue:
        """Return fl(a b). A product with an exact zero is exact."""
        inherited = self._inherited(a, b)
        exact = (a.magnitude == 0.0) | (b.magnitude == 0.0)
        flushed = self._flushed(a) + self._flushed(b) if self.flush else 0.0
        return self.rounded(times(a.value, b.value), inherited, np.where(exact, 0.0, self.tiny + flushed))

    @staticmethod
    def _inherited(a: BoundedValue, b: BoundedValue) -> F64:
        """Return |a| db + |b| da + da db, without the terms that are 0."""
        if b.is_exact:
            return times(np.abs(b.value), a.error)
        inherited = times(np.abs(a.value), b.error)
        if a.is_exact:
            return inherited
        return inherited + times(np.abs(b.value), a.error) + times(a.error, b.error)

    def _flushed(self, factor: BoundedValue) -> F64:
        """Return what a product loses when its other factor is flushed."""
        lost = times(np.abs(factor.value), self.flush)
        return lost if factor.is_exact else lost + times(factor.error, self.flush)

    def sum(self, terms: BoundedValue) -> BoundedValue:
        """Return the sum over the last axis, which is kept with length 1."""
        n = terms.value.shape[-1]
        inherited = np.broadcast_to(terms.error, terms.value.shape).sum(axis=-1, keepdims=True)
        magnitude = np.abs(terms.value).sum(axis=-1, keepdims=True) + inherited
        error = inherited + times(self.tree_growth(n), magnitude) + 2.0 * n * self.flush
        total = terms.value.sum(axis=-1, keepdims=True)
        return BoundedValue(total, error + times(self.store, np.abs(total) + error))

    def dot(self, a: BoundedValue, b: BoundedValue) -> BoundedValue:
        """Return the inner product over the last axis: each product rounded to the format, then summed."""
        return self.sum(self.multiply(a, b))
