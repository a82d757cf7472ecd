"""Coverage: what several records hold of one function of a framework, no row of it twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.sweep_records.record import Record
from logitproof_reports.sweep_records.summary import summary_of
from logitproof_reports.sweep_records.words import processor_of
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from logitproof_reports.sweep_records.summary import Summary


@dataclass(frozen=True)
class Coverage:
    """A function of a framework, and the rows of it that were measured.

    Attributes
    ----------
    function : str
        Its id in the plan of `record`.
    record : Record
        The units of all records that count.
    ranges : list of (int, int)
        First row and the one behind the last, in order; none touches the next.
    """

    function: str
    record: Record
    ranges: list[tuple[int, int]]

    @property
    def summary(self) -> Summary:
        """What was measured there."""
        return summary_of(self.record, self.function)

    @property
    def count(self) -> int:
        """How many rows these are."""
        return sum(end - first for first, end in self.ranges)

    @property
    def is_whole(self) -> bool:
        """Whether it is every row."""
        return self.count == int(self.record.head["plan"][self.function]["size"])

    @property
    def rows(self) -> str:
        """The ranges in words.

        >>> planned = {"size": 1 << 32}
        >>> Coverage("f", Record({"plan": {"f": planned}}), [(0x10, 0x20)]).rows
        '0x10:0x20, 3.73e-09 of all'
        """
        if self.is_whole:
            return "every row"
        spelled = ", ".join(f"{first:#x}:{end:#x}" for first, end in self.ranges)
        number = f"{plural(len(self.ranges), 'range')}: " if len(self.ranges) > 1 else ""
        return f"{number}{spelled}, {self.count / self.record.head['plan'][self.function]['size']:.3g} of all"


def coverages(records: Sequence[Record]) -> Iterator[Coverage]:
    """Yield each function of each adapter and processor, with what all records of the same build hold of it.

    The record with the most rows counts, and those of other rows in the same environment are added to it.
    """
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        place = record.head["adapter"], processor_of(record.head["environment"])
        for name in record.head["plan"]:
            if record.units_of(name):
                found.setdefault((*place, name), []).append(record)
    for (*_, name), mine in found.items():
        yield _joined(name, mine)


def _joined(name: str, records: Sequence[Record]) -> Coverage:
    widest, *others = sorted(records, key=lambda record: -_measured(record, name))
    units, ranges = widest.units_of(name), _ranges(widest, name)
    for other in others:
        added = _ranges(other, name)
        if _identity(other) == _identity(widest) and _are_apart(ranges, added):
            units, ranges = [*units, *other.units_of(name)], sorted([*ranges, *added])
    head = {**widest.head, "plan": {name: widest.head["plan"][name]}}
    return Coverage(name, Record(head, units), _merged(ranges))


def _measured(record: Record, name: str) -> int:
    return sum(int(unit["rows"]) for unit in record.units_of(name))


def _ranges(record: Record, name: str) -> list[tuple[int, int]]:
    return [(int(unit["start"]), int(unit["start"]) + int(unit["rows"])) for unit in record.units_of(name)]


def _identity(record: Record) -> dict[str, object]:
    return {name: value for name, value in record.head.items() if name != "plan"}


def _are_apart(ranges: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return all(end <= first or last <= start for start, end in ranges for first, last in others)


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges that do not touch."""
    merged: list[tuple[int, int]] = []
    for first, end in ranges:
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return merged
