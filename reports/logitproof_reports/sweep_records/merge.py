"""Merging the shards of one sweep into one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.runs.schema import RunFileError

from .record import Record, refuse_overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence


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
