"""The summary of a function in a record: counts, a histogram of errors, the worst numbers, broken clauses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .record import COUNTS, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Summary:
    """The summary of a function in a record.

    Attributes
    ----------
    function : str
    counts : dict of str to int
        `COUNTS`.
    bins : list of int
        Numbers by their error in ulps.
    ulps, slack : dict
        The worst number by each: ``measure``, ``row``, ``element``, ``observed``.
    slack_at_most : float
        No slack is larger.
    first_broken, first_limit : int
        Rows; -1 for none.
    planned : int
        How many rows there are to be.
    """

    function: str
    counts: dict[str, int]
    bins: list[int]
    ulps: dict[str, Any]
    slack: dict[str, Any]
    slack_at_most: float
    first_broken: int
    first_limit: int
    planned: int

    @property
    def is_broken(self) -> bool:
        """Whether a clause is."""
        return bool(self.counts["broken"] or self.counts["limits_wrong"])


def summary_of(record: Record, function: str) -> Summary:
    """Return what a record holds of a function; the same whatever units it was measured in."""
    units = record.units_of(function)
    return Summary(
        function,
        {name: sum(int(unit[name]) for unit in units) for name in COUNTS},
        [sum(column) for column in zip(*(unit["bins"] for unit in units), strict=True)] or [0],
        _worst(unit["ulps"] for unit in units),
        _worst(unit["slack"] for unit in units),
        max((float.fromhex(unit["slack_at_most"]) for unit in units), default=0.0),
        _first(unit["first_broken"] for unit in units),
        _first(unit["first_limit"] for unit in units),
        planned=record.head["plan"][function]["rows"],
    )


def is_broken(record: Record) -> bool:
    """Return whether an answer exceeds its bound, or is not what a clause asks of a row that is not finite."""
    return any(summary_of(record, name).is_broken for name in {unit["function"] for unit in record.units})


def _worst(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the worst number, the first row among equals."""
    numbers = [{**one, "measure": float.fromhex(one["measure"])} for one in found]
    nothing = {"measure": -math.inf, "row": -1, "element": 0, "observed": "0x0.0p+0"}
    return min(numbers, key=lambda one: (-one["measure"], one["row"], one["element"]), default=nothing)


def _first(rows: Iterable[int]) -> int:
    return min((row for row in rows if row >= 0), default=-1)
