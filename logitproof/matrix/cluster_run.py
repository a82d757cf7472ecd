"""A run that the workers of a cluster share: each judges shards of the frameworks' cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from logitproof.errors import UsageError
from logitproof.matrix.framework_runner import NothingChosen
from logitproof.matrix.resume import parts_beside
from logitproof.matrix.run import Interrupted, run
from logitproof.matrix.survey import chosen
from logitproof.output import echo
from logitproof.workers import results
from logitproof_adapters.targets.target import here
from logitproof_reports.runs.origin import origin_now
from logitproof_reports.runs.run_file import RunFileError, read_run, write_run
from logitproof_reports.runs.schema import attributed
from logitproof_reports.runs.shards import joined_shards
from logitproof_reports.runs.whole_files import remove, write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof.workers import Workers
    from logitproof_adapters.targets.target import Target
    from logitproof_reports.runs.schema import Run


@dataclass(frozen=True)
class SharedRequest:
    """What is asked of each framework; the parameters of `logitproof.matrix.run.run`."""

    target: Target
    profile: str
    select: str
    cells: tuple[str, ...]
    patience: float
    fresh: bool


@dataclass(frozen=True)
class Part:
    """A shard of one framework's cells; it travels to a worker.

    Attributes
    ----------
    framework : str
    number, of : int
        It is the part `number` of `of`, from 1.
    file : str
        Name of its run file among the parts.
    request : SharedRequest
    """

    framework: str
    number: int
    of: int
    file: str
    request: SharedRequest


def judge_part(part: Part) -> bytes:
    """Judge a part in this process and return the bytes of its run file; none where the choice leaves it no case.

    Raises
    ------
    UsageError, TargetError, RunFileError
        The framework cannot be asked here.
    """
    request = part.request
    with TemporaryDirectory() as folder:
        output = Path(folder) / "part.parquet"
        try:
            run(
                [part.framework],
                profile=request.profile,
                output=output,
                select=request.select,
                cells=request.cells,
                patience=request.patience,
                evaluators=1,
                shard=f"{part.number}/{part.of}",
                fresh=request.fresh,
                target=request.target,
            )
        except UsageError as error:
            if isinstance(error.__cause__, NothingChosen):
                return b""
            raise
        return output.read_bytes()


def cluster_run(
    workers: Workers,
    frameworks: Sequence[str],
    output: Path,
    *,
    shards: int,
    profile: str = "quick",
    select: str = "",
    cells: Sequence[str] = (),
    patience: float,
    fresh: bool = False,
    resume: bool = False,
    target: Target | None = None,
) -> Run:
    """Judge frameworks as `logitproof.matrix.run.run` does, in shards that workers take, and write one run file.

    Parameters
    ----------
    shards : int
        Of each framework.

    Raises
    ------
    UsageError, UnknownFramework, MissingFramework, TargetError, RunFileError
        As `run`; what was judged before is kept, to be continued.
    Interrupted
        By SIGINT; the shards that are done are kept and written.
    """
    where = target or here()
    names = chosen(frameworks, where)
    asked = SharedRequest(where, profile, select, tuple(cells), patience, fresh)
    parts = [
        Part(name, number, shards, f"{place}-{number}.parquet", asked)
        for place, name in enumerate(names)
        for number in range(1, shards + 1)
    ]
    request = {
        "frameworks": names,
        "profile": profile,
        "target": where.name,
        "device": where.device,
        "shards": shards,
        "select": select,
        "cells": list(cells),
    }
    with parts_beside(output, request, resume=resume) as folder:
        left = [part for part in parts if not (folder / part.file).exists()]
        try:
            for done, (part, found) in enumerate(results(workers, judge_part, left), len(parts) - len(left) + 1):
                if isinstance(found, Exception):
                    raise _of_part(part, found, folder) from found
                with write_atomically(folder / part.file) as place:
                    place.write_bytes(found)
                echo(f"{done} of {len(parts)} shards: {part.framework} {part.number}/{part.of}", err=True)
        except KeyboardInterrupt:
            raise Interrupted(_written(parts, folder, output)) from None
        finally:
            workers.close()
        whole = _written(parts, folder, output)
        if whole is None:
            raise UsageError("no case matches: choose others with -k or --cells")
        remove(folder)
    return whole


def _of_part(part: Part, error: Exception, folder: Path) -> UsageError:
    said = str(error).partition("\n")[0]
    where = f"shard {part.number}/{part.of} of {part.framework} failed on a worker ({type(error).__name__}: {said})"
    return UsageError(f"{where}; the others are kept in {folder}: --resume continues the run")


def _written(parts: Sequence[Part], folder: Path, output: Path) -> Run | None:
    """Write the run of the shards that are there; return None if none is, or no case was chosen."""
    there = [folder / part.file for part in parts if (folder / part.file).exists()]
    runs = [_with_own_command(read_run(file)) for file in there if file.stat().st_size]
    if not runs:
        return None
    whole = joined_shards(runs)
    if len(there) < len(parts):
        whole = replace(whole, complete=False, choice="")
    try:
        write_run(output, whole)
    except OSError as error:
        raise RunFileError(f"{output} cannot be written ({error.strerror}): make room, then pass --resume") from error
    return whole


def _with_own_command(part: Run) -> Run:
    """Return a part whose origin is this command, not that of the worker."""
    adapters = [name for one in attributed(part) for name in one["adapters"]]
    command = origin_now(adapters, 0.0)
    return replace(part, origins=tuple(replace(one, command=command.command) for one in part.origins))
