"""Rows on which kernels break: special values at the borders of vectors, tiles and blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import Format

    F64 = NDArray[np.float64]
    Generator = np.random.Generator

SPREAD = 1.7
"""Standard deviation of ordinary logits."""


@dataclass(frozen=True)
class Spot:
    """Where in a row of a format something is put.

    Attributes
    ----------
    at : int
        A class.
    tile : slice
        Classes of a tile; never all.
    format : Format
    random : numpy.random.Generator
    """

    at: int
    tile: slice
    format: Format
    random: Generator


@dataclass(frozen=True)
class Recipe:
    """A kind of row.

    Attributes
    ----------
    name : str
        What it is called in a verdict; ``{at}`` and ``{tile}`` are filled in.
    fill : callable (row, Spot)
        Changes a row of ordinary logits.
    is_finite : bool
        Whether it holds finite logits alone.
    least : int
        The fewest classes for which it makes sense.
    """

    name: str
    fill: Callable[[F64, Spot], None]
    is_finite: bool = True
    least: int = 2


def _put(number: float) -> Callable[[F64, Spot], None]:
    def fill(row: F64, spot: Spot) -> None:
        row[spot.at] = number

    return fill


LARGEST = 2.0**599
"""Largest logit, also for float64: beyond it the oracle evaluates row by row."""


def _largest(row: F64, spot: Spot) -> None:
    row[spot.at] = min(spot.format.largest, LARGEST)


def _lowest(row: F64, spot: Spot) -> None:
    row[spot.at] = -min(spot.format.largest, LARGEST)


def _equal(row: F64, spot: Spot) -> None:
    del spot
    row[:] = 1.0


def _moved(offset: float) -> Callable[[F64, Spot], None]:
    def fill(row: F64, spot: Spot) -> None:
        del spot
        row += offset

    return fill


def _tail(depth: float) -> Callable[[F64, Spot], None]:
    def fill(row: F64, spot: Spot) -> None:
        row[:] = spot.random.normal(0.0, 0.05, row.shape) - depth
        row[spot.at] = 0.0

    return fill


def _tile_out(row: F64, spot: Spot) -> None:
    row[spot.tile] = -np.inf


def _tile_left(row: F64, spot: Spot) -> None:
    kept = row[spot.tile].copy()
    row[:] = -np.inf
    row[spot.tile] = kept


def _one_left(row: F64, spot: Spot) -> None:
    row[:] = -np.inf
    row[spot.at] = 2.0


def _rising(row: F64, spot: Spot) -> None:
    del spot
    row[:] = np.linspace(-30.0, 30.0, len(row))


def _falling(row: F64, spot: Spot) -> None:
    del spot
    row[:] = np.linspace(30.0, -30.0, len(row))


def _saw(row: F64, spot: Spot) -> None:
    """Let every tile begin with a greater leader than the one before."""
    step = max(spot.tile.stop - spot.tile.start, 1)
    leaders = row[::step]
    leaders += np.linspace(0.0, 40.0, len(leaders))


def _pair(row: F64, spot: Spot) -> None:
    row[[spot.at, (spot.at + len(row) // 2) % len(row)]] = 15.0


def _even_fall(row: F64, spot: Spot) -> None:
    """Let the logits fall by 110 in even steps, so that every exponent down to the smallest number is taken."""
    row[:] = np.roll(-110.0 * np.arange(len(row)) / max(len(row) - 1, 1), spot.at)


def _close(row: F64, spot: Spot) -> None:
    row[:] = spot.random.uniform(1.0, 1.002, row.shape)


RECIPES = (
    Recipe("a leader of 12 at class {at}", _put(12.0)),
    Recipe("a leader of 800 at class {at}", _put(800.0)),
    Recipe("NaN at class {at}", _put(np.nan), is_finite=False),
    Recipe("-inf at class {at}", _put(-np.inf), is_finite=False),
    Recipe("classes {tile} at -inf", _tile_out, is_finite=False, least=3),
    Recipe("all classes equal", _equal),
    Recipe("all but class {at} lower by 16", _tail(16.0)),
    Recipe("all but class {at} lower by 12", _tail(12.0)),
    Recipe("the largest number at class {at}", _largest),
    Recipe("all logits below -300", _moved(-300.0)),
    Recipe("+inf at class {at}", _put(np.inf), is_finite=False),
    Recipe("all but classes {tile} at -inf", _tile_left, is_finite=False, least=3),
    Recipe("all but class {at} lower by 20", _tail(20.0)),
    Recipe("rising logits", _rising),
    Recipe("all but class {at} at -inf", _one_left, is_finite=False),
    Recipe("leaders that rise from tile to tile", _saw),
    Recipe("all but class {at} lower by 30", _tail(30.0)),
    Recipe("all logits below -2e4", _moved(-2.0e4)),
    Recipe("two equal leaders, one at class {at}", _pair),
    Recipe("all but class {at} lower by 80", _tail(80.0)),
    Recipe("the lowest number at class {at}", _lowest),
    Recipe("falling logits", _falling),
    Recipe("all but class {at} lower by 95", _tail(95.0)),
    Recipe("all logits past 1e4", _moved(1.0e4)),
    Recipe("logits that fall evenly by 110 from class {at} on", _even_fall),
    Recipe("logits that differ by less than 0.002", _close),
    Recipe("ordinary logits", _moved(0.0), least=1),
)
"""In order of priority, for widths with only a few rows."""
