"""The four floating-point formats: their constants, ulps, rounding and spelling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    F64 = NDArray[np.float64]

BFLOAT16_BITS: np.dtype[Any] = np.dtype([("bfloat16", np.uint16)])
"""The bits of bfloat16 alone, with which NumPy cannot count."""


@lru_cache(maxsize=None)
def bfloat16() -> np.dtype[Any]:
    """Return how NumPy holds bfloat16: by ml_dtypes, or `BFLOAT16_BITS` in a target that lacks it.

    It is imported where it is needed, not with this module: its release 0.7.0 takes a second to import.
    """
    try:
        import ml_dtypes  # noqa: PLC0415  see above
    except ImportError:  # in a target, where nothing is installed for the suite
        return BFLOAT16_BITS
    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is that of bfloat16, or of its bits."""
    return dtype == BFLOAT16_BITS or dtype.name == "bfloat16"


def bfloat16_is_bits() -> bool:
    """Whether NumPy cannot count with bfloat16 here, for want of ml_dtypes."""
    return bfloat16() == BFLOAT16_BITS


@dataclass(frozen=True)
class Format:
    """A binary floating-point format with gradual underflow.

    Attributes
    ----------
    name : str
        ``float16``, ``bfloat16``, ``float32`` or ``float64``.
    precision : int
        Bits of the significand, the hidden one included.
    min_exponent : int
        Exponent e of the smallest normal number 2**e.
    largest : float
        The largest finite number.
    """

    name: str
    precision: int
    min_exponent: int
    largest: float

    @property
    def dtype(self) -> np.dtype[Any]:
        """How NumPy holds it; see `bfloat16`."""
        return bfloat16() if self.name == "bfloat16" else np.dtype(self.name)

    @property
    def unit_roundoff(self) -> float:
        """Largest relative error of one rounding to nearest, u = 2**-precision."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return 2.0**self.min_exponent

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive number, eta."""
        return 2.0 ** (self.min_exponent - self.precision + 1)

    @property
    def bits(self) -> int:
        """Width in bits."""
        return self.precision + (1 - self.min_exponent).bit_length() + 1


FORMATS: dict[str, Format] = {
    "float16": Format("float16", 11, -14, 65504.0),
    "bfloat16": Format("bfloat16", 8, -126, (2 - 2.0**-7) * 2.0**127),
    "float32": Format("float32", 24, -126, (2 - 2.0**-23) * 2.0**127),
    "float64": Format("float64", 53, -1022, float(np.finfo(np.float64).max)),
}
"""Every format by name, narrowest first."""


def format_of(array: NDArray[Any]) -> Format:
    """Return the format of an array.

    Raises
    ------
    TypeError
        Its dtype is none of the four formats.
    """
    return _format_of_dtype(array.dtype)


@lru_cache(maxsize=None)
def _format_of_dtype(dtype: np.dtype[Any]) -> Format:
    format_ = FORMATS.get(name_of_dtype(dtype))
    if format_ is None or dtype != format_.dtype:  # a byte order that is not this machine's has the same name
        raise TypeError(f"dtype {dtype} is not one of the formats {', '.join(FORMATS)}")
    return format_


def name_of_dtype(dtype: np.dtype[Any]) -> str:
    """Return what a dtype is called, ``bfloat16`` also where that is bits alone."""
    return "bfloat16" if is_bfloat16(dtype) else dtype.name


def widened(array: NDArray[Any]) -> F64:
    """Return the numbers of an array as float64, exactly."""
    if array.dtype == BFLOAT16_BITS:
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float64)


def named_format(name: str) -> Format:
    """Return the format called `name`.

    Raises
    ------
    ValueError
        No format has this name.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ValueError(f'format "{name}" is not known; known: {", ".join(FORMATS)}') from None


_FRACTION_BITS = 52
"""Bits of a float64 below those of its exponent."""


def ulp(values: ArrayLike, format_: Format) -> F64:
    """Return the unit in the last place of `format_` at each of `values`.

    The spacing of the format's numbers in the binade of the value, never below
    the smallest subnormal; past the largest finite number the binades go on,
    so that an overflow has a size too (as in OpenCL's conformance tests).
    Infinities and NaN give NaN.
    """
    binades = np.abs(np.asarray(values, dtype=np.float64)).view(np.int64) >> _FRACTION_BITS
    return np.asarray(_ulps_by_binade(format_)[binades])


@lru_cache(maxsize=None)
def _ulps_by_binade(format_: Format) -> F64:
    """Return the ulp at every exponent field of a float64: 0 and its subnormal numbers, the binades, inf and NaN."""
    exponents = np.arange(2048) - 1022  # as frexp counts them
    lowest = format_.min_exponent - format_.precision + 1
    ulps = np.ldexp(1.0, np.maximum(exponents - format_.precision, lowest))
    ulps[-1] = np.nan
    return ulps


def hex_floats(values: NDArray[Any]) -> list[str]:
    """Spell each element of a one-dimensional array as a hexadecimal float, exactly."""
    return [float(value).hex() for value in np.asarray(values, dtype=np.float64).ravel()]


def rounded(values: NDArray[Any], format_: Format) -> NDArray[Any]:
    """Round float64 or float32 values to `format_`, to nearest even; bfloat16 by way of float32.

    The detour makes the double rounding of bfloat16 a definition instead of a
    property of the ml_dtypes release in use.
    """
    if format_.name == "bfloat16":
        values = values.astype(np.float32)
    return np.ascontiguousarray(values.astype(format_.dtype))
