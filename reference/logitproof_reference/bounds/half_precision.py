"""Bounds of the accuracy grades: the error of an answer computed in float32, or in the format itself.

Grade A is what code gives that computes in float32 and rounds once, to the format, at the end. With E the bound of
the float32 computation under `IN_FLOAT32`, it holds a number z with |z - y| <= E, and rounds it to nearest: off by at
most half the spacing of the format at z. Spacing grows with magnitude and |z| <= |y| + E, hence

    |dy| <= E + ulp(|y| + E) / 2,

with the ulp of the smallest subnormal number where y underflows, and of the binades past the largest number where it
overflows. Nothing of this depends on float32: it holds for any two formats whose inputs the wider one holds exactly.

Grade B is what code gives whose every step is rounded to the format, its sums alone run in float32. exp and log are
then those of float32, within 4 ulps, rounded once: 1/2 + 4 * 2^-13 ulp of float16, less of bfloat16 (`EXP_ULPS`).

In float32 and float64 both are the bound of a good implementation, `SHOULD`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from logitproof_reference.bounds.assumptions import SHOULD
from logitproof_reference.bounds.row_statistics import INFLATION
from logitproof_reference.vocabulary.formats import FORMATS, Format, ulp

if TYPE_CHECKING:
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64

ACCURACY_GRADES: Final = {
    "A": "computed in float32 or wider, rounded once",
    "B": "computed in the format, sums in float32",
    "C": "within the MUST bound",
    "D": "outside the MUST bound",
}
"""The accuracy grades of an answer with what they mean, the best first."""

EXP_ULPS: Final = 0.501
"""Error of float32's exp and log, in ulps of a half format, once they are rounded to it."""

IN_FLOAT32: Final = SHOULD
"""What a computation in float32 is assumed to do: exp and log within 4 ulps, sums in lanes, gradual underflow."""

IN_A_HALF_FORMAT: Final = replace(SHOULD, exp_ulps=EXP_ULPS, log_ulps=EXP_ULPS)
"""What a computation in float16 or bfloat16 is assumed to do whose sums run in float32."""


def is_half(format_: Format) -> bool:
    """Return whether a format is narrower than float32, so that it matters where its results are computed."""
    return format_.precision < FORMATS["float32"].precision


def rounded_once(exact: F64, error: F64, format_: Format) -> F64:
    """Return the bound of grade A, E + ulp(|y| + E) / 2.

    Parameters
    ----------
    exact : float64 array
        The exact answers y.
    error : float64 array of the same shape
        E, the bound of the wider computation; NaN where an answer is not finite.
    format_ : Format
        The format that its results are rounded to.

    Returns
    -------
    float64 array of the same shape
        NaN where `error` is, or y is not finite.
    """
    with np.errstate(over="ignore"):
        return (error + ulp(np.abs(exact) + error, format_) / 2.0) * INFLATION


def wide_format(format_: Format) -> Format:
    """Return the format that grade A is computed in."""
    return FORMATS["float32"] if is_half(format_) else format_


def narrow_arithmetic(format_: Format) -> Arithmetic:
    """Return what grade B assumes of a computation in a format."""
    return IN_A_HALF_FORMAT if is_half(format_) else SHOULD
