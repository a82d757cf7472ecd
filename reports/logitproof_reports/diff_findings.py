"""The findings of a diff: changes that are alike told once, by the worst of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .diff_classes import CLASSES, RANK, ChangeClass
from .outcomes import decimal, from_hex, visible
from .terms import clause_title, question
from .verdict import listed, plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .diff import Diff

ALIKE = ("adapter", "op", "labels", "quantity", "entry", "clause")
"""Changes of one class that share these words are one finding."""

COARSER = (ALIKE, ("adapter", "op", "entry", "quantity"), ("adapter", "op", "entry"), ("adapter",), ())
"""What findings share when there is room for fewer and fewer."""

_LISTED = 5
_REASON_CHARACTERS = 160


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


def findings_of(diff: Diff, alike: tuple[str, ...] = ALIKE, upto: str = "bits changed") -> list[DiffFinding]:
    """Return the findings of the classes down to `upto`, worst first."""
    rows = np.flatnonzero(diff.rank <= RANK[upto])
    if not rows.size:
        return []
    columns = [diff.words(name) for name in alike]
    shape = (len(CLASSES), *(len(column.words) for column in columns))
    keys = np.ravel_multi_index((diff.rank[rows], *(column.codes[rows] for column in columns)), shape)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    members = np.split(rows[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group))[:-1])
    # Rows stand worst first, and so do findings by their first row.
    return [DiffFinding(CLASSES[diff.rank[members[place][0]]], members[place]) for place in np.argsort(first)]


def findings_within(diff: Diff, room: int, upto: str) -> list[DiffFinding]:
    """Return findings that name every change down to `upto`, as finely as `room` lines allow."""
    for alike in COARSER:
        found = findings_of(diff, alike, upto)
        if len(found) <= room:
            break
    return found


def headline_of(diff: Diff, finding: DiffFinding) -> str:
    """Return a finding in a line: how many, of what, where, and the worst of it before and after."""
    worst = _record(diff, finding.worst)
    number = plural(len(finding.rows), "judgement")
    place = visible(f"{worst['cell']}, {worst['regime']}")
    return f"{number} of {what_of(diff, finding)}; worst {place}: {movement(diff, finding.worst)}"


def what_of(diff: Diff, finding: DiffFinding) -> str:
    """Return what was asked in a finding, in words: adapter, question, function, clauses and where."""
    worst = _record(diff, finding.worst)
    adapters, ops, entries, clauses = (some(diff, finding, name) for name in ("adapter", "op", "entry", "clause"))
    single = all(len(distinct(diff, finding, name)) == 1 for name in ("op", "labels", "quantity"))
    asked = question(worst) if single else ops
    entry = f" ({entries})" if entries else ""
    title = f" ({clause_title(worst['clause'])})" if len(distinct(diff, finding, "clause")) == 1 else ""
    return visible(f"{adapters} {asked}{entry}, {clauses}{title}, in {where_of(diff, finding)}")


def where_of(diff: Diff, finding: DiffFinding) -> str:
    """Return modes, formats and regimes of a finding."""
    return "; ".join(filter(None, (some(diff, finding, name) for name in ("mode", "format", "regime"))))


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
    """Return one change in words: what was observed before and after, the exact answer, and the errors."""
    before, after = diff.sides(row)
    told = after or before
    if not (before.get("observed") and after.get("observed")):
        other = {} if before and after else diff.instead(row)
        return visible(f"{_state(before, other)} -> {_state(after, other)}")
    ulps = f"{decimal(before['ulps'])} -> {decimal(after['ulps'])} ulps"
    unit = "nats" if told["quantity"] == "value" and told["op"] != "softmax" else "absolute"
    size = f"{decimal(before['nats'])} -> {decimal(after['nats'])} {unit}"
    was, came, exact = (from_hex(text) for text in (before["observed"], after["observed"], after["exact"]))
    if before["exact"] == after["exact"]:
        return visible(f"{was} -> {came}, exact {exact}; {ulps}, {size}")
    # The worst element is another one, and the two numbers would not compare.
    return visible(f"{ulps}, {size}; now {came} where {exact} is exact")


def _state(record: dict[str, Any], instead: dict[str, Any]) -> str:
    """Return a verdict in words; of rows that another clause judges there, that one's."""
    if not record:
        return f"{instead['clause']} {_state(instead, {})}" if instead else "not judged"
    reason, slack = str(record["reason"])[:_REASON_CHARACTERS], float(record["slack"])
    beside = f" ({reason})" if reason else "" if math.isnan(slack) else f", slack {decimal(slack)}"
    return f"{record['verdict']}{beside}"


def _record(diff: Diff, row: int) -> dict[str, Any]:
    before, after = diff.sides(row)
    return after or before
