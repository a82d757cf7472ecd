"""Starting rows of a search: every kind at which rounding is known to go wrong, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    F64 = NDArray[np.float64]
    Start = Callable[[np.random.Generator, int, int], F64]

PRECISIONS = (11, 24, 24, 24, 53)
"""Digits of the formats that kernels sum in; float32 is the most frequent."""

BORDERS = (4, 8, 16, 32, 64, 128, 256, 1024)
"""Widths of registers, tiles and blocks that kernels sum by."""


def random_rows(rng: np.random.Generator, rows: int, classes: int) -> F64:
    """Return normal logits of standard deviation 3: what a million random rows are."""
    return rng.normal(0.0, 3.0, (rows, classes))


def _scales(rng: np.random.Generator, rows: int, classes: int) -> F64:
    return rng.normal(size=(rows, classes)) * 10.0 ** rng.uniform(-4.0, 2.0, (rows, 1))


def _ties(rng: np.random.Generator, rows: int, classes: int) -> F64:
    return np.repeat(rng.normal(0.0, 10.0, (rows, 1)), classes, axis=1)


def _near_ties(rng: np.random.Generator, rows: int, classes: int) -> F64:
    step = 2.0 ** -rng.integers(2, 24, (rows, 1)).astype(np.float64)
    return _ties(rng, rows, classes) * (1.0 + step * rng.integers(-3, 4, (rows, classes)))


def _one_dominant(rng: np.random.Generator, rows: int, classes: int) -> F64:
    logits = rng.normal(0.0, 1.0, (rows, 1)) + rng.normal(0.0, 0.1, (rows, classes)) * rng.integers(0, 2, (rows, 1))
    logits[np.arange(rows), rng.integers(0, classes, rows)] += rng.uniform(0.0, 100.0, rows)
    return logits


def _geometric_tail(rng: np.random.Generator, rows: int, classes: int) -> F64:
    ratio = 10.0 ** rng.uniform(-3.0, 1.0, (rows, 1))
    sign = np.where(rng.random((rows, 1)) < 0.5, 1.0, -1.0)
    tail: F64 = np.maximum(-ratio * np.arange(classes), -100.0)
    return tail * sign


def _block_borders(rng: np.random.Generator, rows: int, classes: int) -> F64:
    width = rng.choice(BORDERS, (rows, 1))
    place = np.arange(classes) % width
    at_border = (place == 0) | (place == width - 1) if classes > 1 else place == 0
    return np.where(at_border, rng.uniform(-20.0, 20.0, (rows, 1)), rng.uniform(-20.0, 20.0, (rows, 1)))


def _two_levels(rng: np.random.Generator, rows: int, classes: int) -> F64:
    share = rng.random((rows, 1)) ** 3
    return np.where(rng.random((rows, classes)) < share, 0.0, -rng.uniform(0.0, 110.0, (rows, 1)))


def _absorbed(rng: np.random.Generator, rows: int, classes: int) -> F64:
    """Return rows of which each block begins with a term of 1 and goes on with terms of half an ulp of it.

    A sum of a block in any number of lanes loses a term at each addition to the lane of the 1, or rounds it up to a
    whole ulp. So it is as wrong as its order allows, by a unit roundoff for each addition in a row.
    """
    block = rng.choice((classes, classes, classes, 128, 1024), (rows, 1))
    depth = rng.choice(PRECISIONS, (rows, 1)) * np.log(2.0) + rng.uniform(-0.1, 0.1, (rows, 1))
    return np.where(np.arange(classes) % block == 0, 0.0, -depth)


def _offset(rng: np.random.Generator, rows: int, classes: int) -> F64:
    offset: F64 = 10.0 ** rng.uniform(0.0, 7.0, (rows, 1)) * rng.choice([-1.0, 1.0], (rows, 1))
    return offset + rng.normal(0.0, 3.0, (rows, classes))


STARTS: dict[str, Start] = {
    "random": random_rows,
    "scales": _scales,
    "ties": _ties,
    "near ties": _near_ties,
    "one dominant": _one_dominant,
    "geometric tail": _geometric_tail,
    "block borders": _block_borders,
    "two levels": _two_levels,
    "absorbed": _absorbed,
    "offset": _offset,
}
"""Rows of logits by kind: a generator, how many rows, how many classes."""


def mixed(rng: np.random.Generator, rows: int, classes: int) -> F64:
    """Return rows of every kind, as many of each as there is room for, the last kinds first where there is little."""
    kinds = [list(STARTS.values())[place] for place in rng.permutation(len(STARTS))]
    counts = np.bincount(np.arange(rows) % len(kinds), minlength=len(kinds))
    parts = [kind(rng, int(count), classes) for kind, count in zip(kinds, counts, strict=True) if count]
    return np.concatenate(parts)
