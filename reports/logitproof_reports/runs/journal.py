"""The journal of a run in progress: JSON lines, readable whenever the process ends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict

import pyarrow as pa

from .schema import SCHEMA_VERSION, Run, RunFileError, conform, refuse_other_version, table_of_records
from .whole_files import write_atomically

if TYPE_CHECKING:
    import os

    from logitproof_reference.vocabulary.judgement import Judgement

JOURNAL_SUFFIX = ".journal"


class Header(TypedDict):
    """First line of a journal: what is being run.

    `environment` is what `describe_environment` returned with the ``framework`` part; `total` is the number of
    judgements expected, for progress.
    """

    environment: dict[str, Any]
    profile: str
    case_set: str
    total: int


STARTS, ENDS, GIVES_UP = "starts", "ends", "gives_up"
"""The marks between judgements: a case begins (its words); the case that began last has ended (true); the rest of a
cell is not asked (its id)."""

MARKS = {STARTS, ENDS, GIVES_UP}


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

    def start(self, case: dict[str, str]) -> None:
        """Mark the beginning of a case, whose words are those of a judgement on it; the case before has ended."""
        self._write({STARTS: case})

    def end(self) -> None:
        """Mark that the last case has ended: what the process still does is no part of it."""
        self._write({ENDS: True})

    def give_up(self, cell: str) -> None:
        """Mark that the rest of a cell is not asked."""
        self._write({GIVES_UP: cell})

    def append(self, judgement: Judgement) -> None:
        """Add one judgement."""
        self._write(vars(judgement))

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
    refuse_other_version(target, header.get("schema_version", "none"))
    records = [line for line in lines if not line.keys() & MARKS]
    try:
        table = conform(target, table_of_records(records))
        return Run(table, [header["environment"]], header["profile"], header["case_set"], complete=False)
    except KeyError as error:
        raise RunFileError(f"{target} lacks the field {error}: make the run again") from error
    except (pa.ArrowException, TypeError) as error:
        raise RunFileError(f"{target} holds a value of another type ({error}): make the run again") from error


@dataclass
class ResumePoint:
    """How far the run of a journal is.

    Attributes
    ----------
    header : dict
        Its first line.
    judgements : list of dict
        Of the cases that have ended.
    ended : set of (str, str)
        Those cases, by cell and regime.
    given_up : set of str
        Cells whose rest is not asked.
    """

    header: dict[str, Any]
    judgements: list[dict[str, Any]] = field(default_factory=list)
    ended: set[tuple[str, str]] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)

    @property
    def crashed_as_known(self) -> set[str]:
        """The cells in which a process ended, as a ledger says it does: giving them up leaves no gap in a run."""
        return {found["cell"] for found in self.judgements if found["verdict"] == "crashed" and found["deviation"]}


def is_begun(path: Path) -> bool:
    """Tell whether a journal has its first line: without it there is nothing to go on with."""
    return path.is_file() and b"\n" in path.read_bytes()


def cut_torn_line(path: Path) -> None:
    """Cut off a last line in which the process ended, so that the next one begins on a line of its own."""
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def resume_point(path: str | os.PathLike[str]) -> ResumePoint:
    """Return how far a journal is, and cut off the case that had not ended, which is to be asked again.

    Doing so twice is doing so once.

    Raises
    ------
    RunFileError
        As `read_journal`.
    """
    target = Path(path)
    header, *lines = _complete_lines(target)
    refuse_other_version(target, header.get("schema_version", "none"))
    cut = next((i for i in reversed(range(len(lines))) if lines[i].keys() & MARKS), len(lines))
    cut_short = cut < len(lines) and STARTS in lines[cut]
    kept = lines[:cut] if cut_short else lines[: cut + 1]
    whole = target.read_bytes().split(b"\n")[: len(kept) + 1]
    if cut_short:
        whole.append(json.dumps({ENDS: True}).encode())
    with write_atomically(target) as place:
        place.write_bytes(b"".join(line + b"\n" for line in whole))
    return ResumePoint(
        header,
        [line for line in kept if not line.keys() & MARKS],
        {(line[STARTS]["cell"], line[STARTS]["regime"]) for line in kept if STARTS in line},
        {line[GIVES_UP] for line in kept if GIVES_UP in line},
    )


def _complete_lines(target: Path) -> list[dict[str, Any]]:
    try:
        *lines, _torn = target.read_bytes().split(b"\n")
    except OSError as error:
        raise RunFileError(f"{target} cannot be read ({error.strerror}): check the path") from error
    if not lines:
        raise RunFileError(f"{target} ends within its first line: nothing was measured; make the run again")
    return [_parse(target, number, line) for number, line in enumerate(lines, start=1)]


def _parse(target: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RunFileError(f"{target} is damaged at line {number}: make the run again")
    return record
