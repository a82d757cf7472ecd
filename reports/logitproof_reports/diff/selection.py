"""What of a diff its verdict tells: changes that are alike in one line, as finely as there is room, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from .classes import RANK
from .findings import findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .compare import Diff
    from .findings import DiffFinding

BY_CLAUSE, BY_FUNCTION = ("adapter", "clause"), ("adapter", "op", "entry")
"""What the changes of one line share: a clause that several functions break, or a function that breaks several."""

COARSER = (("adapter",), ())
"""What they share where there is room for fewer lines."""

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
        told += _gathered(diff, rows, max(1, room - len(told) - after))
    for rows in _digits_moved(diff):
        told += _gathered(diff, rows, max(1, room - len(told)))
    return told[:room]


def _gathered(diff: Diff, rows: NDArray[np.int64], room: int) -> list[DiffFinding]:
    """Return the findings of one class: by clause or by function, whichever takes fewer lines, or coarser."""
    found = min((findings_of(diff, alike, rows) for alike in (BY_CLAUSE, BY_FUNCTION)), key=len)
    coarser = (findings_of(diff, alike, rows) for alike in COARSER)
    return found if len(found) <= room else next(one for one in coarser if len(one) <= room)


def _groups(diff: Diff) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each class of which every change is told, worst first."""
    for rank in range(RANK[_LAST] + 1):
        if (rows := np.flatnonzero(diff.rank == rank)).size:
            yield rows


def _digits_moved(diff: Diff) -> Iterator[NDArray[np.int64]]:
    """Yield the rows that lost digits within their bound, and those that won some."""
    rows = np.flatnonzero(diff.rank == RANK[_MOVED])
    before, after = (pc.fill_null(diff.column(side, "ulps").take(rows), np.nan).to_numpy() for side in ("b", "a"))
    for good, bad in ((before, after), (after, before)):
        chosen = np.flatnonzero((good <= _ACCURATE) & (bad >= _INACCURATE) & np.isfinite(bad))
        if chosen.size:
            yield rows[chosen[np.argsort(-bad[chosen], kind="stable")]]
