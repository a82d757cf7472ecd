"""Exponential and logarithm in double-double, using only additions and multiplications.

No library function is called, so the bits are the same on every machine with IEEE arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .ball import Ball
from .double_double import U2, add, add_double, divide, fast_two_sum, multiply, power_of_two, two_prod, two_sum
from .exp_table import NEAR, NEAR_STEP, exp_table
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

LARGEST_PLAIN = 170.0
"""Logits no larger than that, either way, need no shift: their exponentials lie between 2**-246 and 2**246."""

_LOG2_E = 1.4426950408889634


def exp_scaled(d: Pair) -> tuple[F64, F64, NDArray[np.int64]]:
    """Return (hi, lo, n) with exp(d) = (hi + lo) 2**n, hi in [0.99, 2.01], relative error at most 2**-102.

    d = n log 2 + log T + log(1 + tau) + r with T of 13 bits next to 2**(k / 4096) and tau a multiple of 2**-25::

        exp(d) 2**-n = T (1 + tau + a)     exact, a being r rounded to a multiple of 2**-52, |tau + a| T < 2**-11.7
                     + T tau a             exact, 13 bits times 14 times 26, or 1 times those
                     + T (1 + tau) z       z = exp(r) - 1 - a, |z| < 2**-51.9

    r is exact but for a rest below 2**-54 (`_reduced`), |r| < 2**-25.99; exp(r) - 1 ends at r**3 / 6, off by 2**-108.5.
    In units of 2**-106 T the roundings are at most 3.5 in exp(r) - 1 - r, 2 in z = (r - a) + that, 2 in z + tau z, 2 in
    its product with T, 1 and 4 in the two closing additions, and less than 1 in the rest of r, the tables and the
    series: 15.5 in all, below 2**-102.

    Parameters
    ----------
    d : pair of float64 arrays of one shape
        |d| <= 1500, the second a rounding error of the first.
    """
    shape = d[0].shape
    high, low = np.ravel(d[0]), np.ravel(d[1])
    hi, lo = np.empty(high.size), np.empty(high.size)
    n = np.empty(high.size, dtype=np.int64)
    for start in range(0, high.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        hi[chunk], lo[chunk], n[chunk] = _exp_chunk(high[chunk], low[chunk])
    return hi.reshape(shape), lo.reshape(shape), n.reshape(shape)


def _exp_chunk(high: F64, low: F64 | None = None, exponent: NDArray[np.int64] | None = None) -> tuple[F64, F64, F64]:
    """Return exp(high + low) as `exp_scaled` does, n as whole numbers; times 2**(n + exponent) where one is given."""
    n, t, r, rest = _reduced(high, low)
    if exponent is not None:
        t *= power_of_two((n + exponent).astype(np.int64))
    tau, r, rest = _next_to_one(r, rest)
    a = r + 1.5
    a -= 1.5  # a multiple of 2**-52
    z = _exp_minus_one_minus_itself(r, rest)
    r -= a
    z += r
    z += tau * z
    product = tau * a
    a += tau
    a *= t
    product *= t
    z *= t
    first, error = fast_two_sum(t, a)
    second, error_2 = fast_two_sum(first, product)
    error += error_2
    error += z
    return *fast_two_sum(second, error), n


def _reduced(high: F64, low: F64 | None) -> tuple[F64, F64, F64, F64]:
    """Return n, T, r and a rest with high + low = n log 2 + log T + r + rest, |r| T < 2**-11.7, |rest| < 2**-54.

    The sums n log 2 + log T are exact on their grids, and so are the differences: where T = 1 and n = 0, or T = 2 and
    n = -1, there is nothing to subtract; elsewhere |high| > 2**-13.6 and r are multiples of 2**-66, and |r| < 2**-14
    where not of 2**-65.
    """
    table = exp_table()
    position = high * _LOG2_E
    n = np.floor(position)
    position -= n
    position *= STEPS
    position += 0.5
    k = position.astype(np.intp)
    r = high - _multiple(table.coarse, n, k)
    r -= _multiple(table.middle, n, k)
    rest = -_multiple(table.fine, n, k)
    if low is not None:
        r, error = two_sum(r, low)
        rest += error
    return n, table.power.take(k), r, rest


def _multiple(part: F64, n: F64, k: NDArray[np.intp]) -> F64:
    """Return one part of n log 2 + log T_k."""
    total: F64 = n * part[STEPS]
    total += part.take(k)
    return total


def _next_to_one(r: F64, rest: F64) -> tuple[F64, F64, F64]:
    """Return tau, next to exp(r) - 1, and what r and rest are without log(1 + tau); that of r is exact (Sterbenz)."""
    table = exp_table()
    tau = r * (0.5 / NEAR_STEP)
    tau += 1.0 / NEAR_STEP
    tau *= r
    np.rint(tau, out=tau)
    j = tau.astype(np.intp)
    j += NEAR
    tau *= NEAR_STEP
    return tau, r - table.near.take(j), rest - table.near_low.take(j)


def _exp_minus_one_minus_itself(r: F64, rest: F64) -> F64:
    """Return exp(r + rest) - 1 - r = rest + r (rest + r (1/2 + r / 6))."""
    z = r * (1 / 6)
    z += 0.5
    z *= r
    z += rest
    z *= r
    z += rest
    return z


def exp_plain(x: F64, exponent: NDArray[np.int64]) -> Ball:
    """Return exp(x) 2**exponent as a ball, of arguments that are plain doubles: nothing over- or underflows.

    Parameters
    ----------
    x : float64 array, shape (classes, rows)
        |x| <= `LARGEST_PLAIN`.
    exponent : int64 array, shape (rows,)
        From 2 * 246 - 1000 to 1000 - 246.
    """
    hi, lo, radius = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    step = max(1, _CHUNK // exponent.size)
    for start in range(0, len(x), step):
        chunk = slice(start, start + step)
        hi[chunk], lo[chunk], _ = _exp_chunk(x[chunk], exponent=exponent)
        np.multiply(hi[chunk], EXP_ERROR * (1 + 2.0**-40), out=radius[chunk])
    return Ball(hi, lo, radius)


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


_LOG_ERROR = 2.0**-112
"""Relative error of the table's logarithms."""

_ATANH_ERROR = 40.0 * U2
"""Relative error of 2 atanh(w) as `log1p` computes it."""

_ADD_ERROR = 3.5 * U2
"""Relative error of its last addition."""

_SMALL, _LOST = 2.0**-890, 2.0**-1066
"""Where an operation of `log1p` may underflow, and what that costs."""


def log1p(rho: Ball) -> Ball:
    """Return log(1 + rho) for rho >= 0 with full relative accuracy however small rho is.

    With 1 + rho close to T = 2**n (1 + i / 4096)::

        log(1 + rho) = log T + 2 atanh(w),   w = (1 + rho - T) / (1 + rho + T),   |w| <= 2**-13.9

    For 1 + rho below 1 + 2**-13 it is T = 1 and w = rho / (2 + rho). The sum of the two terms cancels to no less than a
    third of log T. The radius is that of rho over 1 + rho, the slope, and the rounding: in units of u**2 the numerator
    is off by 2, the denominator by 4, the quotient by 18, 1 + s by 2 and 1 for s, its product with 2 w by 5, which
    makes 32 of `_ATANH_ERROR`; the last addition by 3.1. Below 2**-890 three operations may underflow.

    Parameters
    ----------
    rho : Ball
        In [0, 2**38].
    """
    mantissa, exponent = np.frexp(1.0 + rho.hi)
    n = exponent.astype(np.int64) - 1
    i = np.rint((2.0 * mantissa - 1.0) * STEPS)
    t = (1.0 + i * (1.0 / STEPS)) * power_of_two(n)
    numerator = add_double(rho.pair, 1.0 - t)
    w = divide(numerator, add_double(numerator, 2.0 * t))
    atanh = _twice_atanh(w)
    coarse, middle, fine = log_table()
    index = i.astype(np.intp)
    table_hi, table_lo = two_sum(n * coarse[STEPS] + coarse[index], n * middle[STEPS] + middle[index])
    hi, lo = add((table_hi, table_lo + (n * fine[STEPS] + fine[index])), atanh)
    radius = rho.radius / (1.0 + rho.hi) * (1.0 + 2.0**-40)
    radius += _ATANH_ERROR * np.abs(atanh[0]) + _LOG_ERROR * table_hi + _ADD_ERROR * hi
    return Ball(hi, lo, radius + np.where(hi < _SMALL, _LOST, 0.0))


def _twice_atanh(w: Pair) -> Pair:
    """Return 2 w (1 + s), s = w**2 / 3 + w**4 / 5 + w**6 / 7 + w**8 / 9; the first term of s within 2**-80 of it."""
    square, error = two_prod(w[0], w[0])
    third = square * (1 / 3)
    remainder = ((square - 2.0 * third) - third) + (error + 2.0 * w[0] * w[1])
    rest = remainder * (1 / 3) + square * square * (1 / 5 + square * (1 / 7 + square * (1 / 9)))
    doubled = 2.0 * w[0], 2.0 * w[1]
    return multiply(doubled, add_double((third, rest), np.ones(())))
