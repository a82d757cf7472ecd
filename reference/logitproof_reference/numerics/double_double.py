"""Double-double arithmetic on NumPy arrays: an unevaluated sum hi + lo with |lo| <= ulp(hi) / 2.

Every bound is relative to the exact result of the operation, with u = 2**-53, and holds while nothing
underflows or overflows; `Ball` adds what an underflow can lose. Sources: M. Joldes, J.-M. Muller,
V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic",
ACM TOMS 44(2), 2017, doi:10.1145/3121432 (algorithm numbers below); J.-M. Muller, L. Rideau, "Formalization of
double-word arithmetic", ACM TOMS 48(1), 2022, doi:10.1145/3484514; T. J. Dekker, Numer. Math. 18, 1971,
doi:10.1007/BF01397083 for the product without a fused multiply-add. Sums are updated in
place, which keeps the temporaries of a block in the cache.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[F64, F64]

U2 = 2.0**-106
"""u squared: the unit of every bound here."""

_SPLITTER = 2.0**27 + 1.0


def two_sum(a: F64, b: F64) -> Pair:
    """Return a + b exactly, as rounded sum and error, whichever is larger."""
    s = a + b
    error = a - s
    a_seen = s + error
    a_seen -= a
    error += b
    error -= a_seen
    return s, error


def fast_two_sum(a: F64, b: F64) -> Pair:
    """Return a + b exactly where |a| >= |b| or a = 0."""
    s = a + b
    error = a - s
    error += b
    return s, error


def two_prod(a: F64, b: F64) -> Pair:
    """Return a * b exactly, as rounded product and error, for |a|, |b| < 2**995 and |a b| > 2**-916."""
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    p = a * b
    error = a_high * b_high
    error -= p
    error += a_high * b_low
    error += a_low * b_high
    error += a_low * b_low
    return p, error


def _split(a: F64) -> Pair:
    high = a * _SPLITTER
    high -= high - a
    return high, a - high


def add(x: Pair, y: Pair) -> Pair:
    """Return x + y within 3.1 u**2 (algorithm 6)."""
    s, s_error = two_sum(x[0], y[0])
    t, t_error = two_sum(x[1], y[1])
    high, low = fast_two_sum(s, s_error + t)
    return fast_two_sum(high, t_error + low)


def add_same_sign(x: Pair, y: Pair) -> Pair:
    """Return x + y within 3 u**2 where x and y do not differ in sign (algorithm 5)."""
    s, s_error = two_sum(x[0], y[0])
    return fast_two_sum(s, s_error + (x[1] + y[1]))


def add_double(x: Pair, y: F64) -> Pair:
    """Return x + y within 2 u**2, y a plain double (algorithm 4)."""
    s, s_error = two_sum(x[0], y)
    return fast_two_sum(s, x[1] + s_error)


def multiply(x: Pair, y: Pair) -> Pair:
    """Return x * y within 5 u**2 (algorithm 10; the bound is of Muller and Rideau)."""
    p, p_error = two_prod(x[0], y[0])
    return fast_two_sum(p, p_error + (x[0] * y[1] + x[1] * y[0]))


def multiply_double(x: Pair, y: F64) -> Pair:
    """Return x * y within 3 u**2, y a plain double (algorithm 8)."""
    p, p_error = two_prod(x[0], y)
    return fast_two_sum(p, p_error + x[1] * y)


def divide(x: Pair, y: Pair) -> Pair:
    """Return x / y within 18 u**2 (algorithm 17, 15 u**2; the product of algorithm 8 adds 1.5 u**2)."""
    quotient = x[0] / y[0]
    product = multiply_double(y, quotient)
    remainder = (x[0] - product[0]) + (x[1] - product[1])
    return fast_two_sum(quotient, remainder / y[0])


def sum_first_axis(x: Pair, *, same_sign: bool) -> Pair:
    """Return the sum over the first axis by pairwise halving, `summation_height` additions deep.

    The order depends on the length of that axis only, so the bits do not depend on how rows are grouped.
    """
    plus = add_same_sign if same_sign else add
    high, low = x
    while (length := high.shape[0]) > 1:
        half = (length + 1) // 2
        paired = length - half
        sums = plus((high[:paired], low[:paired]), (high[half:], low[half:]))
        if paired == half:
            high, low = sums
        else:
            high = np.concatenate((sums[0], high[paired:half]))
            low = np.concatenate((sums[1], low[paired:half]))
    return high[0], low[0]


def summation_height(length: int) -> int:
    """Return how many additions a summand of `sum_first_axis` passes at most."""
    return max(length - 1, 0).bit_length()


def power_of_two(n: NDArray[np.int64]) -> F64:
    """Return 2**n for integers in [-1022, 1023]."""
    bits = n + 1023
    bits <<= 52
    return bits.view(np.float64)
