"""The accuracy grades in a run: one per cell, by framework, function, format and mode."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from logitproof_reports.counting.run_table import Judged

CLAUSE = "ACC-1"
_GRADE = re.compile(r"grade ([A-D])")


@dataclass(frozen=True)
class Grade:
    """The accuracy grade of one cell.

    Attributes
    ----------
    framework, mode, op, labels, quantity, format, entry : str
        The words of the cell.
    grade : str
        ``A`` to ``D``, that of its worst number.
    numbers : int
        How many numbers were graded.
    ratio, ulps : float
        The largest error over the bound of grade A among the numbers of that grade; the largest error in ulps.
    reason : str
        How many numbers have each grade, and the worst one; empty for grade A.
    """

    framework: str
    mode: str
    op: str
    labels: str
    quantity: str
    format: str
    entry: str
    grade: str
    numbers: int
    ratio: float
    ulps: float
    reason: str


def grades_of(judged: Judged) -> list[Grade]:
    """Return the grades of a run, in the order of its cells; none from files of releases that gave none."""
    rows = judged.table.filter(pc.equal(judged.table["clause"], CLAUSE)).to_pylist()
    return [
        Grade(
            framework=row["adapter"],
            **{name: row[name] for name in ("mode", "op", "labels", "quantity", "format", "entry")},
            grade=found[1],
            numbers=row["elements"],
            ratio=row["slack"],
            ulps=row["ulps"],
            reason=row["reason"],
        )
        for row in rows
        if (found := _GRADE.fullmatch(row["accuracy_class"]))
    ]


def counted(grades: Iterable[Grade], framework: str, format_: str) -> str:
    """Return how many cells of a framework in a format have each grade: ``3 A, 1 D``; empty for none."""
    counts = Counter(one.grade for one in grades if (one.framework, one.format) == (framework, format_))
    return ", ".join(f"{counts[letter]} {letter}" for letter in sorted(counts))
