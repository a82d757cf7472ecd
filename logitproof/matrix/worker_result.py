"""What the end of a worker means: its run, and a judgement on the worker itself where it broke down."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from logitproof.errors import UsageError
from logitproof_adapters.targets.link import telling_line
from logitproof_reference.cases.catalogue import case_set_digest
from logitproof_reference.vocabulary.judgement import Judgement, on_the_whole
from logitproof_reports.counting.verdict import plural
from logitproof_reports.runs.environment import describe_environment
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import Run, RunFileError, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof.matrix.worker import Worker

PASSED, FAILED, _INTERRUPTED, _INTERNAL_ERROR, USAGE_ERROR, NOTHING_COLLECTED = range(6)
"""pytest's exit statuses."""


def outcomes(workers: Sequence[Worker]) -> list[Run]:
    """Return the runs of workers that have ended; what befell one costs the others nothing.

    Raises
    ------
    UsageError
        None of them could begin: pytest did not accept its arguments, or no framework can be imported.
    """
    if all(was_refused(worker) for worker in workers):
        raise UsageError(_complaint(workers[0]))
    return [outcome(worker) for worker in workers]


def outcome(worker: Worker) -> Run:
    """Return the run of a worker that has ended.

    A worker that crashed, hung, measured nothing, or left what cannot be read, adds one judgement, ``crashed`` or
    ``void``, on the whole framework.
    """
    run = measured(worker)
    if run is not None and ended_in_order(worker):
        return run
    found = replace(run or _without_measurements(worker), complete=False)
    name = worker.framework
    if worker.status == NOTHING_COLLECTED:
        return _with(found, on_the_whole(name, "void", "nothing was measured: the pytest arguments select no test"))
    return _with(found, on_the_whole(name, "crashed", _breakdown(worker)))


def _breakdown(worker: Worker) -> str:
    """Say how a worker came to an end before its time, and what is left of it."""
    if was_refused(worker):
        return f"the worker could not start: {_complaint(worker)}"
    parts = [f"{end_of(worker)} after {plural(worker.progress.judged, 'case')}"]
    if worker.restarts:
        parts.append(f"gave up after {plural(worker.restarts, 'restart')}")
    if unreadable := _unreadable(worker):
        parts.append(f"its results are lost: {unreadable}")
    return "; ".join([*parts, f"last output: {last_words(worker.log)}"])


def was_refused(worker: Worker) -> bool:
    """Tell whether a worker never began: its arguments are wrong, or its framework cannot be imported."""
    return worker.status == USAGE_ERROR and not worker.restarts


def _complaint(worker: Worker) -> str:
    return last_words(worker.log).removeprefix("ERROR: ")


def ended_in_order(worker: Worker) -> bool:
    """Tell whether a worker came to its end and wrote its part file; one that was cut short leaves a journal."""
    return worker.status in {PASSED, FAILED} and worker.has_part


def broke_down(worker: Worker) -> bool:
    """Tell whether a worker that has ended was cut short in the middle of a case."""
    # One that wrote its part file has measured everything, however it left.
    return not worker.has_part and worker.progress.phase == "judging"


def end_of(worker: Worker) -> str:
    """Say how a worker was cut short."""
    return worker.killed_because or how_it_ended(worker.status)


def measured(worker: Worker) -> Run | None:
    """Return what a worker's part file or journal holds, or None where neither is readable."""
    try:
        return read_run(worker.part)
    except RunFileError:
        return None


def _unreadable(worker: Worker) -> str:
    """Say why the part file or the journal of a worker cannot be read; empty where it can, or there is none."""
    if not (worker.part.exists() or worker.journal.exists()):
        return ""
    try:
        read_run(worker.part)
    except RunFileError as error:
        return str(error)
    return ""


def how_it_ended(status: int | None) -> str:
    """Say how a process ended.

    >>> how_it_ended(-11)
    'the worker was killed by SIGSEGV'
    >>> how_it_ended(3)
    'the worker exited with status 3'
    """
    if status is not None and status < 0:
        return f"the worker was killed by {signal.Signals(-status).name}"
    return f"the worker exited with status {status}"


def last_words(log: Path, width: int = 300) -> str:
    """Return the line of a log that says most about how it ended, at most `width` characters."""
    return telling_line(log.read_text("utf-8", "replace"), width)


def _with(run: Run, judgement: Judgement) -> Run:
    return replace(run, table=pa.concat_tables([run.table, table_of([judgement])]))


def _without_measurements(worker: Worker) -> Run:
    """Return the run of a framework that did not come far enough to describe itself."""
    about = {"framework": worker.framework, "version": "unknown", "build": {}}
    environment = {**describe_environment(), "framework": about}
    return Run(table_of([]), [environment], worker.profile, case_set_digest(worker.profile), complete=False)
