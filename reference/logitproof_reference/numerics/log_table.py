"""The one table behind exp and log: log(1 + i / 4096) for i = 0..4096, each as three doubles."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .double_double import F64  # noqa: TC001 - typing.get_type_hints of a NamedTuple needs it at run time

STEPS = 4096
"""T_i = 1 + i / STEPS has 13 bits, so that its products with short numbers are exact."""

_BITS = 200
_GRIDS = (41, 83, 136)
"""Absolute grids 2**-41, 2**-83, 2**-136: n log 2 + log T_i is exact in the first two for |n| < 2**11."""


class LogTable(NamedTuple):
    """log T_i = coarse[i] + middle[i] + fine[i] within 2**-136; the last entry is log 2."""

    coarse: F64
    middle: F64
    fine: F64


@cache
def log_table() -> LogTable:
    """Return the table, as doubles."""
    return LogTable(*np.array([rounded_parts(number, _GRIDS) for number in logarithms()]).T.copy())


@cache
def logarithms() -> tuple[int, ...]:
    """Compute log T_i in units of 2**-200; takes about 20 ms, once, at first use.

    log((k + 1) / k) = 2 atanh(1 / (2 k + 1)) is summed; 4096 truncated sums of fewer than nine terms are off by less
    than 2**-184.
    """
    found = [0]
    for k in range(STEPS, 2 * STEPS):
        found.append(found[-1] + _log_of_next(k))
    return tuple(found)


def _log_of_next(k: int) -> int:
    """Return log((k + 1) / k) in units of 2**-200."""
    square = (2 * k + 1) ** 2
    power = (2 << _BITS) // (2 * k + 1)
    total, odd = 0, 1
    while power:
        total += power // odd
        power //= square
        odd += 2
    return total


def rounded_parts(number: int, grids: tuple[int, ...]) -> tuple[float, ...]:
    """Return a number of units 2**-200 as a sum of doubles, each rounded to its grid 2**-grid."""
    parts = []
    for grid in grids:
        unit = _BITS - grid
        part = (number + (1 << (unit - 1))) >> unit
        parts.append(part * 2.0**-grid)
        number -= part << unit
    return tuple(parts)
