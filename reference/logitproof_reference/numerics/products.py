"""Enclosed matrix products: cut into slices that any BLAS multiplies without error, in any order of summation.

Every row of x, and every column of y, is written as a sum of whole numbers of b bits on falling powers of two. A
product of two slices over k terms is a sum of whole numbers below 2**(2 b) k <= 2**53: exact in float64 in any order,
with or without fused multiply-add, so that the bits are the same on every machine. What the last slice leaves, and the
products of late slices, go into the radius.

Source: K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, "Error-free transformations of matrix multiplication by using fast
routines of matrix multiplication and its applications", Numerical Algorithms 59, 2012,
doi:10.1007/s11075-011-9478-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .ball import Ball, times_power_of_two
from .double_double import two_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .double_double import F64

BITS = 120
"""Number of bits below the largest number of a row, or column, that are multiplied without error."""

LARGEST = 2.0**480
"""Entries beyond it make their row or column undefined: their products could leave float64."""

TILE = 1 << 22
"""Entries of a factor, or of the product, that are worked on at a time."""

_GRID = 2.0**-1000
"""Entries so far below the largest of their row may lose digits to float64's grid: they count as left over."""

_INFLATION = 1.0 + 2.0**-30
"""Covers the rounding of the radius: it is a product of float64 matrices of at most 2**20 terms."""


@dataclass(frozen=True)
class _Sliced:
    """Rows as sums of slices: slice p times 2**(scale - (p + 1) bits), and whether something is left over.

    Attributes
    ----------
    slices : list of float64 arrays (m, k)
        Whole numbers of at most 2**bits.
    scale : int64 array (m,)
        2**scale is at least the largest magnitude of a row.
    rest : bool
        Whether the last slice leaves something: below 2**(scale - bits len(slices)).
    """

    slices: list[F64]
    scale: NDArray[np.int64]
    rest: bool


def product(x: Ball, y: Ball) -> Ball:
    """Return the matrix product of x (m, k) and y (k, n).

    The radius is some 2**-118 k times the largest numbers of the row and of the column, and what theirs make of it.
    Rows and columns with an entry that is not finite, or beyond `LARGEST`, give NaN.

    Examples
    --------
    >>> x, y = Ball(np.array([[0.5, 2.0**-70]])), Ball(np.array([[2.0], [1.0]]))
    >>> product(x, y).hi, product(x, y).lo
    (array([[1.]]), array([[8.47032947e-22]]))
    """
    wrong_rows, wrong_columns = (np.asarray(_undefined(one).any(axis=axis)) for one, axis in ((x, 1), (y, 0)))
    if wrong_rows.any() or wrong_columns.any():
        defined = product(_without(x, wrong_rows[:, None]), _without(y, wrong_columns[None]))
        undefined = wrong_rows[:, None] | wrong_columns[None]
        return Ball(*(np.where(undefined, np.nan, part) for part in (defined.hi, defined.lo, defined.radius)))
    (rows, terms), columns = x.hi.shape, y.hi.shape[1]
    if terms == 0:
        return Ball(np.zeros((rows, columns)))
    bits = (53 - math.ceil(math.log2(terms))) // 2
    left = _sliced(x.hi, x.lo, bits)
    found = Ball(np.empty((rows, columns)))
    step = max(1, TILE // max(rows, terms))
    for start in range(0, columns, step):
        part = np.s_[:, start : start + step]
        tile = _tile(left, _sliced(y.hi[part].T, y.lo[part].T, bits), bits, terms)
        found.hi[part], found.lo[part], found.radius[part] = tile.hi, tile.lo, tile.radius
    found.radius += _inherited(x, y)
    return found


def _undefined(x: Ball) -> NDArray[np.bool_]:
    return ~(np.abs(x.hi) <= LARGEST)


def _without(x: Ball, mask: NDArray[np.bool_]) -> Ball:
    return Ball(*(np.where(mask, 0.0, part) for part in (x.hi, x.lo, x.radius)))


def _sliced(hi: F64, lo: F64, bits: int) -> _Sliced:
    """Cut rows into slices, as many as their digits need and `BITS` allows.

    Each subtraction is exact: a slice is a multiple of its unit next to the number, so that the difference has no more
    digits than the number.
    """
    _, exponent = np.frexp(np.abs(hi).max(axis=1, initial=0.0))
    scale = exponent.astype(np.int64)
    high, low = times_power_of_two((hi, lo), -scale[:, None])
    lost = any(bool(((np.abs(cut) < _GRID) & (part != 0.0)).any()) for cut, part in ((high, hi), (low, lo)))
    has_low = bool(low.any())
    slices: list[F64] = []
    while len(slices) * bits < BITS:
        unit = 2.0 ** ((len(slices) + 1) * bits)
        piece = high * unit
        np.rint(piece, out=piece)
        high = high - piece * (1.0 / unit)
        if has_low:
            high, low = two_sum(high, low)
        slices.append(piece)
        if not high.any():
            break
    return _Sliced(slices, scale, lost or bool(high.any()))


def _tile(left: _Sliced, right: _Sliced, bits: int, terms: int) -> Ball:
    """Return the product of sliced rows with sliced columns, the latter given as rows."""
    most = math.ceil(BITS / bits)
    pairs = [(p, q) for p in range(len(left.slices)) for q in range(len(right.slices))]
    kept = sorted((pair for pair in pairs if sum(pair) <= most), key=sum, reverse=True)
    total = Ball(np.zeros((len(left.scale), len(right.scale))))
    for p, q in kept:
        total = total + (left.slices[p] @ right.slices[q].T) * 2.0 ** (-(p + q + 2) * bits)
    dropped = [2.0 ** (-sum(pair) * bits) for pair in pairs if sum(pair) > most]
    dropped += [2.0 ** (-len(one.slices) * bits) * 2.0 for one in (left, right) if one.rest]
    found = Ball(total.hi, total.lo, total.radius + terms * sum(dropped) * _INFLATION)
    return found.scaled(left.scale[:, None] + right.scale)


def _inherited(x: Ball, y: Ball) -> F64 | float:
    """Return what the radii of the factors make of the radius of the product."""
    if not x.radius.any() and not y.radius.any():
        return 0.0
    reach = np.abs(x.hi) + np.abs(x.lo)
    other = np.abs(y.hi) + np.abs(y.lo) + y.radius
    inherited: F64 = (reach @ y.radius + x.radius @ other) * _INFLATION
    return inherited


def transposed(x: Ball) -> Ball:
    """Return the transpose of a matrix."""
    return Ball(x.hi.T, x.lo.T, x.radius.T)
