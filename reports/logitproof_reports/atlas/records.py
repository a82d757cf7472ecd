"""Records of sweeps: what was measured of each unit of rows, in a file of JSON lines, and how they are merged.

The first line is the head: what was swept where, and the plan, which says of each function what rows there are to be.
Each further line is a unit. Lines are sorted, and no line says when or by whom it was made: records of the same sweep
are the same bytes, whoever worked on it.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.input_files import opened, read_whole
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.whole_files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

KIND = "logitproof_sweep"
VERSION = 1

COUNTS = ("rows", "numbers", "not_rounded", "broken", "lost", "not_finite", "limits", "limits_wrong")
"""What is added up over units."""

Unit = dict[str, Any]
"""``function`` (its id), ``start``, `COUNTS`, ``bins``, ``slack_at_most``, ``first_broken`` and ``first_limit`` (rows,
-1 for none), ``ulps`` and ``slack`` (each ``measure``, ``row``, ``element``, ``observed``); numbers are hexadecimal."""


@dataclass(frozen=True)
class Record:
    """A sweep, or a part of one.

    Attributes
    ----------
    head : dict
        ``adapter``, ``framework`` (framework, version, build), ``environment``, ``held_to`` (an `Arithmetic`), ``unit``
        (rows of a unit) and ``plan``: by function its words, ``first`` row, number of ``rows``, and ``size``, how many
        rows there are at all.
    units : list of dict
    """

    head: dict[str, Any]
    units: list[Unit] = field(default_factory=list)

    @property
    def missing(self) -> dict[str, int]:
        """How many planned rows are not there, by function; only where some are not."""
        covered = {name: sum(unit["rows"] for unit in self.units_of(name)) for name in self.head["plan"]}
        planned = {name: one["rows"] for name, one in self.head["plan"].items()}
        return {name: rows - covered[name] for name, rows in planned.items() if rows > covered[name]}

    def units_of(self, function: str) -> list[Unit]:
        """Return the units of a function, in the order of their rows."""
        found = [unit for unit in self.units if unit["function"] == function]
        return sorted(found, key=lambda unit: int(unit["start"]))


def key_of(identity: Mapping[str, Any], function: str, start: int, rows: int) -> str:
    """Return the address of a unit: what it is of decides it, nothing else."""
    content = json.dumps([KIND, VERSION, dict(identity), function, start, rows], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def write_record(path: Path, record: Record) -> None:
    """Write a record whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    head = {KIND: VERSION, **record.head}
    units = sorted(record.units, key=lambda unit: (unit["function"], unit["start"]))
    lines = [json.dumps(one, sort_keys=True) for one in (head, *units)]
    with write_atomically(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def is_record(path: Path) -> bool:
    """Tell whether a file begins as a record does."""
    try:
        with opened(path) as file:
            return f'"{KIND}"'.encode() in file.readline(1 << 20)
    except RunFileError:  # no regular file, or none at all: whoever reads it as something else tells
        return False


def read_record(path: Path) -> Record:
    """Read a record.

    Raises
    ------
    RunFileError
        It cannot be read, or is none.
    """
    try:
        head, *units = map(json.loads, read_whole(path).decode("utf-8").splitlines())
        version = head.pop(KIND)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise RunFileError(f"{path} cannot be read: it is no record of a sweep") from error
    if version != VERSION:
        raise RunFileError(f"{path} is a record of version {version}; this release reads version {VERSION}")
    record = Record(head, units)
    try:
        refuse_overlaps(record)
        all(summary_of(record, name) for name in head["plan"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RunFileError(f"{path} cannot be read: a line of it is damaged ({error!r})") from error
    return record


def refuse_overlaps(record: Record) -> None:
    """Raise `RunFileError` where a row would be counted twice, or lies outside the plan."""
    for name in {unit["function"] for unit in record.units}:
        if name not in record.head["plan"]:
            raise RunFileError(f"{name} is not in the plan of the sweep")
        planned = record.head["plan"][name]
        end, limit = planned["first"], planned["first"] + planned["rows"]
        for unit in record.units_of(name):
            if unit["start"] < end:
                raise RunFileError(f"rows from {unit['start']:#x} on of {name} are there twice, or not in the plan")
            end = unit["start"] + unit["rows"]
        if end > limit:
            raise RunFileError(f"rows up to {end:#x} of {name} are not in the plan, which ends at {limit:#x}")


def merge(records: Sequence[Record]) -> Record:
    """Join parts of one sweep; nothing is missing then, and no row counted twice.

    Raises
    ------
    RunFileError
        They are not of one sweep, a row is there twice, or one is missing.
    """
    first, *others = records
    for other in others:
        different = [name for name in first.head if first.head[name] != other.head.get(name)]
        if different:
            raise RunFileError(f"the records are not of one sweep: they differ in {', '.join(different)}")
    whole = Record(first.head, [unit for record in records for unit in record.units])
    refuse_overlaps(whole)
    if whole.missing:
        name, rows = next(iter(whole.missing.items()))
        raise RunFileError(f"{rows:,} rows of {name} are missing: pass the other parts too")
    return whole


@dataclass(frozen=True)
class Summary:
    """What a record holds of a function.

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
    def is_whole(self) -> bool:
        """Whether every row is there."""
        return self.counts["rows"] == self.planned

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
    """Tell whether an answer exceeds its bound, or is not what a clause asks of a row that is not finite."""
    return any(summary_of(record, name).is_broken for name in {unit["function"] for unit in record.units})


def _worst(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the worst number, the first row among equals."""
    numbers = [{**one, "measure": float.fromhex(one["measure"])} for one in found]
    nothing = {"measure": -math.inf, "row": -1, "element": 0, "observed": "0x0.0p+0"}
    return min(numbers, key=lambda one: (-one["measure"], one["row"], one["element"]), default=nothing)


def _first(rows: Iterable[int]) -> int:
    return min((row for row in rows if row >= 0), default=-1)
