"""The numbers of a stretch compared with the exact ones: errors, histogram bins, correct rounding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.sweeps.spacing import rounding, spacing
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.functions import Element
    from logitproof.sweeps.monotonic_ranges import Stretch
    from logitproof_reference.vocabulary.formats import F64

    Mask = NDArray[np.bool_]

FIRST_BIN, BINS = -8, 41
"""Errors in ulps are counted in [0, 2**-8), and from there on in [2**k, 2**(k + 1)); the last bin has no end."""

LOST_BELOW = 2.0**24
"""An exact number of this many smallest subnormal numbers is never lost, whatever it is rounded to."""


def bins_of(ulps: F64) -> NDArray[np.int64]:
    """Return where each error is counted, from 0 for the first bin."""
    exponents = (ulps.view(np.int64) >> 52) - (1023 + FIRST_BIN - 1)
    return np.clip(exponents, 0, BINS - 1, out=exponents)


@dataclass(frozen=True)
class Comparison:
    """The observed values of an element over a stretch, all finite.

    Attributes
    ----------
    stretch : Stretch
    element : Element
    format : str
    observed : array of the format, (rows,)
    """

    stretch: Stretch
    element: Element
    format: str
    observed: NDArray[Any]

    def of(self, chosen: NDArray[np.intp] | slice) -> Comparison:
        """Return some of the rows, in their order."""
        return Comparison(self.stretch.of(chosen), self.element, self.format, self.observed[chosen])

    @cached_property
    def seen(self) -> F64:
        """The observed values, without the sign of the element."""
        seen = self.observed.astype(np.float64)
        return np.negative(seen, out=seen) if self.element.sign < 0 else seen

    @cached_property
    def exact(self) -> F64:
        """The exact numbers without the sign of the element, within the radius of the stretch."""
        return self.stretch.value(self.element)

    @cached_property
    def error(self) -> F64:
        """How far they lie apart."""
        error = self.seen - self.exact
        return np.abs(error, out=error)

    @cached_property
    def ulp(self) -> F64:
        """The unit in the last place of each exact number."""
        return spacing(self.exact, self.format)

    @cached_property
    def ulps(self) -> F64:
        """The errors in units in the last place."""
        return self.error / self.ulp

    @cached_property
    def bins(self) -> NDArray[np.int64]:
        """Where each error is counted, from 0 for the first bin."""
        return bins_of(self.ulps)

    @cached_property
    def roundings(self) -> tuple[Mask, Mask]:
        """Which numbers are the exact one correctly rounded, and of which that is not decided."""
        return rounding(self.observed, self.element.sign, self.exact, *self.stretch.radius(self.element))

    @cached_property
    def lost(self) -> Mask:
        """Which are 0 where the exact one rounds to a subnormal number."""
        smallest = FORMATS[self.format].smallest_subnormal
        if min(abs(self.exact[0]), abs(self.exact[-1])) >= LOST_BELOW * smallest:
            return np.zeros(len(self.exact), np.bool_)
        lost: Mask = (self.observed == 0) & (np.abs(self.exact) > smallest / 2.0)
        return lost
