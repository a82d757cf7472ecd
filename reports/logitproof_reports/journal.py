"""The journal of a run in progress: JSON lines, readable whenever the process ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict

import pyarrow as pa

from .schema import SCHEMA_VERSION, Run, RunFileError, conform, refuse_other_version, table_of_records

if TYPE_CHECKING:
    import os

    from logitproof_reference.judgements import Judgement

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


class Journal:
    """Appends judgements to a file, each flushed to the system at once; use it as a context manager or close it.

    NaN and infinities are written as Python's json spells them (``NaN``, ``Infinity``).
    """

    def __init__(self, path: str | os.PathLike[str], header: Header) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = target.open("w", encoding="ascii")
        self._write({"schema_version": SCHEMA_VERSION, **header})

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
    header, *records = _complete_lines(target)
    refuse_other_version(target, header.get("schema_version", "none"))
    try:
        table = conform(target, table_of_records(records))
        return Run(table, [header["environment"]], header["profile"], header["case_set"], complete=False)
    except KeyError as error:
        raise RunFileError(f"{target} lacks the field {error}: make the run again") from error
    except (pa.ArrowException, TypeError) as error:
        raise RunFileError(f"{target} holds a value of another type ({error}): make the run again") from error


def _complete_lines(target: Path) -> list[dict[str, Any]]:
    try:
        *lines, _torn = target.read_bytes().split(b"\n")
    except OSError as error:
        raise RunFileError(f"{target} cannot be read ({error.strerror}): check the path") from error
    if not lines:
        raise RunFileError(f"{target} ends within its first line: nothing was measured, make the run again")
    return [_parse(target, number, line) for number, line in enumerate(lines, start=1)]


def _parse(target: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RunFileError(f"{target} is damaged at line {number}: make the run again")
    return record
