"""Softmax of two classes as functions of the difference d of their logits, fast enough for all 2**32 of them.

With P(d) = 1 / (1 + exp(-d)), everything asked of two logits (a, b), d = a - b, is made of three functions::

    sigmoid   P(d)                  softmax, and all gradients but that of softmax
    softplus  log(1 + exp(d))       log-softmax, losses, log-sum-exp (b + softplus)
    slope     P(d) P(-d)            the gradient of softmax

For abs(d) < 128 each is its Taylor polynomial of degree 4 about the nearest multiple t of 2**-9, whose coefficients
come from the oracle; beyond, what it tends to. The result is within `RELATIVE` of itself and `ABSOLUTE`:

- with S = P(t) P(-t) the fifth derivatives are S (1 - 30 S + 120 S**2), S (P(-t) - P(t)) (1 - 12 S) and
  S (P(-t) - P(t)) (1 - 60 S + 360 S**2), each at most 2 f: so are S <= P and S <= softplus. The remainder is below
  2 * 2**-50 / 120 * exp(2**-9) f < 2**-55 f;
- the first coefficient is off by 2**-53 of itself, that of slope, a product, by 3 * 2**-53; the others, and the
  operations on them, by less than 2**-49 of terms that are below 2**-9.9 f together: 2**-58 f; the last addition
  rounds once, 2**-53 f: in all below 2**-50.7 f;
- d is hi + lo where it is no float64 number, abs(lo) <= 2**-53 abs(hi); left out, lo moves f by at most abs(lo) f,
  2**-46 f at 128: then `RELATIVE_OF_SUM`;
- past 128, P(-d), softplus(-d) and slope lie in (0, exp(-128)], and 1 - P(d), softplus(d) - d too: 2**-184.

Sources: the Taylor expansion and the standard model of rounding (Higham 2002, (2.4)); that the results enclose the
exact ones is checked against the oracle and against ball arithmetic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

STEPS = 512
"""Points of expansion to a unit of d."""

SATURATED = 128.0
"""From here on a function is what it tends to."""

RELATIVE = 2.0**-50
RELATIVE_OF_SUM = 2.0**-45
ABSOLUTE = 2.0**-184
"""How far a result may be off: so much of itself, and so much."""

TINY = 2.0**-185
"""Stands for a number in (0, ABSOLUTE]."""


def cell_of(d: F64) -> NDArray[np.int64]:
    """Return the number of the point of expansion next to each d, from 0 for -128 to 2 * 128 * `STEPS`."""
    return (np.rint(d * STEPS) + SATURATED * STEPS).astype(np.int64)


def point_of(cell: NDArray[np.int64] | int) -> F64:
    """Return the point of expansion with a number."""
    return np.asarray((cell - SATURATED * STEPS) / STEPS)


@lru_cache(maxsize=8)
def coefficients(kind: str, *, mirrored: bool = False) -> tuple[F64, ...]:
    """Return the five Taylor coefficients of a function at every point of expansion.

    Parameters
    ----------
    kind : str
        ``sigmoid``, ``softplus`` or ``slope``.
    mirrored : bool
        Of the function of -d.
    """
    points = point_of(np.arange(int(2 * SATURATED * STEPS) + 1))
    rows = ExactRows(np.stack([points, np.zeros_like(points)], axis=1), keep=False)
    p, q = rows.evaluate("softmax", "value").value.T
    slope, turn = p * q, q - p
    third, fourth = slope * (1.0 - 6.0 * slope), slope * turn * (1.0 - 12.0 * slope)
    derivatives = {
        "sigmoid": (p, slope, slope * turn, third, fourth),
        "softplus": (rows.evaluate("log_sum_exp", "value").value, p, slope, slope * turn, third),
        "slope": (slope, slope * turn, third, fourth, slope * (1.0 - 30.0 * slope + 120.0 * slope**2)),
    }[kind]
    divided = [one / divisor for one, divisor in zip(derivatives, (1.0, 1.0, 2.0, 6.0, 24.0), strict=True)]
    if not mirrored:
        return tuple(divided)
    return tuple(np.ascontiguousarray(one[::-1]) * (-1.0) ** order for order, one in enumerate(divided))


def expanded(cell: NDArray[np.int64] | int, rest: F64, kind: str, *, mirrored: bool = False) -> F64:
    """Return a function at the points of `cell` plus `rest`.

    Parameters
    ----------
    cell : int64 array, or an int for all of `rest`
    rest : float64 array
        abs(rest) <= 1 / (2 * `STEPS`).
    kind, mirrored
        As in `coefficients`.
    """
    table = coefficients(kind, mirrored=mirrored)
    result = rest * table[4][cell]
    for order in (3, 2, 1):
        result += table[order][cell]
        result *= rest
    result += table[0][cell]
    return result


def saturated(d: F64, kind: str, *, mirrored: bool = False) -> F64:
    """Return what a function tends to, for abs(d) >= `SATURATED`."""
    is_leading = (d < 0.0) if mirrored else (d > 0.0)
    ahead: F64 = np.abs(d) if kind == "softplus" else np.full(d.shape, {"sigmoid": 1.0, "slope": TINY}[kind])
    return np.where(is_leading, ahead, TINY)


def two_class(d: F64, kind: str, *, mirrored: bool = False) -> F64:
    """Return a function of finite differences of any size.

    >>> two_class(np.array([0.0, 200.0]), "softplus")
    array([  0.69314718, 200.        ])
    """
    inside = np.abs(d) < SATURATED
    near = np.where(inside, d, 0.0)
    cell = cell_of(near)
    return np.where(
        inside, expanded(cell, near - point_of(cell), kind, mirrored=mirrored), saturated(d, kind, mirrored=mirrored)
    )
