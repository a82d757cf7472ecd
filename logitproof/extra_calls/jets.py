"""Values with their first and mixed second derivatives, carried forward: the exact answers of derived calls.

A jet has a value, its derivative by each of n inputs (a leading axis of n), its derivative along one direction, and the
mixed second derivative of both. The formulas of the ops are then written once, for all quantities, in float64, which is
exact enough for what is compared to a millionth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Jet:
    """A value of shape S, with derivatives of shape (n, *S), S and (n, *S)."""

    value: Array
    each: Array
    along: Array
    mixed: Array

    @classmethod
    def of(cls, inputs: Array, direction: Array) -> Jet:
        """Return the inputs themselves, by each of them in C order and along a direction."""
        each = np.eye(inputs.size).reshape(inputs.size, *inputs.shape)
        return cls(inputs, each, direction, np.zeros_like(each))

    def __add__(self, other: Jet | Array | float) -> Jet:
        if isinstance(other, Jet):
            pairs = zip(self.parts, other.parts, strict=True)
            return Jet(*(mine + its for mine, its in pairs))
        value = self.value + other
        return Jet(value, self.each + np.zeros_like(value), self.along + np.zeros_like(value), self.mixed)

    def __neg__(self) -> Jet:
        return self * -1.0

    def __sub__(self, other: Jet | Array | float) -> Jet:
        return self + -other

    def __mul__(self, other: Jet | Array | float) -> Jet:
        if not isinstance(other, Jet):
            return Jet(*(part * other for part in self.parts))
        return Jet(
            self.value * other.value,
            self.each * other.value + self.value * other.each,
            self.along * other.value + self.value * other.along,
            self.mixed * other.value + self.each * other.along + self.along * other.each + self.value * other.mixed,
        )

    @property
    def parts(self) -> tuple[Array, Array, Array, Array]:
        """All four."""
        return self.value, self.each, self.along, self.mixed

    def through(self, value: Array, slope: Array, curvature: Array) -> Jet:
        """Return a function of each element, by its value and derivatives there."""
        mixed = slope * self.mixed + curvature * self.each * self.along
        return Jet(value, slope * self.each, slope * self.along, mixed)

    def sum(self, axes: tuple[int, ...]) -> Jet:
        """Return the sum along axes, which are kept with length one."""
        behind = tuple(axis + 1 for axis in axes)
        sums = (axes, behind, axes, behind)
        return Jet(*(part.sum(axis=at, keepdims=True) for part, at in zip(self.parts, sums, strict=True)))

    def where(self, kept: NDArray[np.bool_]) -> Jet:
        """Return 0 where not kept."""
        return Jet(*(np.where(kept, part, 0.0) for part in self.parts))

    def reshaped(self, *shape: int) -> Jet:
        """Return the same elements in another shape."""
        return Jet(
            self.value.reshape(shape),
            self.each.reshape(-1, *shape) if self.each.size else np.zeros((self.each.shape[0], *shape)),
            self.along.reshape(shape),
            self.mixed.reshape(-1, *shape) if self.mixed.size else np.zeros((self.mixed.shape[0], *shape)),
        )


def exp(x: Jet) -> Jet:
    """Return the exponential."""
    value = np.exp(x.value)
    return x.through(value, value, value)


def log(x: Jet) -> Jet:
    """Return the logarithm of what is positive; of a sum of nothing minus infinity, which has no derivative."""
    with np.errstate(divide="ignore"):
        inverse = np.where(x.value > 0, 1.0 / np.where(x.value > 0, x.value, 1.0), 0.0)
        return x.through(np.log(x.value), inverse, -inverse * inverse)


def sigmoid(x: Jet) -> Jet:
    """Return the logistic function."""
    value = np.exp(-np.logaddexp(0.0, -x.value))
    other = np.exp(-np.logaddexp(0.0, x.value))
    return x.through(value, value * other, value * other * (other - value))


def softplus(x: Jet) -> Jet:
    """Return the logarithm of 1 + exp(x)."""
    value = np.exp(-np.logaddexp(0.0, -x.value))
    other = np.exp(-np.logaddexp(0.0, x.value))
    return x.through(np.logaddexp(0.0, x.value), value, value * other)


def log_sum_exp(x: Jet, axes: tuple[int, ...]) -> Jet:
    """Return the logarithm of the sum of exponentials along axes, which are kept with length one."""
    finite = np.where(np.isfinite(x.value), x.value, -np.inf)
    greatest = finite.max(axis=axes, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(greatest), greatest, 0.0)
    return log(exp(x - shift).sum(axes)) + shift
