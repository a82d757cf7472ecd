"""The findings of a diff: similar changes grouped under the worst."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.words.terms import clause_title, question
from logitproof_reports.words.text import escape_control_chars, listed

from .classes import CLASSES, RANK, ChangeClass
from .examples import example_of
from .machine import machine_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compare import Diff

ALIKE = ("adapter", "op", "labels", "quantity", "entry", "clause")
"""Changes of one class that share these words are one finding."""

USUAL = {"axis": "last", "layout": "contiguous", "options": "", "producer": ""}
"""What most cells have, which is not shown."""

_LISTED = 6

MANY_ULPS = 1_000.0
"""Error in ulps from which a result looks wrong even without knowing the bound: three digits are lost."""


@dataclass(frozen=True)
class DiffFinding:
    """Changes of one class that are alike.

    Attributes
    ----------
    change : ChangeClass
        Their class.
    rows : int64 array
        Their rows in the diff, worst first.
    """

    change: ChangeClass
    rows: NDArray[np.int64]

    @property
    def worst(self) -> int:
        """Row of the worst of them."""
        return int(self.rows[0])


def findings_of(diff: Diff, alike: tuple[str, ...] = ALIKE, rows: NDArray[np.int64] | None = None) -> list[DiffFinding]:
    """Return the findings among some rows of a diff, in the order of their first row.

    Parameters
    ----------
    alike : tuple of str
        Columns that the changes of one finding share.
    rows : int64 array, optional
        Rows, worst first. Default: all that differ, as the diff orders them.
    """
    if rows is None:
        rows = np.flatnonzero(diff.rank < RANK["identical"])
    if not rows.size:
        return []
    columns = [diff.words(name) for name in alike]
    shape = (len(CLASSES), *(len(column.words) for column in columns))
    keys = np.ravel_multi_index((diff.rank[rows], *(column.codes[rows] for column in columns)), shape)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    members = np.split(rows[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group))[:-1])
    return [DiffFinding(CLASSES[diff.rank[members[place][0]]], members[place]) for place in np.argsort(first)]


def what_of(diff: Diff, finding: DiffFinding) -> str:
    """Return what was asked in a finding, and where, in words."""
    return f"{asked_of(diff, finding)}, in {where_of(diff, finding)}"


def asked_of(diff: Diff, finding: DiffFinding) -> str:
    """Return what was asked, in words: adapter, question, function, and clauses, the worst with its title."""
    worst = _record(diff, finding.worst)
    single = all(len(distinct(diff, finding, name)) == 1 for name in ("op", "labels", "quantity", "entry"))
    several = filter(None, (some(diff, finding, "op"), some(diff, finding, "quantity"), _entries(diff, finding)))
    asked = question(worst) if single else ", ".join(several)
    clauses = [word for word in distinct(diff, finding, "clause") if word]
    title = clause_title(worst["clause"])
    named = [f"{clauses[0]} ({title})", *clauses[1:]] if clauses and title else clauses
    return escape_control_chars(f"{some(diff, finding, 'adapter')} {asked}, {listed(named) or 'covered by no clause'}")


def _entries(diff: Diff, finding: DiffFinding) -> str:
    """Return which other functions than the ordinary ones a finding is of; empty if it is of none."""
    named = some(diff, finding, "entry")
    return f"{'also ' if '' in distinct(diff, finding, 'entry') else ''}via {named}" if named else ""


def where_of(diff: Diff, finding: DiffFinding) -> str:
    """Return modes, formats and regimes of a finding, and what else is unusual of all its cells."""
    unusual = [
        f"{name} {some(diff, finding, name)}"
        for name, usual in USUAL.items()
        if usual not in distinct(diff, finding, name)
    ]
    return "; ".join(filter(None, (*(some(diff, finding, name) for name in ("mode", "format", "regime")), *unusual)))


def distinct(diff: Diff, finding: DiffFinding, name: str) -> list[str]:
    """Return the distinct words of a column in a finding, the worst's first."""
    column = diff.words(name)
    codes, first = np.unique(column.codes[finding.rows], return_index=True)
    return [column.words[code] for code in codes[np.argsort(first)]]


def some(diff: Diff, finding: DiffFinding, name: str) -> str:
    """Return the words of a column in a finding as a list in prose; only the first few."""
    words = [word for word in distinct(diff, finding, name) if word]
    left = len(words) - _LISTED
    return listed([*words[:_LISTED], f"{left} more"] if left > 0 else words)


def movement(diff: Diff, row: int) -> str:
    """Return one change in words: the row before and after, the exact answer, errors, the machine's part."""
    before, after = diff.sides(row)
    allowed = _allowed(before, after) if before and after else ""
    machine = machine_of(diff, row)
    explained = f"explained by {machine}" if machine else ""
    return "; ".join(filter(None, (example_of(diff, row).sentence, allowed, explained)))


def _allowed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return that the bound allows an error of many ulps; empty if it does not, or where they are few."""
    grown = MANY_ULPS <= max(before["ulps"], after["ulps"]) < math.inf
    if not grown or not all(side["verdict"] == "conforms" and side["slack"] <= 1 for side in (before, after)):
        return ""
    smallest = FORMATS[after["format"]].smallest_normal if after["format"] in FORMATS else 0.0
    tiny = abs(_value(after["exact"])) < smallest
    return f"the bound allows it{', because the exact value is below the smallest normal number' if tiny else ''}"


def _value(spelled: str) -> float:
    """Return a number as it was recorded, without its tail."""
    return float.fromhex(spelled.split(maxsplit=1)[0])


def _record(diff: Diff, row: int) -> dict[str, Any]:
    before, after = diff.sides(row)
    return after or before
