"""The errors before and after as a picture: dots sized by the number of judgements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from .classes import RANK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compare import Diff

SIZE = 420
"""Width and height of the field, in the units of the drawing."""

_BINS = 30
_LOWEST, _HIGHEST = -3.0, 9.0
"""Powers of ten of an ulp at the edges; what lies beyond is drawn there."""


@dataclass(frozen=True)
class Dot:
    """Judgements whose errors are alike; `worse` where the candidate's error is the larger."""

    x: float
    y: float
    radius: float
    worse: bool


@dataclass(frozen=True)
class Tick:
    """A mark on both axes."""

    at: float
    text: str


@dataclass(frozen=True)
class Picture:
    """The drawing, and how many judgements are in it."""

    dots: list[Dot]
    ticks: list[Tick]
    number: int


def picture_of(diff: Diff) -> Picture:
    """Draw the judgements that differ and were measured in both runs."""
    before, after = (pc.fill_null(diff.column(side, "ulps"), np.nan).to_numpy() for side in ("b", "a"))
    shown = (diff.rank < RANK["identical"]) & ~np.isnan(before) & ~np.isnan(after)
    places = np.stack([_bin(before[shown]), _bin(after[shown])], axis=1)
    bins, numbers = np.unique(places, axis=0, return_counts=True) if shown.any() else (places, np.zeros(0, np.int64))
    dots = [_dot(int(x), int(y), int(number)) for (x, y), number in zip(bins, numbers, strict=True)]
    ticks = [Tick(_position(_bin(np.array([10.0**power]))[0]), _power(power)) for power in range(-3, 10, 3)]
    return Picture(dots, ticks, int(shown.sum()))


def _bin(ulps: NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(divide="ignore"):
        powers = np.clip(np.log10(ulps), _LOWEST, _HIGHEST)
    binned: NDArray[np.int64] = np.rint((powers - _LOWEST) / (_HIGHEST - _LOWEST) * _BINS).astype(np.int64)
    return binned


def _position(place: float) -> float:
    return round(place / _BINS * SIZE, 1)


def _power(power: int) -> str:
    return {-3: "0.001 or less", 9: "1e9 or more"}.get(power, f"{10.0**power:g}")


def _dot(x: int, y: int, number: int) -> Dot:
    radius = round(2.5 + 2.2 * np.log10(number), 1)
    return Dot(_position(x), round(SIZE - _position(y), 1), radius, y > x)
