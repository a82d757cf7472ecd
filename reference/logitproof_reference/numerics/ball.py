"""Ball arithmetic on NumPy arrays: a double-double midpoint and a rigorous radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import double_double as dd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .double_double import F64, Pair

    Index = tuple[NDArray[np.intp], NDArray[np.intp]] | NDArray[np.bool_] | slice | int

# Relative error of each operation. Each constant of double_double is raised a little, which pays for the rounding
# of the radius itself: no chain here is longer than 200 operations, so 2**-40 of it would do.
_ADD = 3.5 * dd.U2
_ADD_DOUBLE = 2.5 * dd.U2
_MULTIPLY = 5.5 * dd.U2
_MULTIPLY_DOUBLE = 3.5 * dd.U2
_DIVIDE = 18.5 * dd.U2

_DEKKER_SAFE = 2.0**-900
"""Products above it lose nothing to underflow."""

_UNDERFLOW = 2.0**-1068
"""More than all underflows within one operation can lose (each at most 2**-1075)."""


class Ball:
    """Arrays of real numbers, each known to lie within `radius` of `hi` + `lo`.

    Attributes
    ----------
    hi, lo, radius : float64 arrays, shapes that broadcast
        Finite; the radius is absolute.
    """

    __slots__ = ("hi", "lo", "radius")
    __array_ufunc__ = None  # so that array * ball asks Ball.__rmul__

    def __init__(self, hi: F64, lo: F64 | float = 0.0, radius: F64 | float = 0.0) -> None:
        self.hi = hi
        self.lo = _shaped(lo, hi.shape)
        self.radius = _shaped(radius, hi.shape)

    @property
    def pair(self) -> Pair:
        """Midpoint as a double-double."""
        return self.hi, self.lo

    def __neg__(self) -> Ball:
        return Ball(-self.hi, -self.lo, self.radius)

    def __add__(self, other: Ball | F64 | float) -> Ball:
        if isinstance(other, Ball):
            hi, lo = dd.add(self.pair, other.pair)
            return Ball(hi, lo, self.radius + other.radius + _ADD * np.abs(hi))
        hi, lo = dd.add_double(self.pair, np.asarray(other, dtype=np.float64))
        return Ball(hi, lo, self.radius + _ADD_DOUBLE * np.abs(hi))

    __radd__ = __add__

    def __sub__(self, other: Ball | F64 | float) -> Ball:
        return self + (-other)

    def __rsub__(self, other: F64 | float) -> Ball:
        return -self + other

    def __mul__(self, other: Ball | F64 | float) -> Ball:
        if isinstance(other, Ball):
            hi, lo = dd.multiply(self.pair, other.pair)
            radius = np.abs(self.hi) * other.radius + self.radius * (np.abs(other.hi) + other.radius)
            radius = radius * (1.0 + 2.0**-50) + _MULTIPLY * np.abs(hi)
            return Ball(hi, lo, radius + _lost(hi, self.hi, other.hi))
        factor = np.asarray(other, dtype=np.float64)
        hi, lo = dd.multiply_double(self.pair, factor)
        radius = np.abs(factor) * self.radius + _MULTIPLY_DOUBLE * np.abs(hi)
        return Ball(hi, lo, radius + _lost(hi, self.hi, factor))

    __rmul__ = __mul__

    def __truediv__(self, other: Ball) -> Ball:
        """Divide by a ball whose radius is below 2**-50 of its midpoint."""
        hi, lo = dd.divide(self.pair, other.pair)
        divisor = np.abs(other.hi)
        radius = (self.radius + np.abs(hi) * other.radius) / divisor
        radius = radius * (1.0 + 2.0**-48) + _DIVIDE * np.abs(hi)
        return Ball(hi, lo, radius + _lost(hi, self.hi, divisor))

    def sum(self, *, same_sign: bool = False) -> Ball:
        """Return the sum over the first axis."""
        hi, lo = dd.sum_first_axis(self.pair, same_sign=same_sign)
        height = dd.summation_height(self.hi.shape[0])
        magnitude = np.abs(hi) * (1.0 + 2.0**-50) if same_sign else np.abs(self.hi).sum(axis=0)
        return Ball(hi, lo, self.radius.sum(axis=0) + (height * _ADD) * magnitude)

    def scaled(self, exponent: NDArray[np.int64] | int) -> Ball:
        """Return the ball times 2**exponent; where that leaves the grid of float64, the radius says so."""
        hi, lo, radius = times_power_of_two((self.hi, self.lo, self.radius), exponent)
        small = np.abs(hi) < _DEKKER_SAFE
        if small.any():
            radius = radius + np.where(small & ((self.hi != 0.0) | (self.radius != 0.0)), 2.0**-1074, 0.0)
        return Ball(hi, lo, radius)

    def take(self, rows_of_classes: Index) -> Ball:
        """Return the entries at a NumPy index."""
        return Ball(self.hi[rows_of_classes], self.lo[rows_of_classes], self.radius[rows_of_classes])

    def put(self, where: Index, entries: Ball) -> Ball:
        """Return a copy with the entries at a NumPy index replaced."""
        new = [np.array(part) for part in (self.hi, self.lo, self.radius)]
        for part, entry in zip(new, (entries.hi, entries.lo, entries.radius), strict=True):
            part[where] = entry
        return Ball(*new)


def exact_difference(a: F64, b: F64) -> Ball:
    """Return a - b of two exact arrays, without error."""
    return Ball(*dd.two_sum(a, -b))


def choose(condition: NDArray[np.bool_], x: Ball, y: Ball) -> Ball:
    """Return x where the condition holds, else y."""
    parts = ((x.hi, y.hi), (x.lo, y.lo), (x.radius, y.radius))
    return Ball(*(np.where(condition, a, b) for a, b in parts))


def times_power_of_two(parts: tuple[F64, ...], exponent: NDArray[np.int64] | int) -> tuple[F64, ...]:
    """Return arrays times 2**exponent, rounded to float64's grid; by ldexp, ten times as slow, if need be."""
    n = np.asarray(exponent, dtype=np.int64)
    if n.size and n.min() >= -1022 and n.max() <= 1023:
        power = dd.power_of_two(n)
        return tuple(part * power for part in parts)
    return tuple(np.ldexp(part, exponent) for part in parts)


def _shaped(part: F64 | float, shape: tuple[int, ...]) -> F64:
    if isinstance(part, np.ndarray) and part.shape == shape:
        return part
    return np.full(shape, part)


def _lost(product: F64, a: F64, b: F64) -> F64 | float:
    """Bound what underflow took from a product or quotient of a and b."""
    small = np.abs(product) < _DEKKER_SAFE
    if not small.any():
        return 0.0
    return np.where(small & (a != 0.0) & (b != 0.0), _UNDERFLOW, 0.0)
