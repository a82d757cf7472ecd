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
    """Compute the table in integers; takes about 20 ms, once, at first use.

    log((k + 1) / k) = 2 atanh(1 / (2 k + 1)) is summed in units of 2**-200; 4096 truncated sums of fewer
    than nine terms are off by less than 2**-184.
    """
    logarithm = 0
    entries = [_three_doubles(0)]
    for k in range(STEPS, 2 * STEPS):
        logarithm += _log_of_next(k)
        entries.append(_three_doubles(logarithm))
    return LogTable(*np.array(entries).T.copy())


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


def _three_doubles(number: int) -> tuple[float, ...]:
    parts = []
    for grid in _GRIDS:
        unit = _BITS - grid
        part = (number + (1 << (unit - 1))) >> unit
        parts.append(part * 2.0**-grid)
        number -= part << unit
    return tuple(parts)
