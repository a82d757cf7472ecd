"""A run of the matrix: one worker a framework, watched to the end, their parts merged into one run file."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.matrix.progress import Silent
from logitproof.matrix.recovery import MOST_RESTARTS, recover
from logitproof.matrix.survey import chosen
from logitproof.matrix.worker import Worker
from logitproof.matrix.worker_result import broke_down, measured, outcomes
from logitproof_conformance.plan.shard import Shard
from logitproof_reference.cases.catalogue import PROFILES
from logitproof_reports.runs.run_file import merge, write_run

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from logitproof.matrix.progress import Display
    from logitproof_adapters.targets.target import Target
    from logitproof_reports.runs.schema import Run

REQUEST = "request.json"
"""What a run was asked, beside its parts: it is gone on with only where it is asked the same again."""

POLL_SECONDS = 0.1
GRACE_SECONDS = 8.0
"""How long an interrupted worker may take to leave by itself before it is killed."""

START_SECONDS = 600.0
"""What a framework may take to be imported, and to leave at the end, at least; the slowest seen took a twentieth."""

PATIENCE_SECONDS = 300.0
"""A case that shows nothing for so long hangs: the longest compilation seen took a tenth of it."""

STUCK = {
    "importing": "the framework was not imported in {:.0f} s; worker killed",
    "judging": "no progress for {:.0f} s; worker killed",
    "ending": "the process did not end for {:.0f} s after its last case; worker killed",
}
"""Why a worker is killed, by what it was at."""


MOST_CALLS = 20
"""How many calls a case may make in a target, at most; each has its own deadline there."""


class Interrupted(Exception):  # noqa: N818  the user's wish, not an error
    """The run was stopped from outside; `run` holds what was measured, None where nothing was."""

    def __init__(self, run: Run | None) -> None:
        super().__init__("interrupted")
        self.run = run


def run(
    frameworks: Sequence[str] = (),
    *,
    profile: str = "quick",
    output: str | os.PathLike[str] = "run.parquet",
    pytest_args: Sequence[str] = (),
    patience: float = PATIENCE_SECONDS,
    shard: str = "",
    resume: bool = False,
    target: Target | None = None,
    display: Display | None = None,
) -> Run:
    """Judge frameworks against the exact answer and write a run file.

    Parameters
    ----------
    frameworks : sequence of str
        Names of adapters, or ``module:Class``; empty means every framework that is installed.
    profile : str
        ``quick`` (about a minute) or ``full``.
    output : path
        The run file. While the run goes on, its parts lie in the folder ``output + ".parts"``.
    pytest_args : sequence of str
        Handed to each worker's pytest.
    patience : float
        Seconds that a case, in a target a call, may take before it counts as hanging. The import, the planning and the
        end of the process have a limit of their own, `START_SECONDS`; and time in which other processes had the
        processor does not count.
    shard : str
        ``I/N``: only the Ith of N parts of the cells; empty for all.
    resume : bool
        Whether to go on with what an interrupted run of the same request left.
    target : Target, optional
        Where the frameworks are; default: in the processes that judge.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    Run
        As written to `output`. A case that ended its process, or hung, is a judgement in it.

    Raises
    ------
    UsageError, UnknownFramework, TargetError, RunFileError
        A framework is not known or not installed, the output cannot be written, or no worker could begin, as where
        pytest refuses its arguments.
    Interrupted
        By SIGINT or SIGTERM, after what was measured has been written; the parts stay, to be gone on with.
    """
    if profile not in PROFILES:
        raise UsageError(f'profile "{profile}" is not known; known: {", ".join(PROFILES)}')
    try:
        Shard.read(shard)
    except ValueError as error:
        raise UsageError(str(error)) from error
    names = chosen(frameworks, target)
    place = Path(output)
    there = [*target.options, "--patience", str(patience)] if target else []
    asked = [*there, *(["--shard", shard] if shard else []), *pytest_args]
    request = {"frameworks": names, "profile": profile, "arguments": asked}
    parts = parts_to_go_on_with(place, request) if resume else prepare_parts(place, request)
    workers = [Worker(name, profile, parts, asked, resume=resume) for name in names]
    try:
        with sigterm_interrupts(), display or Silent() as shown:
            watch(workers, shown, MOST_CALLS * patience if target else patience)
        whole = merge(outcomes(workers))
        write_run(place, whole)
    except KeyboardInterrupt:
        raise Interrupted(save_partial(workers, place)) from None
    except UsageError:
        if not resume:  # what an earlier run left is not ours to throw away
            shutil.rmtree(parts)
        raise
    finally:
        for worker in workers:
            worker.kill()
    shutil.rmtree(parts)
    return whole


def prepare_parts(target: Path, request: dict[str, Any]) -> Path:
    """Make an empty folder for the parts beside `target`; this finds out early whether the place can be written."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder: pass the path of the run file with -o")
    parts = parts_of(target)
    try:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
        (parts / REQUEST).write_text(json.dumps(request), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}): choose another path with -o") from error
    return parts


def parts_to_go_on_with(target: Path, request: dict[str, Any]) -> Path:
    """Return the folder that an interrupted run left beside `target`, if that was asked the same."""
    parts = parts_of(target)
    try:
        before = json.loads((parts / REQUEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"there is no interrupted run at {parts}: omit --resume") from error
    for what, asked in request.items():
        if before.get(what) != asked:
            raise UsageError(
                f"the interrupted run was asked with {what} {before.get(what)}: pass the same, or omit --resume"
            )
    return parts


def parts_of(target: Path) -> Path:
    """Return the folder in which the parts of a run file lie while it is made."""
    return target.with_name(target.name + ".parts")


def watch(workers: Sequence[Worker], display: Display, patience: float) -> None:
    """Show the progress of all workers until the last one ends; end those that hang, start again those cut short."""
    while True:
        for worker in workers:
            worker.look()
            kill_if_stuck(worker, patience)
            if not worker.running and may_recover(worker):
                recover(worker)
            display.show(
                worker.framework,
                worker.progress.judged,
                worker.progress.total,
                importing=worker.importing_for,
                ended=not worker.running,
            )
        if not any(worker.running for worker in workers):
            return
        time.sleep(POLL_SECONDS)


def kill_if_stuck(worker: Worker, patience: float) -> None:
    """End a worker that hangs; `patience` is that with a case."""
    phase = worker.progress.phase
    limit = patience if phase == "judging" else max(patience, START_SECONDS)
    if worker.hangs(limit):
        worker.kill(STUCK[phase].format(limit))


def may_recover(worker: Worker) -> bool:
    """Tell whether a worker that has ended was cut short, and a new process can go on."""
    worker.look()  # what it wrote last
    return broke_down(worker) and worker.restarts < MOST_RESTARTS


def save_partial(workers: Sequence[Worker], target: Path) -> Run | None:
    """Stop all workers and write what they had measured; None where that is nothing."""
    for worker in workers:
        worker.interrupt()
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        worker.wait(max(0.0, deadline - time.monotonic()))
        worker.kill()
    parts = [part for worker in workers if (part := measured(worker)) is not None]
    if not parts:
        shutil.rmtree(workers[0].part.parent)
        return None
    saved = replace(merge(parts), complete=False)
    write_run(target, saved)
    return saved


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM (nox, a batch system) save what was measured, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
