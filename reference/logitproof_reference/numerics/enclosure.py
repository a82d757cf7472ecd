"""The oracle's answer: numbers known within a radius, and their rounding to a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import Format, named_format, ulp

from .double_double import fast_two_sum, two_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from .double_double import F64


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Exact results, each within [value + tail - radius, value + tail + radius].

    An infinite or undefined result is value = inf, -inf or NaN with tail = radius = 0; a finite result past float64's
    largest number counts as infinite.

    Attributes
    ----------
    value, tail, radius : float64 arrays of one shape
        value is value + tail rounded to float64.
    """

    value: F64
    tail: F64
    radius: F64

    @classmethod
    def exact(cls, values: ArrayLike) -> Enclosure:
        """Return an enclosure of results that are float64 numbers, infinities or NaN."""
        array = np.array(values, dtype=np.float64)
        return cls(array, np.zeros_like(array), np.zeros_like(array))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the answer."""
        return self.value.shape

    @property
    def parts(self) -> tuple[F64, F64, F64]:
        """Value, tail and radius."""
        return self.value, self.tail, self.radius

    def __getitem__(self, index: Any) -> Enclosure:
        return Enclosure(*(np.asarray(part[index]) for part in self.parts))

    def __len__(self) -> int:
        return len(self.value)

    def moveaxis(self, source: int, destination: int) -> Enclosure:
        """Return the answer with one axis moved, as numpy.moveaxis."""
        return Enclosure(*(np.moveaxis(part, source, destination) for part in self.parts))

    def reshape(self, *shape: int) -> Enclosure:
        """Return the answer in another shape."""
        return Enclosure(*(part.reshape(shape) for part in self.parts))

    def round(self, format_: Format | str) -> NDArray[Any]:
        """Round value + tail correctly (to nearest, ties to even) to a format, underflow and overflow included.

        Wherever `decided` holds this is the correctly rounded exact result.
        """
        format_ = named_format(format_) if isinstance(format_, str) else format_
        return _rounded(self.value, self.tail, format_).astype(format_.dtype)

    def decided(self, format_: Format | str) -> NDArray[np.bool_]:
        """Return where every number of the enclosure rounds to the same number of a format.

        A tie is decided only where the radius is 0.
        """
        format_ = named_format(format_) if isinstance(format_, str) else format_
        lower = _rounded(*self._moved(-1.0), format_)
        upper = _rounded(*self._moved(1.0), format_)
        return np.asarray((lower == upper) | ~np.isfinite(self.value))

    def distance(self, observed: NDArray[Any]) -> F64:
        """Return |observed - exact| to float64 accuracy; `observed` may be of any format.

        0 where both are the same infinity or both NaN, inf where only one of them is finite.
        """
        seen = np.asarray(observed, dtype=np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            difference, error = two_sum(seen, -self.value)
            finite = np.abs(difference + np.where(np.isfinite(error), error, 0.0) - self.tail)
        same = (seen == self.value) | (np.isnan(seen) & np.isnan(self.value))
        both_finite = np.isfinite(seen) & np.isfinite(self.value)
        return np.where(both_finite, finite, np.where(same, 0.0, np.inf))

    def _moved(self, sign: float) -> tuple[F64, F64]:
        """Return an outer bound of the enclosure as a normalised pair."""
        shift = sign * self.radius
        with np.errstate(invalid="ignore"):
            tail = np.where(self.radius == 0.0, self.tail, np.nextafter(self.tail + shift, sign * np.inf))
            value, low = two_sum(self.value, tail)
        return value, np.where(np.isfinite(value), low, 0.0)


def normalised(value: F64, tail: F64, radius: F64) -> Enclosure:
    """Return an enclosure from finite parts with |tail| <= |value| or value = 0."""
    hi, lo = fast_two_sum(value, tail)
    return Enclosure(hi, lo, np.array(radius))


def joined(parts: Sequence[Enclosure]) -> Enclosure:
    """Concatenate enclosures along the first axis."""
    return Enclosure(*(np.concatenate(arrays) for arrays in zip(*(part.parts for part in parts), strict=True)))


def _rounded(value: F64, tail: F64, format_: Format) -> F64:
    """Round value + tail, a normalised pair, to the numbers of a format, kept as float64."""
    if format_.precision == 53:
        return value
    odd = _round_to_odd(value, tail)
    with np.errstate(invalid="ignore", over="ignore"):
        unit = ulp(odd, format_)  # a power of two: quotient and product are exact
        nearest: F64 = np.rint(odd / unit) * unit
    nearest = np.where(np.isfinite(odd), nearest, value)
    return np.where(np.abs(nearest) > format_.largest, np.copysign(np.inf, nearest), nearest)


def _round_to_odd(value: F64, tail: F64) -> F64:
    """Return value + tail rounded to odd in float64, from which narrower formats round without a second rounding.

    S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Trans. Comp. 57(4), 2008,
    doi:10.1109/TC.2007.70819.
    """
    even = (np.ascontiguousarray(value).view(np.int64) & 1) == 0
    neighbour = np.nextafter(value, np.where(tail > 0.0, np.inf, -np.inf))
    return np.where(even & (tail != 0.0) & np.isfinite(value), neighbour, value)
