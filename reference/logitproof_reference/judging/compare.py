"""Observed against exact, element by element: conformance, error, and share of the bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import ulp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.formats import F64, Format


@dataclass(frozen=True)
class Comparison:
    """The measure of every element of an answer; nothing in it is ever NaN.

    Attributes
    ----------
    conforms : bool array
        Whether the observed number meets [exact - bound, exact + bound].
    undecided : bool array
        Whether the enclosure's radius leaves `conforms` open: evaluate the row in multiple precision.
    error : float64 array
        |observed - exact|; inf where exactly one of them is finite (an overflow beyond the reach of
        the format excepted), or where they differ in kind; 0 if they are the same non-finite.
    slack : float64 array
        `error` / bound, 0 where both are 0.
    unit : float64 array
        The ulp of the format at the exact value.
    """

    conforms: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    error: F64
    slack: F64
    unit: F64

    @cached_property
    def ulps(self) -> F64:
        """`error` in ulps of the format at the exact value."""
        return _ratio(self.error, self.unit)

    def worst(self) -> int:
        """Return the flat index of the largest slack, of equals that of most ulps; -1 where nothing was compared."""
        if self.slack.size == 0:
            return -1
        slack = self.slack.ravel()
        largest = np.flatnonzero(slack == slack.max())
        ulps = _ratio(self.error.ravel()[largest], self.unit.ravel()[largest])
        return int(largest[np.flatnonzero(ulps == ulps.max())[-1]])


def compare(observed: NDArray[Any], exact: Enclosure, bound: F64, format: Format) -> Comparison:  # noqa: A002 - the word of the vocabulary
    """Compare an answer with the exact one. Total: every observed value gets a verdict and a measure.

    A finite observed number is a point. An infinite one stands for every real number that rounds to
    it, the ray that begins half an ulp past the largest finite number: an exact result that
    overflows, or may within its bound, is met by it. NaN conforms iff the exact answer is NaN;
    where that is infinite, only the same infinity conforms. The signs of zeros are not compared.

    Parameters
    ----------
    observed : array of any of the formats
        The answer as it came.
    exact : Enclosure of the same shape
        The exact answer.
    bound : float64 array of the same shape
        Largest |observed - exact| that conforms. Without meaning where the exact answer is not
        finite; a NaN if it is finite grants nothing.
    format : Format
        The format that was asked for: it gives the ulp, and the overflow threshold.

    Raises
    ------
    ValueError
        The shapes disagree.
    """
    return Measured(observed, exact, format).within(bound)


class Measured:
    """An answer beside the exact one: what of a comparison does not depend on the bound, for as many as there are.

    Parameters are those of `compare`.

    Raises
    ------
    ValueError
        The shapes disagree.
    """

    def __init__(self, observed: NDArray[Any], exact: Enclosure, format_: Format) -> None:
        if observed.shape != exact.shape:
            raise ValueError(f"shapes disagree: observed {observed.shape}, exact {exact.shape}")
        self._exact = exact
        seen = observed.astype(np.float64)
        value = np.asarray(exact.value, dtype=np.float64)
        self._finite = np.isfinite(seen)
        self._due = np.isfinite(value)
        self._same = ~self._due & ((seen == value) | (np.isnan(seen) & np.isnan(value)))
        distance = exact.distance(np.where(self._finite, seen, 0.0))
        if not self._finite.all():
            ray = _distance_to_ray(np.sign(seen), exact, format_)
            distance = np.where(self._finite, distance, np.where(np.isinf(seen), ray, np.inf))
        self._distance: F64 = distance
        self._unit = ulp(value, format_)

    def within(self, bound: F64) -> Comparison:
        """Return the comparison by a bound."""
        if bound.shape != self._exact.shape:
            raise ValueError(f"shapes disagree: exact {self._exact.shape}, bound {bound.shape}")
        due, distance, radius = self._due, self._distance, self._exact.radius
        granted = np.where(np.isnan(bound), 0.0, bound)
        with np.errstate(invalid="ignore"):
            undecided = due & (np.abs(distance - granted) <= radius) & (radius > 0.0)
        conforms = np.where(due, (distance <= granted) & (distance < np.inf), self._same)
        reached = conforms | undecided | self._finite
        error = np.where(due, np.where(reached, distance, np.inf), np.where(self._same, 0.0, np.inf))
        return Comparison(conforms, undecided, error, _ratio(error, granted), self._unit)


def _distance_to_ray(sign: F64, exact: Enclosure, format_: Format) -> F64:
    """Return how far the exact number lies short of what rounds to infinity of this sign; 0 if it does not.

    In steps that stay below float64's own overflow.
    """
    half_ulp = 2.0 ** (int(np.frexp(format_.largest)[1]) - format_.precision - 1)
    with np.errstate(invalid="ignore", over="ignore"):
        short = (format_.largest - sign * exact.value) + (half_ulp - sign * exact.tail)
    distance: F64 = np.maximum(short, 0.0)
    return distance


def _ratio(part: F64, whole: F64) -> F64:
    """Return part / whole with 0/0 = 0, x/0 = inf and inf/x = inf; of a non-finite whole, the part."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(np.isfinite(whole), part / whole, part)
    return np.where(part == 0.0, 0.0, ratio)
