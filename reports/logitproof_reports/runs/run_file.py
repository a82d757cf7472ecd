"""Run files: the judgements of one or several environments, as one Parquet file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from .checked_facts import checked_words, choice_in, environments_in, origins_in, parsed, seconds_in
from .digest import digest_of
from .environment import package_version
from .input_files import read_whole, stat_of
from .journal import JOURNAL_SUFFIX, Header, Journal, read_journal
from .parquet import Opened, spelled_out
from .schema import (
    KEY,
    SCHEMA,
    SCHEMA_VERSION,
    Run,
    RunFileError,
    attributed,
    cells_of,
    refuse_other_version,
    repeated_key,
    table_of,
)
from .values import refuse_faults
from .whole_files import write_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

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
    "One row per judgement: one clause of Logitproof's specification, judged on the rows of one regime in one cell. "
    "Any Parquet reader can query it; `logitproof report FILE` shows it."
)

FACTS = ("environments", "profile", "case_set", "complete", "digest")
"""What a run file says of its table, besides notes and the schema's version."""

ORIGINS, SECONDS, CHOICE = "origins", "cell_seconds", "choice"
"""Facts that files of earlier releases lack: `Run.origins`, `Run.seconds` in the order of `cells_of`, `Run.choice`."""

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
        **_measured_facts(run),
    }
    return {_PREFIX + name.encode(): fact.encode() for name, fact in facts.items()}


def _measured_facts(run: Run) -> dict[str, str]:
    """Return what tells of how a run was made; nothing if that is not known."""
    seconds = [run.seconds.get(cell) for cell in cells_of(run.table)] if run.seconds else []
    facts = {ORIGINS: [one.as_json() for one in run.origins], SECONDS: seconds, CHOICE: run.choice}
    return {name: json.dumps(fact) for name, fact in facts.items() if fact}


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file, or the journal of a run that was interrupted, and validate all of it.

    The journal ``path + ".journal"`` is read where there is no run file, or only
    one older than the journal: a later run began and never finished.

    Raises
    ------
    RunFileError
        Nothing is there, or it is no whole run file of this schema version.
    """
    target = Path(path)
    if target.suffix == JOURNAL_SUFFIX:
        return read_journal(target)
    found, journal = stat_of(target), stat_of(journal_of(target))
    if journal and stat.S_ISREG(journal.st_mode) and (not found or journal.st_mtime_ns > found.st_mtime_ns):
        return read_journal(journal_of(target))
    if not found:
        raise RunFileError(f"{target} does not exist: make it with `logitproof run -o {target}`")
    return _run_of(target, read_whole(target))


def journal_of(target: Path) -> Path:
    """Return where the journal of a run file is while it is made."""
    return target.parent / f"{target.name}{JOURNAL_SUFFIX}"  # with_name refuses "" and "/"


def _run_of(target: Path, content: bytes) -> Run:
    if not content.startswith(_MAGIC):
        raise RunFileError(f"{target} is not a run file (not Parquet): pass a file written by `logitproof run -o`")
    opened = Opened(target, content)
    facts = _facts_of(target, opened.facts)
    environments = environments_in(target, facts["environments"])
    profile, case_set = checked_words(target, facts)
    complete = parsed(target, "complete", facts["complete"])
    table = opened.table()
    refuse_faults(target, table)
    origins = origins_in(target, facts.get(ORIGINS, "[]"))
    seconds = seconds_in(target, facts[SECONDS], cells_of(table)) if SECONDS in facts else {}
    choice = choice_in(target, facts.get(CHOICE, '""'))
    run = Run(spelled_out(table), environments, profile, case_set, complete is True, origins, seconds, choice)
    del table
    pa.default_memory_pool().release_unused()  # as much again, which Arrow would keep
    if facts["digest"] != digest_of(run):
        raise RunFileError(f"{target} was altered after it was written: its digest does not match; make the run again")
    return run


def _facts_of(target: Path, stored: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the facts besides a table; all of `FACTS` are there."""
    facts = {
        name.removeprefix(_PREFIX).decode(errors="replace"): fact.decode(errors="replace")
        for name, fact in stored.items()
        if name.startswith(_PREFIX)
    }
    if "schema_version" not in facts:
        raise RunFileError(f"{target} is Parquet but not a run file: pass a file written by `logitproof run -o`")
    refuse_other_version(target, facts["schema_version"])
    if missing := [name for name in FACTS if name not in facts]:
        raise RunFileError(f"{target} has missing metadata ({', '.join(missing)}): make the run again")
    return facts


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
    return Run(
        pa.concat_tables(tables),
        unique,
        profile,
        case_set,
        all(run.complete for run in runs),
        tuple(dict.fromkeys(origin for run in runs for origin in run.origins)),
        {cell: seconds for run in runs for cell, seconds in run.seconds.items()},
        runs[0].choice if len({run.choice for run in runs}) == 1 else "",
    )


def _the_one(runs: Sequence[Run], what: str) -> str:
    found = sorted({getattr(run, what) for run in runs})
    if len(found) > 1:
        words = ", ".join(f'"{value}"' for value in found)
        raise RunFileError(f"runs with different {what} ({words}) cannot be merged: make them again with the same one")
    return str(found[0])
