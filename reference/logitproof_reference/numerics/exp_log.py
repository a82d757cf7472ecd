"""Exponential and logarithm in double-double, from additions and multiplications alone.

No library function is called, so the bits are the same on every machine with IEEE arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .ball import Ball
from .double_double import fast_two_sum, two_sum
from .log_table import STEPS, log_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .double_double import F64, Pair

EXP_ERROR = 2.0**-102
"""Relative error of `exp_scaled`; its docstring derives it."""

DOMAIN = 1500.0
"""Largest |argument| of `exp_scaled`."""

_CHUNK = 8192
"""Elements worked on at a time: the temporaries of a chunk stay in the cache."""

_GRID = 2.0**-1072
"""What the tail and the radius can lose to float64's grid."""

_LOG2_E = 1.4426950408889634
# 4096 (2**f - 1) within 0.017 for f in [0, 1): Chebyshev interpolation of degree 4. It only picks the table entry.
_TABLE_INDEX = (55.993587520885725, 211.94751084188204, 989.6114473782492, 2838.4170892208253, 0.014306949931778945)
_SIXTH = 1365.0 * 2.0**-13  # 1/6 in 11 bits, and what is left of it
_SIXTH_REST = 2.0**-13 / 6.0 * 2.0


def exp_scaled(d: Pair) -> tuple[F64, F64, NDArray[np.int64]]:
    """Return (hi, lo, n) with exp(d) = (hi + lo) 2**n, hi in [0.99, 2.01], relative error at most 2**-102.

    d = n log 2 + log T_i + r with T_i = 1 + i / 4096 and |r| T_i <= 2**-12.9. A product of T_i, 13 bits, with a number
    of 40 bits is exact, and so are the powers of `a`, the leading 13 bits of r; what is rounded is below 2**-51::

        exp(r) - 1 = (a + a**2 / 2)                                exact, 40 bits
                   + (b + a b + a**3 / 6)                          three doubles, added without error
                   + rest                                          |rest| < 2**-51

    The roundings of the last line, of its product with T_i and of the closing additions add up to less than 2**-103
    (ten terms of at most 2**-106, one of 2**-105); the table contributes 2**-124.

    Parameters
    ----------
    d : pair of float64 arrays of one shape
        |d| <= 1500.
    """
    shape = d[0].shape
    high, low = np.ravel(d[0]), np.ravel(d[1])
    hi, lo = np.empty(high.size), np.empty(high.size)
    n = np.empty(high.size, dtype=np.int64)
    for start in range(0, high.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        hi[chunk], lo[chunk], n[chunk] = _exp_chunk(high[chunk], low[chunk])
    return hi.reshape(shape), lo.reshape(shape), n.reshape(shape)


def _exp_chunk(high: F64, low: F64) -> tuple[F64, F64, F64]:
    n, i = _nearest_table_entry(high)
    r, r_low = _reduced(high, low, n, i.astype(np.intp))
    t = i * (1.0 / STEPS) + 1.0
    a = _leading(r, 2.0**-26)
    exact, v, v_low = _exp_minus_one(a, r - a, r_low)
    v_short = _leading(v, 2.0**-66)
    hi, error_1 = fast_two_sum(t, t * exact)
    hi, error_2 = fast_two_sum(hi, t * v_short)
    return *fast_two_sum(hi, error_1 + (error_2 + t * ((v - v_short) + v_low))), n


def _nearest_table_entry(d: F64) -> Pair:
    """Return n and i (whole numbers) with d close to n log 2 + log(1 + i / 4096)."""
    x = d * _LOG2_E
    n = np.floor(x)
    f = x - n
    i = f * _TABLE_INDEX[0]
    for coefficient in _TABLE_INDEX[1:-1]:
        i = (i + coefficient) * f
    return n, np.rint(i + _TABLE_INDEX[-1])


def _reduced(high: F64, low: F64, n: F64, i: NDArray[np.intp]) -> Pair:
    """Return d - n log 2 - log T_i: only its part below 2**-65 is rounded, by 2**-118."""
    coarse, middle, fine = log_table()
    # Without error: where |high| is the larger the difference is exact (Sterbenz), and the error computed is 0.
    r, error_1 = fast_two_sum(-(n * coarse[STEPS] + coarse[i]), high)
    r, error_2 = two_sum(r, -(n * middle[STEPS] + middle[i]))
    r, error_3 = two_sum(r, low)
    return r, error_1 + error_2 + (error_3 - (n * fine[STEPS] + fine[i]))


def _leading(x: F64, grid: float) -> F64:
    """Round x to a multiple of `grid`."""
    magic = 1.5 * 2.0**52 * grid
    return (x + magic) - magic


def _exp_minus_one(a: F64, b: F64, b_low: F64) -> tuple[F64, F64, F64]:
    """Return exp(a + b + b_low) - 1 as three summands; a in 13 bits, |b| <= 2**-27, |b_low| <= 2**-65."""
    a2 = a * a
    a3 = a2 * a
    exact = a + 0.5 * a2
    cubic = a3 * _SIXTH
    beta_low = b_low + b * (b_low + b * (0.5 + b * (1 / 6)))  # exp(b + b_low) - 1 = b + beta_low
    high_order = a3 * _SIXTH_REST + a2 * a2 * (1 / 24 + a * (1 / 120 + a * (1 / 720)))
    q, q_error = two_sum(a * b, cubic)
    v, v_error = two_sum(b, q)
    curved = (exact - a) + cubic + high_order  # exp(a) - 1 - a
    rest = beta_low + (a + curved) * beta_low + curved * b + high_order
    return exact, v, v_error + (q_error + rest)


def exp_of_difference(x: F64, shift: F64, *, raised: int = 0) -> Ball:
    """Return exp(x - shift) 2**raised as a ball; below 2**-1000 it is flushed to 0, and the radius says so.

    Parameters
    ----------
    x : float64 array, shape (classes, rows)
    shift : float64 array, shape (rows,)
        Not exceeded by x.
    raised : int
        Moves the range of float64: with 512, exp(-1000) keeps all its digits.
    """
    hi, lo, radius = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    step = max(1, _CHUNK // shift.size)
    for start in range(0, len(x), step):
        chunk = slice(start, start + step)
        hi[chunk], lo[chunk], radius[chunk] = _exp_parts(*two_sum(x[chunk], -shift), raised)
    return Ball(hi, lo, radius)


def _exp_parts(high: F64, low: F64, raised: int) -> tuple[F64, F64, F64]:
    beyond = high < -DOMAIN
    if beyond.any():
        high, low = np.where(beyond, -DOMAIN, high), np.where(beyond, 0.0, low)
    hi, lo, n = _exp_chunk(high, low)
    n += raised
    flushed = n < -1000.0
    power = power_of_two(np.where(flushed, 0.0, n).astype(np.int64))
    if flushed.any():
        power[flushed] = 0.0
    hi *= power
    lo *= power
    return hi, lo, np.where(flushed, 2.0**-998, hi * (EXP_ERROR * (1 + 2.0**-40)) + _GRID)


def power_of_two(n: NDArray[np.int64]) -> F64:
    """Return 2**n for integers in [-1022, 1023]."""
    return ((n + 1023) << 52).view(np.float64)


_THIRD = Ball(np.array(1 / 3), 2.0**-54 / 3, 2.0**-106)
_LOG_ERROR = 2.0**-112
"""Relative error of the table's logarithms and of the truncated series."""


def log1p(rho: Ball) -> Ball:
    """Return log(1 + rho) for rho >= 0 with full relative accuracy however small rho is.

    With 1 + rho close to T = 2**n (1 + i / 4096)::

        log(1 + rho) = log T + 2 atanh(w),   w = (1 + rho - T) / (1 + rho + T),   |w| <= 2**-13.9

    For 1 + rho below 1 + 2**-13 it is T = 1 and w = rho / (2 + rho). The sum of the two terms cancels to no less than a
    third of log T. The series stops at w**9 (relative error 2**-143).

    Parameters
    ----------
    rho : Ball
        In [0, 2**38].
    """
    mantissa, exponent = np.frexp(1.0 + rho.hi)
    n = exponent.astype(np.int64) - 1
    i = np.rint((2.0 * mantissa - 1.0) * STEPS)
    t = (1.0 + i * (1.0 / STEPS)) * power_of_two(n)
    numerator = rho + (1.0 - t)
    w = numerator / (numerator + 2.0 * t)
    w2 = w * w
    series = w2 * _THIRD + w2.hi * w2.hi * (1 / 5 + w2.hi * (1 / 7 + w2.hi * (1 / 9)))
    coarse, middle, fine = log_table()
    index = i.astype(np.intp)
    table_hi, table_lo = two_sum(n * coarse[STEPS] + coarse[index], n * middle[STEPS] + middle[index])
    table = Ball(table_hi, table_lo + (n * fine[STEPS] + fine[index]), _LOG_ERROR * table_hi)
    doubled = w * 2.0
    atanh = doubled * (series + 1.0)
    return table + Ball(atanh.hi, atanh.lo, atanh.radius + _LOG_ERROR * np.abs(atanh.hi))
