"""Run files: the judgements of one or several environments, as one Parquet file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .digest import digest_of
from .environment import package_version
from .journal import JOURNAL_SUFFIX, Header, Journal, read_journal
from .schema import (
    SCHEMA,
    SCHEMA_VERSION,
    Run,
    RunFileError,
    attributed,
    conform,
    refuse_other_version,
    repeated_key,
    table_of,
)
from .whole_files import write_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Header",
    "Journal",
    "Run",
    "RunFileError",
    "journal_of",
    "merge",
    "read_journal",
    "read_run",
    "table_of",
    "write_run",
]

NOTE = (
    "One row a judgement: one clause of Logitproof's specification, judged on the rows of one regime in one cell. "
    "Any Parquet reader can query it; `logitproof report FILE` shows it."
)

KEY = ("cell", "regime", "clause")
"""What names a judgement; no two runs to be merged may share one."""

_MAGIC = b"PAR1"
_PREFIX = b"logitproof."


def write_run(path: str | os.PathLike[str], run: Run) -> None:
    """Write a run whole or not at all, and drop the journal it supersedes.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    target = Path(path)
    table = run.table.select(SCHEMA.names).replace_schema_metadata(_metadata_of(run))
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd")
    with write_atomically(target) as place:
        place.write_bytes(content.getvalue())
    journal_of(target).unlink(missing_ok=True)


def _metadata_of(run: Run) -> dict[bytes, bytes]:
    facts = {
        "note": NOTE,
        "schema_version": str(SCHEMA_VERSION),
        "version": package_version("logitproof"),
        "environments": json.dumps(attributed(run)),
        "profile": run.profile,
        "case_set": run.case_set,
        "complete": json.dumps(run.complete),
        "digest": digest_of(run),
    }
    return {_PREFIX + name.encode(): fact.encode() for name, fact in facts.items()}


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file, or the journal of a run that was interrupted.

    The journal ``path + ".journal"`` is read where there is no run file, or only
    one older than the journal: a later run began and never finished.

    Raises
    ------
    RunFileError
        Nothing is there, or it is no whole run file of this schema version.
    """
    target = Path(path)
    if target.is_dir():
        raise RunFileError(f"{target} is a directory: pass the path of a run file in it")
    journal = target if target.suffix == JOURNAL_SUFFIX else journal_of(target)
    if journal.is_file() and (journal == target or not target.exists() or _is_newer(journal, target)):
        return read_journal(journal)
    if not target.exists():
        raise RunFileError(f"{target} does not exist: make it with `logitproof run -o {target}`")
    return _run_of(target, _read_table(target))


def journal_of(target: Path) -> Path:
    """Return where the journal of a run file is while it is made."""
    return target.with_name(target.name + JOURNAL_SUFFIX)


def _is_newer(one: Path, other: Path) -> bool:
    return one.stat().st_mtime_ns > other.stat().st_mtime_ns


def _read_table(target: Path) -> pa.Table:
    try:
        content = target.read_bytes()
        if not content.startswith(_MAGIC):
            raise RunFileError(f"{target} is not a run file (not Parquet): pass a file written by `logitproof run -o`")
        # From memory, not through a Python file: Arrow's threads let go of that when they like, and a thread that
        # does so while the interpreter ends aborts the process.
        return pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, ValueError) as error:
        raise RunFileError(f"{target} is truncated or damaged: copy it again, or make the run again") from error
    except OSError as error:
        cause = error.strerror or "truncated or damaged"
        raise RunFileError(f"{target} cannot be read ({cause}): copy it again, or make the run again") from error


def _run_of(target: Path, table: pa.Table) -> Run:
    stored = table.schema.metadata or {}
    facts = {
        name.removeprefix(_PREFIX).decode(errors="replace"): fact.decode(errors="replace")
        for name, fact in stored.items()
        if name.startswith(_PREFIX)
    }
    if "schema_version" not in facts:
        raise RunFileError(f"{target} is Parquet but not a run file: pass a file written by `logitproof run -o`")
    refuse_other_version(target, facts["schema_version"])
    columns = conform(target, table).replace_schema_metadata()
    try:
        environments: list[dict[str, Any]] = [dict(environment) for environment in json.loads(facts["environments"])]
        complete = bool(json.loads(facts["complete"]))
        run = Run(columns, environments, facts["profile"], facts["case_set"], complete)
    except (KeyError, TypeError, ValueError) as error:
        raise RunFileError(f"{target} has missing or invalid metadata ({error}): make the run again") from error
    # Builds before this one wrote none.
    if facts.get("digest", "") not in {"", digest_of(run)}:
        raise RunFileError(f"{target} was altered after it was written: its digest does not match; make the run again")
    return run


def merge(runs: Sequence[Run]) -> Run:
    """Join runs of different frameworks, or shards of one, into one run.

    Equal environments are kept once. The result is complete where every part is.

    Raises
    ------
    RunFileError
        No run is given; profiles or case sets differ; or two runs hold the same judgement.
    """
    if not runs:
        raise RunFileError("nothing to merge: pass at least one run file")
    profile = _the_one(runs, "profile")
    case_set = _the_one(runs, "case_set")
    tables = [run.table for run in runs]
    shared = repeated_key(tables, KEY)
    if shared:
        cell, regime, clause = shared
        raise RunFileError(
            f'two runs hold the same judgement (cell {cell}, regime "{regime}", clause {clause}): '
            "omit one of the runs of this adapter"
        )
    environments = [environment for run in runs for environment in attributed(run)]
    unique = [one for i, one in enumerate(environments) if one not in environments[:i]]
    return Run(pa.concat_tables(tables), unique, profile, case_set, all(run.complete for run in runs))


def _the_one(runs: Sequence[Run], what: str) -> str:
    found = sorted({getattr(run, what) for run in runs})
    if len(found) > 1:
        words = ", ".join(f'"{value}"' for value in found)
        raise RunFileError(f"runs with different {what} ({words}) cannot be merged: make them again with the same one")
    return str(found[0])
