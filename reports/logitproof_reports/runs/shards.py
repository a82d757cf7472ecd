"""Shards of one framework: whether they are complete, and checks that need all of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logitproof_reference.vocabulary.judgement import on_the_whole

from .run_file import merge
from .schema import Run, RunFileError, attributed, framework_of, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_reference.vocabulary.judgement import Judgement


def stale_entry(entry: str) -> str:
    """Return the reason that a ledger entry explains nothing."""
    return f'the ledger entry "{entry}" matches nothing in this run; narrow its machines or enter the fixed release'


def merge_whole(runs: Sequence[Run]) -> Run:
    """Join runs as `merge` does; of a framework that was judged in shards all must be there.

    Raises
    ------
    RunFileError
        A shard is missing, the shards are not of one release, or the runs do not merge.
    """
    refuse_gaps(runs)
    return joined_shards(runs)


def joined_shards(runs: Sequence[Run]) -> Run:
    """Join runs as `merge` does, and add what only all shards of a framework together can tell.

    Raises
    ------
    RunFileError
        The runs do not merge.
    """
    whole = merge(runs)
    problems = table_of(problems_of_shards(runs))
    return replace(whole, table=pa.concat_tables([whole.table, problems]))


def sharded(runs: Sequence[Run]) -> dict[str, list[tuple[dict[str, Any], Run]]]:
    """Return the runs that are shards, with their environments, by the adapter they judged."""
    found: dict[str, list[tuple[dict[str, Any], Run]]] = defaultdict(list)
    for run in runs:
        for environment in attributed(run):
            for adapter in environment.get("adapters", ()) if environment.get("shard") else ():
                found[adapter].append((environment, run))
    return found


def refuse_gaps(runs: Sequence[Run]) -> None:
    """Raise `RunFileError` where the shards of a framework are not all there, or not of one release."""
    for adapter, parts in sharded(runs).items():
        shards = [environment["shard"] for environment, _ in parts]
        totals = {shard.partition("/")[2] for shard in shards}
        if len(totals) > 1:
            raise RunFileError(
                f"{adapter} was cut in different ways ({', '.join(sorted(shards))}): make the runs again"
            )
        (total,) = totals
        missing = [shard for i in range(int(total)) if (shard := f"{i + 1}/{total}") not in shards]
        if missing:
            raise RunFileError(f"shard {', '.join(missing)} of {adapter} is missing: pass its run file too")
        versions = sorted({str(framework_of(environment).get("version", "")) for environment, _ in parts})
        if len(versions) > 1:
            raise RunFileError(f"the shards of {adapter} judged different versions ({', '.join(versions)})")


def problems_of_shards(runs: Sequence[Run]) -> Iterator[Judgement]:
    """Yield a judgement on each ledger entry that no shard of its framework used, where all shards are complete."""
    for adapter, parts in sharded(runs).items():
        if not all(run.complete for _, run in parts):
            continue
        used = {name for _, run in parts for name in run.table["deviation"].to_pylist()}
        ledgers = [environment.get("ledger", ()) for environment, _ in parts]
        entries = {entry["id"] for ledger in ledgers for entry in ledger if entry.get("applies")}
        for entry in sorted(entries - used):
            yield on_the_whole(adapter, "stale", stale_entry(entry))
