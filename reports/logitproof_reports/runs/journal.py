"""The journal of a run in progress: JSON lines, readable whenever the process ends.

Each line carries a checksum of itself and of all before it, so that a line that was altered, lost or moved is seen.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, Self, TypeAlias, TypedDict, cast

from .checked_facts import checked_environments, checked_origins, checked_words
from .input_files import opened, opener_of_regular_files, stat_of, too_large
from .origin import DURATION
from .schema import SCHEMA, SCHEMA_VERSION, Run, RunFileError, record_of, refuse_other_version, table_of_records
from .shapes import misfit, parse
from .values import refuse_faults
from .whole_files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_reference.vocabulary.judgement import Judgement

    from .origin import Origin

JOURNAL_SUFFIX = ".journal"

MOST_BYTES = 500_000_000
"""Largest journal: three times that of the largest run, with its rows of 65,536 classes in full."""

MOST_BYTES_A_LINE = 24_000_000
"""Longest line: a judgement with such a row, or an environment."""


class Header(TypedDict):
    """First line of a journal: what is being run.

    `environment` is what `describe_environment` returned with the ``framework`` part; `total` is the number of
    judgements expected, for progress; `origin` is what `Origin.as_json` returned when the run began.
    """

    environment: dict[str, Any]
    profile: str
    case_set: str
    total: int
    origin: NotRequired[dict[str, Any]]


DONE, GIVEN_UP = "done", "given_up"
"""The marks between judgements: all of a cell that is asked is judged (its id), or the rest of it is not asked."""

MARKS = {DONE, GIVEN_UP}

Line: TypeAlias = "tuple[dict[str, Any], bytes]"
"""What a line says, and the line."""

SECONDS, ELAPSED = "seconds", "elapsed"
"""Fields of a mark: the time of the cell, and of the whole run until then, summed over its processes."""

HEADER: dict[str, Any] = {"environment": {}, "profile": str, "case_set": str}
MARK: dict[str, Any] = {DONE: str, GIVEN_UP: str, SECONDS: DURATION, ELAPSED: DURATION}
RECORD: dict[str, Any] = {
    field.name: {"string": str, "int64": int, "double": (int, float)}[str(field.type)] for field in SCHEMA
}
"""The shapes of lines: the first, those that mark, and judgements."""

_CHECKED = re.compile(rb'(.*), "sum": "([0-9a-f]{8})"\}\n', flags=re.DOTALL)
_LAST_SUM = re.compile(rb'"([0-9a-f]{8})"\}\n\Z')
_SUM_BYTES = 12
"""How a line ends that carries its checksum."""


def with_sum(line: str, before: int) -> tuple[str, int]:
    """Return a line, a JSON object with members, with a checksum that goes on from that of the lines before; and it.

    >>> with_sum('{"done": "a"}', 0)[0]
    '{"done": "a", "sum": "9c222015"}'
    """
    found = zlib.crc32(line.encode("ascii"), before)
    return f'{line[:-1]}, "sum": "{found:08x}"}}', found


class Journal:
    """Appends judgements to a file, each flushed to the system at once; use it as a context manager or close it.

    NaN and infinities are written as Python's json spells them (``NaN``, ``Infinity``). Without a header it goes on
    with the journal that is there.
    """

    def __init__(self, path: str | os.PathLike[str], header: Header | None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._sum = 0 if header else _last_sum(target)
        self._file = open(  # noqa: SIM115  closed by `close`
            target, "w" if header else "a", encoding="ascii", opener=opener_of_regular_files
        )
        if header:
            self._write({"schema_version": SCHEMA_VERSION, **header})

    def end_cell(self, cell: str, *, given_up: bool, seconds: float = 0.0, elapsed: float = 0.0) -> None:
        """Mark that a cell is judged, whether the rest of it was given up, and how long it and all before it took."""
        mark = GIVEN_UP if given_up else DONE
        self._write({mark: cell, SECONDS: round(seconds, 3), ELAPSED: round(elapsed, 3)})

    def append(self, judgement: Judgement) -> None:
        """Add one judgement."""
        self._write(record_of(judgement))

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, record: dict[str, Any]) -> None:
        line, self._sum = with_sum(json.dumps(record), self._sum)
        self._file.write(line + "\n")
        self._file.flush()


def _last_sum(target: Path) -> int:
    """Return the checksum of a journal's last line."""
    with opened(target) as file:
        file.seek(-min(_SUM_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
        found = _LAST_SUM.search(file.read())
    if found is None:
        raise RunFileError(f"{target} is damaged at its end: make the run again")
    return int(found[1], 16)


def read_journal(path: str | os.PathLike[str]) -> Run:
    """Read what a journal holds, as an incomplete run.

    A last line torn by the end of the process is dropped.

    Raises
    ------
    RunFileError
        The header is missing or of another schema version, or a line before the last is damaged.
    """
    target = Path(path)
    header, *lines = (record for record, _ in _complete_lines(target))
    records = [line for line in lines if not line.keys() & MARKS]
    table = table_of_records(records)
    refuse_faults(target, table)
    environments = checked_environments(target, [header["environment"]])
    origins = _origins(target, header)
    return Run(
        table,
        environments,
        *checked_words(target, header),
        complete=False,
        origins=tuple(one.lasting(_elapsed(lines)) for one in origins),
        seconds=_seconds(lines),
    )


def _origins(target: Path, header: dict[str, Any]) -> tuple[Origin, ...]:
    return checked_origins(target, [header["origin"]] if "origin" in header else [])


def _elapsed(lines: Sequence[dict[str, Any]]) -> float:
    return max((line.get(ELAPSED, 0.0) for line in lines if line.keys() & MARKS), default=0.0)


def _seconds(lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    marks = (line for line in lines if line.keys() & MARKS and SECONDS in line)
    return {line.get(DONE, line.get(GIVEN_UP, "")): line[SECONDS] for line in marks}


@dataclass
class ResumePoint:
    """How far the run of a journal is.

    Attributes
    ----------
    header : dict
        Its first line.
    judgements : list of dict
        Of the cells that are judged.
    done, given_up : sets of str
        Those cells, and those of them whose rest was not asked.
    seconds : dict of str to float
        How long each of those cells took.
    elapsed : float
        How long all of them took.
    """

    header: Header
    judgements: list[dict[str, Any]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)
    elapsed: float = 0.0


def is_begun(path: Path) -> bool:
    """Return whether a journal has its first line: without it there is nothing to resume."""
    if stat_of(path) is None:
        return False
    with opened(path) as file:
        return file.readline(MOST_BYTES_A_LINE).endswith(b"\n")


def resume_point(path: str | os.PathLike[str]) -> ResumePoint:
    """Return how far a journal is, and cut off what was judged of a cell that had not ended: it is asked again.

    Doing so twice is doing so once.

    Raises
    ------
    RunFileError
        As `read_journal`.
    """
    target = Path(path)
    lines = _complete_lines(target)
    end = next((i + 1 for i in reversed(range(len(lines))) if lines[i][0].keys() & MARKS), 1)
    with write_atomically(target) as place:
        place.write_bytes(b"".join(line for _, line in lines[:end]))
    header, *kept = (record for record, _ in lines[:end])
    _origins(target, header)  # before all the rest is asked
    given_up = {line[GIVEN_UP] for line in kept if GIVEN_UP in line}
    return ResumePoint(
        cast("Header", header),
        [line for line in kept if not line.keys() & MARKS],
        given_up | {line[DONE] for line in kept if DONE in line},
        given_up,
        _seconds(kept),
        _elapsed(kept),
    )


def _complete_lines(target: Path) -> list[Line]:
    """Return the header and the lines below, all of the shapes that are written; a torn last line is left out."""
    lines = list(_checked_lines(target))
    if not lines:
        raise RunFileError(f"{target} ends within its first line: nothing was measured; make the run again")
    return lines


def _checked_lines(target: Path) -> Iterator[Line]:
    """Yield the lines of a journal one by one, so that what is none is refused at its first line."""
    room, found = MOST_BYTES, 0
    with opened(target) as file:
        for number in count(1):
            line = file.readline(MOST_BYTES_A_LINE)
            room -= len(line)
            if not line.endswith(b"\n"):
                if len(line) == MOST_BYTES_A_LINE:
                    raise RunFileError(f"{target} is damaged at line {number}: make the run again")
                return
            if room < 0:
                raise too_large(target, MOST_BYTES)
            record, found = _checked(target, number, line, found)
            yield record, line


def _checked(target: Path, number: int, line: bytes, before: int) -> tuple[dict[str, Any], int]:
    """Return what a line says, and its checksum, which goes on from that of the lines before."""
    try:
        record = parse(line)
    except ValueError:
        record = None
    if number == 1 and isinstance(record, dict):
        refuse_other_version(target, record.get("schema_version", "none"))
    parts = _CHECKED.fullmatch(line)
    found = zlib.crc32(parts[1] + b"}", before) if parts else 0
    if not isinstance(record, dict) or parts is None or found != int(parts[2], 16):
        raise RunFileError(f"{target} is damaged at line {number}: make the run again")
    del record["sum"]
    _refuse_misfit(target, record, HEADER if number == 1 else MARK if record.keys() & MARKS else RECORD)
    return record, found


def _refuse_misfit(target: Path, line: dict[str, Any], shape: dict[str, Any]) -> None:
    if shape is not MARK and (missing := [name for name in shape if name not in line]):
        raise RunFileError(f"{target} lacks the field {missing[0]!r}: make the run again")
    if why := misfit(line, shape, "line"):
        raise RunFileError(f"{target} holds a value of another type ({why}): make the run again")
