"""A sign over whole boxes of inputs: branch and bound with balls, another road than rounding rows one by one.

A function of some variables is evaluated on a box by the mean value form: its value at the centre, in ball arithmetic,
plus its slopes over all of the box times the distance from the centre. Where that leaves the sign open, the box is cut
in two across the variable that matters most.

Source: R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis (2009), section 6.4; the balls are
those of Arb (F. Johansson, doi:10.1109/TC.2017.2690633).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flint import arb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Box = tuple[tuple[float, float], ...]
"""The least and the largest value of each variable."""


@dataclass(frozen=True)
class Dual:
    """A number and its slopes with respect to the variables, each a ball; no slopes: a constant."""

    value: arb
    slopes: tuple[arb, ...] = ()

    def _with(self, value: arb, factor: arb) -> Dual:
        return Dual(value, tuple(factor * slope for slope in self.slopes))

    def __neg__(self) -> Dual:
        return self._with(-self.value, arb(-1))

    def __add__(self, other: Dual | float) -> Dual:
        other = lifted(other)
        if not (self.slopes and other.slopes):
            return Dual(self.value + other.value, self.slopes or other.slopes)
        return Dual(self.value + other.value, tuple(a + b for a, b in zip(self.slopes, other.slopes, strict=True)))

    __radd__ = __add__

    def __sub__(self, other: Dual | float) -> Dual:
        return self + -lifted(other)

    def __rsub__(self, other: float) -> Dual:
        return lifted(other) - self

    def __mul__(self, other: Dual | float) -> Dual:
        other = lifted(other)
        product = self._with(self.value * other.value, other.value)
        return product + Dual(arb(0), tuple(self.value * slope for slope in other.slopes))

    __rmul__ = __mul__

    def __truediv__(self, other: Dual | float) -> Dual:
        other = lifted(other)
        inverse = 1 / other.value
        return self * other._with(inverse, -inverse * inverse)

    def __rtruediv__(self, other: float) -> Dual:
        return lifted(other) / self

    def exp(self) -> Dual:
        """Return e to its power."""
        value = self.value.exp()
        return self._with(value, value)

    def log(self) -> Dual:
        """Return its natural logarithm."""
        return self._with(self.value.log(), 1 / self.value)


def lifted(number: Dual | float) -> Dual:
    """Return a number that does not depend on the variables."""
    return number if isinstance(number, Dual) else Dual(arb(number))


@dataclass(frozen=True)
class Found:
    """What is known of a function over a box.

    Attributes
    ----------
    boxes : int
        How many were evaluated.
    negative : tuple of float or None
        Values of the variables at which it is certainly negative; None: it is nowhere negative.
    """

    boxes: int
    negative: tuple[float, ...] | None = None


class Undecided(Exception):  # noqa: N818  neither proven nor refuted
    """The box limit did not decide it."""


def nowhere_negative(
    function: Callable[[Sequence[Dual]], Dual], box: Box, symmetric: int = 0, most: int = 1_000_000
) -> Found:
    """Prove a function to be at least 0 over a box, or find where it is not.

    Parameters
    ----------
    function : callable
        Of as many variables as the box has.
    box : Box
    symmetric : int
        This many of the first variables may be exchanged: only boxes that hold them in rising order are evaluated.
    most : int
        Boxes.

    Raises
    ------
    Undecided
        After `most` boxes.
    """
    open_boxes, boxes = [box], 0
    while open_boxes:
        boxes += 1
        if boxes > most:
            raise Undecided(f"{len(open_boxes)} boxes are open, e.g. {open_boxes[-1]}")
        one = open_boxes.pop()
        centre = tuple((low + high) / 2.0 for low, high in one)
        middle = function([Dual(arb(number)) for number in centre]).value
        if middle < 0:
            return Found(boxes, centre)
        count = len(one)
        unit = [tuple(arb(int(i == j)) for j in range(count)) for i in range(count)]
        spans = [arb((low + high) / 2.0, (high - low) / 2.0) for low, high in one]
        over = function([Dual(span, slopes) for span, slopes in zip(spans, unit, strict=True)])
        slopes = over.slopes or (arb(0),) * count
        reach = [abs(slope) * arb((high - low) / 2.0) for slope, (low, high) in zip(slopes, one, strict=True)]
        if middle - sum(reach, arb(0)) >= 0 or over.value >= 0:
            continue
        is_known = all(ball.is_finite() for ball in reach)
        widest = max(range(count), key=lambda i: float(reach[i].upper()) if is_known else one[i][1] - one[i][0])
        low, high = one[widest]
        for part in ((low, centre[widest]), (centre[widest], high)):
            half = (*one[:widest], part, *one[widest + 1 :])
            if all(half[i][0] <= half[i + 1][1] for i in range(symmetric - 1)):
                open_boxes.append(half)
    return Found(boxes)
