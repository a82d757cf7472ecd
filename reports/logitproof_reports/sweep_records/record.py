"""The record of a sweep: the measurements of each unit of rows, in a file of JSON lines.

The first line is the head: what was swept where, and the plan, which says of each function what rows there are to be.
Each further line is a unit. Lines are sorted, and no line says when or by whom it was made: records of the same sweep
are the same bytes, whoever worked on it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.ops import OPS, QUANTITIES
from logitproof_reports.runs.checked_facts import TEXTS
from logitproof_reports.runs.input_files import opened, read_whole
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.shapes import ANY, Predicate, parse, unfit
from logitproof_reports.runs.whole_files import write_text_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from logitproof_reports.runs.shapes import Shape

KIND = "logitproof_sweep"
VERSION = 1

COUNTS = ("rows", "numbers", "not_rounded", "broken", "lost", "not_finite", "limits", "limits_wrong")
"""What is added up over units."""

MOST_BYTES = 16_000_000
"""Largest record: a unit takes some 700 bytes, and a function has at most 256 units."""


def _number(word: Any) -> float | None:
    try:
        return float.fromhex(word) if isinstance(word, str) else None
    except (ValueError, OverflowError):
        return None


def whole(lowest: int, end: int) -> Predicate:
    """Return what holds of whole numbers from `lowest` to before `end`."""
    return Predicate(
        lambda one: isinstance(one, int) and not isinstance(one, bool) and lowest <= one < end,
        f"a whole number in [{lowest}, {end})",
    )


def among(words: Collection[str]) -> Predicate:
    """Return what holds of these words."""
    return Predicate(lambda one: isinstance(one, str) and one in words, f"one of {', '.join(words)}")


NUMBER = Predicate(lambda word: _number(word) is not None, "a hexadecimal number, or nan")
MEASURE = Predicate(
    lambda word: (_number(word) or 0.0) >= 0.0 and _number(word) is not None, "a measure in hexadecimal"
)
NONE_MEASURED = -1.0
"""The measure of the worst number where there is none: of rows without finite logits, or without an error."""

WORST_MEASURE = Predicate(
    lambda word: MEASURE.holds(word) or _number(word) == NONE_MEASURED, "a measure in hexadecimal, or -1"
)
ROWS = 1 << 32
"""As many has a function of two classes at most."""

COUNT = whole(0, 1 << 40)
WORST: Shape = {"measure": WORST_MEASURE, "row": whole(-1, ROWS), "element": whole(0, 2), "observed": NUMBER}
UNIT: Shape = {
    "function": str,
    "start": whole(0, ROWS),
    **dict.fromkeys(COUNTS, COUNT),
    "bins": [COUNT],
    "slack_at_most": MEASURE,
    **dict.fromkeys(("first_broken", "first_limit"), whole(-1, ROWS)),
    **dict.fromkeys(("ulps", "slack"), WORST),
}
PLANNED: Shape = {
    "op": among(OPS),
    "quantity": among(QUANTITIES),
    "format": among(("float32", "float16", "bfloat16")),
    **dict.fromkeys(("labels", "mode"), str),
    "first": whole(0, ROWS),
    **dict.fromkeys(("rows", "size"), whole(1, ROWS + 1)),
}
ABOUT: Shape = {"framework": str, "version": str, "build": TEXTS}
HEAD: Shape = {
    "adapter": str,
    "framework": ABOUT,
    "environment": {"cpu": (str, type(None))},
    "held_to": {},
    "unit": whole(1, ROWS + 1),
    "plan": {ANY: PLANNED},
}

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
    write_text_atomically(path, "\n".join(lines) + "\n")


def is_record(path: Path) -> bool:
    """Return whether a file begins as a record does."""
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
        head, *units = map(parse, read_whole(path, MOST_BYTES).decode("utf-8").splitlines())
        version = head.pop(KIND)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RunFileError(f"{path} cannot be read: it is not a record of a sweep") from error
    if version != VERSION:
        raise RunFileError(f"{path} is a record of version {version}; this release reads version {VERSION}")
    if why := unfit(head, HEAD, "head") or next(filter(None, map(_unfit_unit, units, count(2))), ""):
        raise RunFileError(f"{path} cannot be read: a line of it is damaged ({why})")
    if len({len(unit["bins"]) for unit in units}) > 1:
        raise RunFileError(f"{path} cannot be read: its units have histograms of different length")
    record = Record(head, units)
    refuse_overlaps(record)
    return record


def _unfit_unit(unit: Any, line: int) -> str:
    return unfit(unit, UNIT, f"line {line}")


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
