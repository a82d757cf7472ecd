"""The tables behind exp: approximations of 2**(k / 4096) with their logarithms, and the logarithms next to 1."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .double_double import F64, fast_two_sum, two_sum
from .log_table import STEPS, logarithms, rounded_parts

_GRIDS = (41, 65, 118)
"""n log 2 + log T_k is exact on the first grid, 2**-41, and on the second for |n| < 2**12; the rest is one double."""

NEAR_STEP = 2.0**-25
"""Distance of the arguments whose logarithm stands in the table next to 1."""

NEAR = 8600
"""Number of steps tabulated on either side: 2**-11.93 and more."""


class ExpTable(NamedTuple):
    """T_k = 1 + i / 4096, the 13-bit number whose logarithm is nearest to that of 2**(k / 4096), for k = 0..4096.

    T_1 is 1 instead: arguments of some 2**-13 have finer grids than their differences to its logarithm can hold.

    Attributes
    ----------
    power : float64 array
        T_k; the last one is 2.
    coarse, middle, fine : float64 arrays
        log T_k within 2**-117, the last entry being log 2.
    near, near_low : float64 arrays
        log(1 + j `NEAR_STEP`) within 2**-113, j from -`NEAR`.
    """

    power: F64
    coarse: F64
    middle: F64
    fine: F64
    near: F64
    near_low: F64


@cache
def exp_table() -> ExpTable:
    """Compute the tables; takes some 10 ms beyond `logarithms`, once, at first use."""
    integers = logarithms()
    coarse, middle, fine = np.array([rounded_parts(number, _GRIDS) for number in integers]).T
    middles = (coarse[1:] + coarse[:-1]) / 2
    i = np.searchsorted(middles, np.arange(STEPS + 1) * (coarse[STEPS] / STEPS))
    i[1] = 0
    near, near_low = _near()
    return ExpTable(1.0 + i / STEPS, coarse[i], middle[i], fine[i], near, near_low)


def _near() -> tuple[F64, F64]:
    """Return log(1 + tau), |tau| < 2**-11.9, as double-doubles, by its series.

    tau - tau**2 / 2 and tau**4 / 4 are exact (`NEAR`**4 < 2**53), and so is the remainder of the quotient tau**3 / 3;
    what follows, below 2**-61, is rounded by less than 2**-113 in all, the series' end at tau**9 included.
    """
    tau = np.arange(-NEAR, NEAR + 1) * NEAR_STEP
    square = tau * tau
    cube = square * tau
    third = cube * (1 / 3)
    third_low = ((cube - 2.0 * third) - third) * (1 / 3)
    high, error_1 = two_sum(tau - 0.5 * square, third)
    high, error_2 = two_sum(high, -0.25 * square * square)
    fifth = square * cube * (1 / 5 - tau * (1 / 6 - tau * (1 / 7 - tau * (1 / 8 - tau * (1 / 9)))))
    return fast_two_sum(high, error_1 + (error_2 + (third_low + fifth)))
