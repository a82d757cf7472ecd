"""Error bounds of losses of probabilities: running errors, from the numbers to their logarithms.

Of given numbers x nothing is off. With u the unit roundoff, g the growth of a sum over the classes and el that of log:

- r = x / sum x is off by (g + 2 u) r, the sum, its reciprocal and the product; undivided by nothing;
- a clip moves nothing farther apart: max and min with a border b' in place of b leave |r' - r| <= |x' - x| next to
  |b' - b|, and that where a border holds: 2 u e and a subnormal number at e, 1.5 u at 1 - e, which the format rounds;
- log r is off by -log(1 - dr / r), and el of what it then is; of a divided r it may be log x - log sum x, off by el, g
  and u of these two. A floor, as a maximum, adds nothing;
- 1 - r is off by dr and by u of itself, and its logarithm likewise;
- a quotient by r is off by dr / (r - dr) of itself, and by what rounds its terms;
- a gradient through the division is (G - sum G r) / sum x: what G and each G r are off by, g of the sum of the sizes of
  G r, and g + 4 u of the quotient.

Where dr reaches r, or a number lies so near to a border that it may have been clipped or not, the bound is infinite: a
finite number is all that is asked. Source of the rules: N. J. Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., 2002, sections 2.2, 3.1 and 3.4, doi:10.1137/1.9780898718027.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import Rounding, times
from logitproof_reference.bounds.options import over_many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.conventions import Probabilities
    from logitproof_reference.oracle.probabilities import Operands
    from logitproof_reference.vocabulary.formats import F64, Format

ROUNDINGS = 6.0
"""More than any of the formulas rounds a term: three products, a quotient, an upstream gradient, a stored result."""


def bound(
    op: str, quantity: str, given: Operands, model: tuple[Format, Arithmetic], cotangent: F64 | None = None
) -> F64:
    """Return the largest |observed - exact| of a correct implementation in a format, elementwise; inf where none is."""
    classes = given.probabilities.shape[1]
    rounding = over_many(Rounding(*model), classes)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if quantity == "value":
            error = VALUES[op](given, rounding)
        else:
            held = Held(given.aimed if quantity == "grad_target" else given.own, rounding)
            error = held.through_division(*SLOPES[op, quantity](given, rounding))
            upstream = 1.0 if cotangent is None else np.abs(np.asarray(cotangent, np.float64).reshape(len(error), -1))
            error = np.where(held.may_be_clipped, np.inf, times(error, upstream))
    widened: F64 = error * (1.0 + 2.0**-20) + ROUNDINGS * rounding.tiny * (1.0 + classes)
    return widened


@dataclass(frozen=True, eq=False)
class Held:
    """Probabilities as an implementation holds them: `r`, and how far that and its logarithm may be off."""

    numbers: Probabilities
    rounding: Rounding

    @cached_property
    def r(self) -> F64:
        """The numbers themselves, exactly."""
        return self.numbers.share.hi

    @property
    def growth(self) -> float:
        """Relative error of a sum over the classes, stored."""
        return self.rounding.sum_growth(self.r.shape[1])

    @property
    def divided(self) -> float:
        """Relative error of the division by the sum."""
        return (self.growth + 2.0 * self.rounding.unit) * 1.01 if self.numbers.convention.normalized else 0.0

    @cached_property
    def dr(self) -> F64:
        """How far r may be off."""
        before = self.divided * np.abs(self.numbers.unclipped.hi)
        e = self.numbers.convention.clip
        if not e:
            return before
        u = self.rounding.unit
        lower, upper = 2.0 * u * e + self.rounding.tiny, 1.5 * u
        at_lower, at_upper = self._near(e, before + lower), self._near(1.0 - e, before + upper)
        inside = np.where(self.numbers.passes, before, 0.0)
        off: F64 = np.maximum(inside, np.where(at_lower, lower, 0.0) + np.where(at_upper, upper, 0.0))
        return off

    def _near(self, border: float, off: F64) -> NDArray[np.bool_]:
        return np.asarray(np.abs(self.r - border) <= off)

    @cached_property
    def may_be_clipped(self) -> NDArray[np.bool_]:
        """Where a number is so near to a border that its derivative may pass or not; or a floor holds its logarithm."""
        convention = self.numbers.convention
        near = np.zeros(self.r.shape, bool)
        if convention.clip:
            before = self.divided * np.abs(self.numbers.unclipped.hi) + 2.0 * self.rounding.unit
            for border in (convention.clip, 1.0 - convention.clip):
                near |= np.abs(self.numbers.unclipped.hi - border) <= before + self.rounding.tiny
        if convention.log_floor is not None:
            least = np.exp(0.99 * convention.log_floor)
            near |= (self.r <= least) | (1.0 - self.r <= least)
        return near

    def off_logarithm(self, r: F64, dr: F64) -> F64:
        """Return how far log r may be off, 0 where r is 0."""
        size = np.abs(np.log(np.where(r > 0.0, r, 1.0)))
        moved = np.where(dr < r, -np.log1p(-dr / np.where(r > 0.0, r, 1.0)), np.inf)
        off = moved + self.rounding.log_error * (size + moved)
        if self.numbers.convention.normalized:
            total = np.abs(np.log(self.numbers.total.hi))
            apart = self.growth + (self.rounding.log_error + self.rounding.unit) * (size + 2.0 * total + 1.0)
            off = np.maximum(off, apart)
        return np.where(r > 0.0, off, 0.0)

    @cached_property
    def dl(self) -> F64:
        """How far log r may be off."""
        return self.off_logarithm(self.r, self.dr)

    @cached_property
    def size(self) -> F64:
        """|log r| under the convention, 0 where r is 0."""
        return np.abs(self.numbers.logarithm(self.numbers.share).hi)

    @cached_property
    def ratio(self) -> F64:
        """How far 1 / r may be off, over itself."""
        return _quotient(self.dr, self.r)

    def through_division(self, error: F64, size: F64, error_times: F64, size_times: F64) -> F64:
        """Return errors and magnitudes of the gradient with respect to the given numbers, for G and for G r."""
        if not self.numbers.convention.normalized:
            return error
        u, g = self.rounding.unit, self.growth
        keep = self.numbers.passes
        pulled_error = np.where(keep, error_times, 0.0).sum(axis=1, keepdims=True)
        pulled = np.where(keep, size_times, 0.0).sum(axis=1, keepdims=True)
        own_error, own = np.where(keep, error, 0.0), np.where(keep, size, 0.0)
        inner = (
            own_error + pulled_error + (g + ROUNDINGS * u) * (pulled + pulled_error) + ROUNDINGS * u * (own + own_error)
        )
        outer = (g + 4.0 * u) * (own + pulled + inner)
        total: F64 = (inner + outer) / self.numbers.total.hi
        return total


def _quotient(dr: F64, r: F64) -> F64:
    """Return dr / (r - dr), infinite where dr reaches r; 0 of r = 0, where nothing is divided."""
    return np.where(r > 0.0, np.where(dr < r, dr / (r - dr), np.inf), 0.0)


def _cross_entropy(given: Operands, rounding: Rounding) -> F64:
    own, q = Held(given.own, rounding), np.abs(given.weights)
    off, size = times(q, own.dl).sum(axis=1), times(q, own.size).sum(axis=1)
    relative = own.growth + ROUNDINGS * rounding.unit
    total: F64 = off + relative * (size + off)
    return total


def _cross_entropy_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own, q = Held(given.own, rounding), np.abs(given.weights)
    size = np.where(own.r > 0.0, q / np.where(own.r > 0.0, own.r, 1.0), 0.0)
    relative = own.ratio + ROUNDINGS * rounding.unit * (1.0 + own.ratio)
    return times(size, relative), size, times(q, relative + own.ratio), q


def _binary_parts(given: Operands, rounding: Rounding) -> tuple[Held, F64, F64, F64]:
    """Return the probabilities, the label, 1 - r and how far that may be off."""
    own = Held(given.own, rounding)
    other = given.own.other.hi
    return own, np.abs(given.weights), other, own.dr + rounding.unit * other


def _binary(given: Operands, rounding: Rounding) -> F64:
    own, y, other, off_other = _binary_parts(given, rounding)
    size_other = np.abs(given.own.logarithm(given.own.other).hi)
    off = times(y, own.dl) + times(1.0 - y, own.off_logarithm(other, off_other))
    size = y * own.size + (1.0 - y) * size_other
    total: F64 = off + ROUNDINGS * rounding.unit * (size + off)
    return total


def _binary_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own, y, other, off_other = _binary_parts(given, rounding)
    u = rounding.unit
    first = np.where(own.r > 0.0, y / np.where(own.r > 0.0, own.r, 1.0), 0.0)
    second = np.where(other > 0.0, (1.0 - y) / np.where(other > 0.0, other, 1.0), 0.0)
    off = times(first, own.ratio + ROUNDINGS * u) + times(second, _quotient(off_other, other) + ROUNDINGS * u)
    return off, first + second, times(off, own.r), (first + second) * own.r


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Both outcomes of a binary loss: each number, its logarithm's size and how far both may be off."""

    held: Held

    @cached_property
    def parts(self) -> tuple[tuple[F64, F64, F64, F64], tuple[F64, F64, F64, F64]]:
        """Number, how far it is off, size of the logarithm, how far that is off; of r, then of 1 - r."""
        held, numbers = self.held, self.held.numbers
        other = numbers.other.hi
        off = held.dr + held.rounding.unit * other
        size = np.abs(numbers.logarithm(numbers.other).hi)
        return (held.r, held.dr, held.size, held.dl), (other, off, size, held.off_logarithm(other, off))


def _binary_entropy(given: Operands, rounding: Rounding) -> F64:
    off, size = np.zeros(given.probabilities.shape), np.zeros(given.probabilities.shape)
    for number, moved, logarithm, logarithm_moved in Outcomes(Held(given.own, rounding)).parts:
        off = off + moved * (logarithm + logarithm_moved) + times(number, logarithm_moved)
        size = size + number * logarithm
    total: F64 = off + ROUNDINGS * rounding.unit * (size + off)
    return total


def _binary_entropy_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own = Held(given.own, rounding)
    first, second = Outcomes(own).parts
    size = first[2] + second[2]
    off = first[3] + second[3] + ROUNDINGS * rounding.unit * size
    return off, size, own.r * off, own.r * size


def _binary_divergence(given: Operands, rounding: Rounding) -> F64:
    off, size = np.zeros(given.probabilities.shape), np.zeros(given.probabilities.shape)
    sides = (Outcomes(Held(one, rounding)).parts for one in (given.own, given.aimed))
    for own, aimed in zip(*sides, strict=True):
        logarithms = own[2] + aimed[2]
        apart = own[3] + aimed[3] + 2.0 * rounding.unit * logarithms
        off = off + aimed[1] * (logarithms + apart) + times(aimed[0], apart)
        size = size + aimed[0] * logarithms
    total: F64 = off + ROUNDINGS * rounding.unit * (size + off)
    return total


def _binary_divergence_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own = Held(given.own, rounding)
    off, size = np.zeros(given.probabilities.shape), np.zeros(given.probabilities.shape)
    for below, above in zip(Outcomes(own).parts, Outcomes(Held(given.aimed, rounding)).parts, strict=True):
        quotient = np.where(below[0] > 0.0, above[0] / np.where(below[0] > 0.0, below[0], 1.0), 0.0)
        top = np.where(above[0] > 0.0, above[1] / np.where(above[0] > 0.0, above[0], 1.0), 0.0)
        ratio = _quotient(below[1], below[0])
        off = off + times(quotient, ratio + top * (1.0 + ratio) + ROUNDINGS * rounding.unit * (1.0 + ratio))
        size = size + quotient
    off = off + rounding.unit * size
    return off, size, times(own.r, off), own.r * size


def _binary_divergence_slope_of_target(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own, aimed = Held(given.own, rounding), Held(given.aimed, rounding)
    off, size = np.zeros(given.probabilities.shape), np.zeros(given.probabilities.shape)
    for below, above in zip(Outcomes(own).parts, Outcomes(aimed).parts, strict=True):
        off, size = off + below[3] + above[3], size + below[2] + above[2]
    off = off + ROUNDINGS * rounding.unit * (size + off)
    return off, size, times(aimed.r, off), aimed.r * size


def _entropy(given: Operands, rounding: Rounding) -> F64:
    own = Held(given.own, rounding)
    off = (own.dr * (own.size + own.dl) + own.r * own.dl).sum(axis=1)
    total: F64 = off + (own.growth + ROUNDINGS * rounding.unit) * ((own.r * own.size).sum(axis=1) + off)
    return total


def _entropy_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own = Held(given.own, rounding)
    size = own.size + 1.0
    off = own.dl + ROUNDINGS * rounding.unit * size
    return off, size, own.r * off + own.dr * (size + off), own.r * size


def _divergence_parts(given: Operands, rounding: Rounding) -> tuple[Held, Held, F64, F64]:
    """Return both sides, the sizes of the two logarithms together, and how far their difference may be off."""
    own, aimed = Held(given.own, rounding), Held(given.aimed, rounding)
    size = own.size + aimed.size
    return own, aimed, size, own.dl + aimed.dl + 2.0 * rounding.unit * size


def _divergence(given: Operands, rounding: Rounding) -> F64:
    own, aimed, size, apart = _divergence_parts(given, rounding)
    off = (aimed.dr * (size + apart) + times(aimed.r, apart)).sum(axis=1)
    total: F64 = off + (own.growth + ROUNDINGS * rounding.unit) * ((aimed.r * size).sum(axis=1) + off)
    return total


def _divergence_slope(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    own, aimed = Held(given.own, rounding), Held(given.aimed, rounding)
    size = np.where(own.r > 0.0, aimed.r / np.where(own.r > 0.0, own.r, 1.0), 0.0)
    top = np.where(aimed.r > 0.0, aimed.dr / np.where(aimed.r > 0.0, aimed.r, 1.0), 0.0)
    relative = own.ratio + top + ROUNDINGS * rounding.unit * (1.0 + own.ratio)
    return times(size, relative), size, times(aimed.r, relative + own.ratio), aimed.r


def _divergence_slope_of_target(given: Operands, rounding: Rounding) -> tuple[F64, F64, F64, F64]:
    _, aimed, size, apart = _divergence_parts(given, rounding)
    off = apart + ROUNDINGS * rounding.unit * (size + 1.0)
    return off, size + 1.0, times(aimed.r, off) + times(aimed.dr, size + 1.0 + off), aimed.r * (size + 1.0)


VALUES: Mapping[str, Callable[[Operands, Rounding], F64]] = {
    "probability_cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary,
    "binary_entropy": _binary_entropy,
    "binary_kl_divergence": _binary_divergence,
    "probability_entropy": _entropy,
    "probability_kl_divergence": _divergence,
}
SLOPES: Mapping[tuple[str, str], Callable[[Operands, Rounding], tuple[F64, F64, F64, F64]]] = {
    ("probability_cross_entropy", "grad_probabilities"): _cross_entropy_slope,
    ("binary_cross_entropy", "grad_probabilities"): _binary_slope,
    ("binary_entropy", "grad_probabilities"): _binary_entropy_slope,
    ("binary_kl_divergence", "grad_probabilities"): _binary_divergence_slope,
    ("binary_kl_divergence", "grad_target"): _binary_divergence_slope_of_target,
    ("probability_entropy", "grad_probabilities"): _entropy_slope,
    ("probability_kl_divergence", "grad_probabilities"): _divergence_slope,
    ("probability_kl_divergence", "grad_target"): _divergence_slope_of_target,
}
"""As in `oracle.probabilities`: of a gradient by r its error and size, and those of that times r."""
