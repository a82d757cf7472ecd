"""The journal of a run in progress: JSON lines, readable whenever the process ends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, cast

from .facts import checked_environments, checked_words
from .input_files import opened, too_large
from .schema import SCHEMA, SCHEMA_VERSION, Run, RunFileError, record_of, refuse_other_version, table_of_records
from .shapes import misfit, parse
from .values import refuse_faults
from .whole_files import write_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from logitproof_reference.vocabulary.judgement import Judgement

JOURNAL_SUFFIX = ".journal"

MOST_BYTES = 500_000_000
"""Of a journal: three times what the largest run writes, whose rows of 65,536 classes are spelled out."""

MOST_BYTES_A_LINE = 32_000_000
"""Of one line: of a judgement with such a row, or of an environment."""


class Header(TypedDict):
    """First line of a journal: what is being run.

    `environment` is what `describe_environment` returned with the ``framework`` part; `total` is the number of
    judgements expected, for progress.
    """

    environment: dict[str, Any]
    profile: str
    case_set: str
    total: int


DONE, GIVEN_UP = "done", "given_up"
"""The marks between judgements: all of a cell that is asked is judged (its id), or the rest of it is not asked."""

MARKS = {DONE, GIVEN_UP}

HEADER: dict[str, Any] = {"environment": {}, "profile": str, "case_set": str}
MARK: dict[str, Any] = {DONE: str, GIVEN_UP: str}
RECORD: dict[str, Any] = {
    field.name: {"string": str, "int64": int, "double": (int, float)}[str(field.type)] for field in SCHEMA
}
"""The shapes of lines: the first, those that mark, and judgements."""


class Journal:
    """Appends judgements to a file, each flushed to the system at once; use it as a context manager or close it.

    NaN and infinities are written as Python's json spells them (``NaN``, ``Infinity``). Without a header it goes on
    with the journal that is there.
    """

    def __init__(self, path: str | os.PathLike[str], header: Header | None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = target.open("w" if header else "a", encoding="ascii")
        if header:
            self._write({"schema_version": SCHEMA_VERSION, **header})

    def end_cell(self, cell: str, *, given_up: bool) -> None:
        """Mark that a cell is judged, and whether the rest of it was given up."""
        self._write({GIVEN_UP if given_up else DONE: cell})

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
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()


def read_journal(path: str | os.PathLike[str]) -> Run:
    """Read what a journal holds, as an incomplete run.

    A last line torn by the end of the process is dropped.

    Raises
    ------
    RunFileError
        The header is missing or of another schema version, or a line before the last is damaged.
    """
    target = Path(path)
    header, *lines = _complete_lines(target)
    records = [line for line in lines if not line.keys() & MARKS]
    table = table_of_records(records)
    refuse_faults(target, table)
    environments = checked_environments(target, [header["environment"]])
    return Run(table, environments, *checked_words(target, header), complete=False)


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
    """

    header: Header
    judgements: list[dict[str, Any]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)


def is_begun(path: Path) -> bool:
    """Tell whether a journal has its first line: without it there is nothing to go on with."""
    return path.is_file() and b"\n" in path.read_bytes()


def resume_point(path: str | os.PathLike[str]) -> ResumePoint:
    """Return how far a journal is, and cut off what was judged of a cell that had not ended: it is asked again.

    Doing so twice is doing so once.

    Raises
    ------
    RunFileError
        As `read_journal`.
    """
    target = Path(path)
    header, *lines = _complete_lines(target)
    end = next((i + 1 for i in reversed(range(len(lines))) if lines[i].keys() & MARKS), 0)
    kept = lines[:end]
    whole = target.read_bytes().split(b"\n")[: len(kept) + 1]
    with write_atomically(target) as place:
        place.write_bytes(b"".join(line + b"\n" for line in whole))
    given_up = {line[GIVEN_UP] for line in kept if GIVEN_UP in line}
    return ResumePoint(
        cast("Header", header),
        [line for line in kept if not line.keys() & MARKS],
        given_up | {line[DONE] for line in kept if DONE in line},
        given_up,
    )


def _complete_lines(target: Path) -> list[dict[str, Any]]:
    """Return the header and the lines below, all of the shapes that are written; a torn last line is left out."""
    lines = _checked_lines(target)
    header = next(lines, None)
    if header is None:
        raise RunFileError(f"{target} ends within its first line: nothing was measured; make the run again")
    return [header, *lines]


def _checked_lines(target: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal one by one, so that what is none is refused at its first line."""
    room = MOST_BYTES
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
            yield _checked(target, number, line)


def _checked(target: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = parse(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RunFileError(f"{target} is damaged at line {number}: make the run again")
    if number == 1:
        refuse_other_version(target, record.get("schema_version", "none"))
        _refuse_misfit(target, record, HEADER)
    else:
        _refuse_misfit(target, record, MARK if record.keys() & MARKS else RECORD)
    return record


def _refuse_misfit(target: Path, line: dict[str, Any], shape: dict[str, Any]) -> None:
    if shape is not MARK and (missing := [name for name in shape if name not in line]):
        raise RunFileError(f"{target} lacks the field {missing[0]!r}: make the run again")
    if why := misfit(line, shape, "line"):
        raise RunFileError(f"{target} holds a value of another type ({why}): make the run again")
