"""A soft cap of the logits: c tanh(z / c), as in Gemma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue
from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.exp_log import exp_of_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.double_double import F64

QUOTIENT_ROUNDINGS = 2.0
"""z / c is rounded once, or twice with a rounded reciprocal."""


@dataclass(frozen=True)
class SoftcapPrologue:
    """Logits capped at `cap` in magnitude.

    With e = exp(-2 |z| / c): tanh(|z| / c) = (1 - e) / (1 + e), and its derivative 4 e / (1 + e)**2.

    Raises
    ------
    ValueError
        The cap is not a positive number.
    """

    cap: float
    operands: tuple[str, ...] = ("logits",)

    def __post_init__(self) -> None:
        if not 0.0 < self.cap < 2.0**500:
            raise ValueError(f"cap is {self.cap}; it must be a positive number")

    def exact(self, *operands: Ball) -> Ball:
        """Return the capped logits."""
        e, negative = self._exponential(operands[0])
        tanh = (1.0 - e) / (1.0 + e)
        return choose(negative, -tanh, tanh) * self.cap

    def slope(self, z: Ball) -> Ball:
        """Return the derivative with respect to each logit."""
        e, _ = self._exponential(z)
        return (e * 4.0) / ((1.0 + e) * (1.0 + e))

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with respect to the logits before the cap."""
        del of
        return upstream * self.slope(operands[0])

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the capped logits: off by what came in, as far as the slope lets it through, and by own rounding.

        tanh is granted the error of exp; a quotient off by a relative e moves c tanh(z / c) by at most e |c tanh|, for
        |x tanh'(x)| <= |tanh(x)|.
        """
        (z,) = operands
        capped = self.cap * np.tanh(z.value / self.cap)
        relative = QUOTIENT_ROUNDINGS * rounding.unit + rounding.exp_error + rounding.unit
        passed = z.error * self._steepest(z)
        reach = np.minimum(np.abs(capped) + passed, self.cap)
        return BoundedValue(capped, passed + relative * (1.0 + relative) * reach + 3.0 * rounding.tiny)

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient, by a slope made of tanh: 1 - tanh**2, which cancels where the cap is reached."""
        del of
        (z,) = operands
        tanh = np.tanh(z.value / self.cap)
        slope = np.clip(1.0 - tanh**2, 0.0, 1.0)
        off = 3.0 * rounding.unit + rounding.exp_error
        # |tanh''| <= 4 / sqrt(27) < 1: the slope moves by at most what the logit does, over c.
        moved = z.error / self.cap + 2.0 * off * (1.0 + off) * np.abs(tanh) + rounding.unit
        return rounding.multiply(upstream, BoundedValue(slope, moved))

    def source(self, *names: str) -> str:
        """Return the expression for its logits, with a `tanh` that is in scope."""
        return f"{self.cap} * tanh({names[0]} / {self.cap})"

    def _exponential(self, z: Ball) -> tuple[Ball, NDArray[np.bool_]]:
        """Return exp(-2 |z| / c), and where z is negative."""
        negative = z.hi < 0.0
        magnitude = choose(negative, -z, z)
        exponent = (magnitude * 2.0) / Ball(np.full(z.hi.shape, self.cap))
        by_high = exp_of_difference(-exponent.hi, np.zeros(exponent.hi.shape[1:]))
        # exp(-lo - r) = 1 - lo within lo**2 and the radius, all below 2**-40.
        return by_high * (1.0 - Ball(exponent.lo, 0.0, exponent.radius + exponent.lo**2)), negative

    def _steepest(self, z: BoundedValue) -> F64:
        """Return the largest slope within the error of a logit."""
        nearest = np.maximum(np.abs(z.value) - z.error, 0.0) / self.cap
        steepest: F64 = np.clip(1.0 - np.tanh(nearest) ** 2, 0.0, 1.0) + 2.0**-50
        return steepest
