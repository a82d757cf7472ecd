"""What of a diff its verdict tells: changes that are alike in one line, as finely as there is room, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from .diff_classes import CLASSES, RANK
from .diff_findings import findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .diff import Diff
    from .diff_findings import DiffFinding

COARSER = (("adapter", "clause"), ("adapter", "op", "entry"), ("adapter",), ())
"""What the changes of one line share, where there is room for fewer and fewer lines."""

BY_FUNCTION = ("no longer supported", "no longer judged", "newly supported", "newly judged", "moved within the bound")
"""Classes of whole cells or regimes, of which no clause has a line of its own."""

_LAST = "newly judged"
"""The last class of which every change is told."""

_MOVED = "moved within the bound"
_ACCURATE, _INACCURATE = 10.0, 1_000.0
"""Within its bound a change is told where the error passes from one to the other, in ulps: three digits won or lost."""


def told_within(diff: Diff, room: int) -> list[DiffFinding]:
    """Return findings in at most `room` lines: each class takes what is left when every class after it has a line."""
    told: list[DiffFinding] = []
    groups = list(_groups(diff))
    for after, rows in zip(reversed(range(len(groups))), groups, strict=True):
        mine = max(1, room - len(told) - after)
        levels = COARSER[1:] if CLASSES[diff.rank[rows[0]]].name in BY_FUNCTION else COARSER
        told += next(found for level in levels if len(found := findings_of(diff, level, rows)) <= mine)
    return told[:room]


def _groups(diff: Diff) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each class that is told, worst first; at last digits lost and won within bounds."""
    for rank in range(RANK[_LAST] + 1):
        if (rows := np.flatnonzero(diff.rank == rank)).size:
            yield rows
    rows = np.flatnonzero(diff.rank == RANK[_MOVED])
    before, after = (pc.fill_null(diff.column(side, "ulps").take(rows), np.nan).to_numpy() for side in ("b", "a"))
    for good, bad in ((before, after), (after, before)):
        chosen = np.flatnonzero((good <= _ACCURATE) & (bad >= _INACCURATE))
        if chosen.size:
            yield rows[chosen[np.argsort(-bad[chosen], kind="stable")]]
