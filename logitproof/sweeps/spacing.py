"""The spacing of numbers of a format, and correct rounding to it, on float64 arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.oracle.two_classes import ABSOLUTE
from logitproof_reference.vocabulary.formats import FORMATS, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64

    Mask = NDArray[np.bool_]

_EXPONENT = np.int64(0x7FF0000000000000)


def spacing(values: F64, format_: str) -> F64:
    """Return the unit in the last place of a format at each of `values`, as `formats.ulp` does; all are finite."""
    of = FORMATS[format_]
    powers = values.view(np.int64) & _EXPONENT
    result = powers.view(np.float64)
    np.maximum(result, of.smallest_normal, out=result)
    result *= 2.0 ** (1 - of.precision)
    return result


def rounding(
    observed: NDArray[np.generic], sign: int, exact: F64, relative: float, absolute: F64 | float
) -> tuple[Mask, Mask]:
    """Return which numbers are the exact one correctly rounded, and of which that is not decided.

    Parameters
    ----------
    observed : array of a format that can be swept
        All finite, as it came.
    sign : int
        What the exact numbers are multiplied with.
    exact : float64 array
    relative, absolute : float, float or array
        How far the exact numbers may be off, besides `ABSOLUTE`.
    """
    if observed.dtype == np.float32 and not isinstance(absolute, np.ndarray):
        lower, upper = exact * (sign * (1.0 - relative)), exact * (sign * (1.0 + relative))
        low, high = lower.astype(np.float32), upper.astype(np.float32)
        return (low == observed) & (high == observed), low != high
    below, above = _halfway(observed.dtype.name)
    bits = observed.view(np.uint16)
    signed = exact * sign
    radius = np.abs(exact) * relative + absolute + ABSOLUTE
    lower, upper = below[bits], above[bits]
    inside = (signed - radius > lower) & (signed + radius < upper)
    outside = (signed + radius < lower) | (signed - radius > upper)
    return inside, ~inside & ~outside


@lru_cache(maxsize=2)
def _halfway(format_: str) -> tuple[F64, F64]:
    """Return, by the bits of a half format's number, where the numbers begin and end that round to it."""
    with np.errstate(invalid="ignore"):  # of NaN
        numbers = widened(np.arange(1 << 16, dtype=np.uint16).view(FORMATS[format_].dtype))
    finite = np.isfinite(numbers)
    ordered = np.unique(numbers[finite])
    largest = FORMATS[format_].largest
    outer = largest + spacing(np.array([largest]), format_)[0]
    ends = np.concatenate([[-outer], ordered, [outer]])
    halfway = (ends[:-1] + ends[1:]) / 2.0
    place = np.searchsorted(ordered, np.where(finite, numbers, 0.0))
    return halfway[place], halfway[place + 1]
