"""A run of the matrix: one worker a framework, watched to the end, their parts merged into one run file."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.exit_codes import Refusal
from logitproof.frameworks import chosen
from logitproof.outcome import measured, outcome
from logitproof.progress import Silent
from logitproof.worker import Worker
from logitproof_reference.regimes import PROFILES
from logitproof_reports.run_file import merge, write_run

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from logitproof.progress import Display
    from logitproof_reports.schema import Run

POLL_SECONDS = 0.1
GRACE_SECONDS = 8.0
"""How long an interrupted worker may take to leave by itself before it is killed."""

PATIENCE_SECONDS = 600.0
"""A worker whose journal does not grow for so long hangs: the longest compilation seen took a tenth of it."""


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
        Seconds without a new judgement after which a worker counts as hanging.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    Run
        As written to `output`. A worker that crashed or hung is a judgement in it.

    Raises
    ------
    Refusal, UnknownFramework, RunFileError
        A framework is not known or not installed, the output cannot be written, or pytest refuses its arguments.
    Interrupted
        By SIGINT or SIGTERM, after what was measured has been written.
    """
    if profile not in PROFILES:
        raise Refusal(f'profile "{profile}" is not known; known: {", ".join(PROFILES)}')
    names = chosen(frameworks)
    target = Path(output)
    parts = prepare_parts(target)
    workers = [Worker(name, profile, parts, pytest_args) for name in names]
    try:
        with sigterm_interrupts(), display or Silent() as shown:
            watch(workers, shown, patience)
        whole = merge([outcome(worker) for worker in workers])
        write_run(target, whole)
    except KeyboardInterrupt:
        saved = save_partial(workers, target)
        shutil.rmtree(parts)
        raise Interrupted(saved) from None
    except Refusal:
        shutil.rmtree(parts)
        raise
    finally:
        for worker in workers:
            worker.kill()
    shutil.rmtree(parts)
    return whole


def prepare_parts(target: Path) -> Path:
    """Make an empty folder for the parts beside `target`; this finds out early whether the place can be written."""
    if target.is_dir():
        raise Refusal(f"{target} is a folder: name the run file within it with -o")
    parts = target.with_name(target.name + ".parts")
    try:
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
    except OSError as error:
        raise Refusal(f"{target} cannot be written ({error.strerror}): choose another path with -o") from error
    return parts


def watch(workers: Sequence[Worker], display: Display, patience: float) -> None:
    """Show the progress of all workers until the last one ends; end those that hang."""
    while True:
        running = [worker for worker in workers if worker.running]
        for worker in workers:
            worker.progress.read()
            display.show(worker.framework, worker.progress.judged, worker.progress.total, ended=not worker.running)
        if not running:
            return
        for worker in running:
            if worker.progress.silent_for > patience:
                worker.kill(f"the worker judged nothing for {patience:.0f} s, was ended")
        time.sleep(POLL_SECONDS)


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
