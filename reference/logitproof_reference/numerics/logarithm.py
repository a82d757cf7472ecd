"""The logarithm of balls of positive numbers, with full relative accuracy next to 1."""

from __future__ import annotations

import numpy as np

from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.exp_log import log1p

SMALL, LARGE = 2.0**-30, 2.0**30
"""Between them x - 1, or (1 - x) / x, is what `log1p` takes; beyond, a power of 2 is taken out first."""


def log(x: Ball) -> Ball:
    """Return log x of positive balls whose radius is below 2**-50 of them.

    From 1 on it is log1p(x - 1), below it -log1p((1 - x) / x): 1 - x carries no error that x does not, so that a
    logarithm next to 0 keeps its digits. Far from 1 it is log1p(m - 1) + n log 2 with x = m 2**n, 1 <= m < 2; there
    the sum is no smaller than 20.
    """
    one = Ball(np.ones(x.hi.shape))
    beyond = (x.hi < SMALL) | (x.hi > LARGE)
    near = choose(beyond, one, x)
    apart = near - 1.0
    is_above = apart.hi >= 0.0
    nothing = Ball(np.zeros(x.hi.shape))
    above = log1p(choose(is_above, apart, nothing))
    below = log1p(choose(is_above, nothing, -apart / near))
    _, exponent = np.frexp(x.hi)
    n = np.where(beyond, exponent.astype(np.int64) - 1, 0)
    mantissa = choose(beyond, x.scaled(-n), one) - 1.0
    is_whole = mantissa.hi >= 0.0  # below 1 by the tail of x alone
    far = log1p(choose(is_whole, mantissa, nothing)) + log1p(one) * n.astype(np.float64)
    far = Ball(far.hi, far.lo, far.radius + np.where(is_whole, 0.0, 2.0 * (np.abs(mantissa.hi) + mantissa.radius)))
    return choose(beyond, far, choose(is_above, above, -below))
