"""The verdict on a diff: ten lines, the first of which decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reports.counting.verdict import plural

from .classes import CLASSES, RANK
from .environment import differences, subject
from .findings import headline_of
from .selection import told_within

if TYPE_CHECKING:
    from .compare import Diff
    from .ruling import Ruling

LINES = 10

_COUNTED = {
    "identical": "identical in bits",
    "moved within the bound": "moved within their bounds",
    "bits changed": "with different bits",
}
"""Classes that say nothing bad, as the first line counts them; the others go by their names."""


def verdict_lines(diff: Diff, ruling: Ruling) -> list[str]:
    """Return the verdict, at most `LINES` lines.

    The first says whether the candidate is safe and counts the cells, each by its worst judgement. Then come the
    complaints, what changed (the more there is, the more is told together), and what else differs.
    """
    surroundings = _surroundings(diff)
    complaints = ruling.complaints[: LINES - 3]
    room = LINES - 1 - len(complaints) - len(surroundings)
    told = [f"{one.change.name}: {headline_of(diff, one)}" for one in told_within(diff, room)]
    return [headline(diff, ruling), *complaints, *told, *surroundings]


def headline(diff: Diff, ruling: Ruling) -> str:
    """Return the first line: ``safe: jax 0.9.2 -> 0.10.2: 2,113 cells identical in bits, 1 regressed``."""
    cells = diff.cells_by_class()
    asked = {name: number for name, number in cells.items() if RANK[name] <= RANK["identical"]}
    harmless = [f"{asked[name]:,} {words}" for name, words in _COUNTED.items() if name in asked]
    others = [f"{number:,} {name}" for name, number in asked.items() if name not in _COUNTED]
    if not asked:
        counted = "nothing compared"
    elif set(asked) == {"identical"}:
        counted = f"all {plural(asked['identical'], 'cell')} identical in bits"
    else:
        counted = f"of {plural(sum(asked.values()), 'cell')} " + ", ".join(harmless + others)
    word = "safe" if ruling.safe else "not safe"
    return f"{word}: {subject(diff.before, diff.after)}: {counted}{_waived(ruling)}{_partly(diff)}"


def _waived(ruling: Ruling) -> str:
    number = sum(waived.number for waived in ruling.waived)
    return f"; {plural(number, 'change')} waived" if number else ""


def _partly(diff: Diff) -> str:
    partly = [name for name, run in (("baseline", diff.before), ("candidate", diff.after)) if not run.complete]
    return f" (incomplete: the {' and the '.join(partly)})" if partly else ""


def _surroundings(diff: Diff) -> list[str]:
    different = [one.sentence for one in differences(diff.before, diff.after)]
    changed = bool(np.isin(diff.rank, [rank for rank in range(len(CLASSES)) if rank < RANK["identical"]]).any())
    if not different:
        return ["Nothing else differs between the environments."] if changed else []
    return [f"What else differs: {', '.join(different)}."]
