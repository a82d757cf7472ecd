"""Hill climbing over rows: the worst are kept and mutated, with some new ones, until time is up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof.searches.changes import changed
from logitproof.searches.rows import Rows, completed, joined
from logitproof.searches.scores import scored
from logitproof.searches.starts import STARTS, mixed, random_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64

LOGITS = 1 << 16
"""Number of logits that are evaluated at a time."""

KEPT_SHARE, NEW_SHARE = 8, 8
"""One row in this many is kept, and one in this many is new."""

FEWEST = 4
"""Rows at a time, however wide."""

MOST = 1 << 13

OF_A_KIND = 4
"""Rows of each kind at the beginning, at least."""


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes
    ----------
    row : Rows
        The worst one.
    score : float
        Its measure.
    rows, generations : int
        How many were evaluated.
    history : list of (int, float)
        After how many rows each better one was found.
    """

    row: Rows
    score: float
    rows: int
    generations: int
    history: list[tuple[int, float]]


def batch_of(classes: int) -> int:
    """Return how many rows are evaluated at a time."""
    return int(np.clip(LOGITS // classes, FEWEST, MOST))


def search(
    adapter: Adapter,
    cell: Cell,
    classes: int,
    *,
    measure: str = "ulps",
    seconds: float = 60.0,
    seed: int = 0,
    told: Callable[[float, int, float], None] = lambda _seconds, _rows, _score: None,
) -> Found:
    """Look for the row with the largest measure.

    Parameters
    ----------
    measure : str
        Of `scores.MEASURES`.
    told : callable
        Is told after each generation of the seconds that are left, the rows so far, and the best measure.
        A KeyboardInterrupt that it or anything else raises ends the search with what was found.
    """
    rng = np.random.default_rng(seed)
    count = batch_of(classes)
    kept, new = max(count // KEPT_SHARE, 1), max(count // NEW_SHARE, 1)
    end = time.monotonic() + seconds
    parts = list(_first_rows(cell, classes, count, rng))
    best, scores = joined(parts), np.concatenate([_scores(adapter, cell, part, measure) for part in parts])
    history, evaluated, generations = [(len(best), float(scores.max()))], len(best), 1
    try:
        while (left := end - time.monotonic()) > 0.0:
            order = np.argsort(-scores, kind="stable")[:kept]
            best, scores = best.take(order), scores[order]
            told(left, evaluated, float(scores[0]))
            parents = best.take(rng.integers(0, len(best), count - new))
            tried = joined([changed(rng, parents), completed(cell, mixed(rng, new, classes), rng)])
            found = _scores(adapter, cell, tried, measure)
            evaluated, generations = evaluated + count, generations + 1
            if found.max() > scores[0]:
                history.append((evaluated, float(found.max())))
            best, scores = joined([best, tried]), np.concatenate([scores, found])
    except KeyboardInterrupt:
        pass
    at = int(scores.argmax())
    return Found(best.take(slice(at, at + 1)), float(scores[at]), evaluated, generations, history)


def _first_rows(cell: Cell, classes: int, count: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Yield rows of every kind, however few are evaluated at a time."""
    rows = completed(cell, mixed(rng, max(count, OF_A_KIND * len(STARTS)), classes), rng)
    yield from (rows.take(slice(first, first + count)) for first in range(0, len(rows), count))


def random_best(adapter: Adapter, cell: Cell, classes: int, rows: int, *, measure: str, seed: int) -> float:
    """Return the largest measure of random rows: what a search is compared with."""
    rng = np.random.default_rng(seed)
    count, worst = batch_of(classes), 0.0
    for _ in range(0, rows, count):
        found = _scores(adapter, cell, completed(cell, random_rows(rng, count, classes), rng), measure)
        worst = max(worst, float(found.max()))
    return worst


def _scores(adapter: Adapter, cell: Cell, rows: Rows, measure: str) -> F64:
    return scored(adapter, cell, rows).of_rows(measure)
