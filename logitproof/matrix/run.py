"""A run of the matrix: the runners of all frameworks, driven to the end, their parts merged into one run file."""

from __future__ import annotations

import select
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.errors import UsageError, refuse_unknown
from logitproof.matrix.choice import Choice
from logitproof.matrix.evaluators import evaluators_for, is_shared, processors
from logitproof.matrix.framework_runner import FrameworkRunner, NothingChosen, RunRequest
from logitproof.matrix.pace import going_on
from logitproof.matrix.process_environment import with_compiled_programs, with_patient_threads
from logitproof.matrix.progress import Display
from logitproof.matrix.resume import parts_beside, parts_of
from logitproof.matrix.survey import chosen
from logitproof_adapters.targets.call_limits import PATIENCE_SECONDS
from logitproof_adapters.targets.target import here
from logitproof_conformance.plan.shard import Shard
from logitproof_reference.cases.catalogue import PROFILES
from logitproof_reports.runs.run_file import RunFileError, merge, write_run
from logitproof_reports.runs.whole_files import remove

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from types import FrameType

    from logitproof_adapters.targets.target import Target
    from logitproof_reports.runs.schema import Run

TICK_SECONDS = 0.2


class Interrupted(Exception):  # noqa: N818  the user's wish, not an error
    """The run was stopped from outside; `run` holds what was measured, None if nothing was."""

    def __init__(self, run: Run | None) -> None:
        super().__init__("interrupted")
        self.run = run


def run(
    frameworks: Sequence[str] = (),
    *,
    profile: str = "quick",
    output: str | os.PathLike[str] = "run.parquet",
    select: str = "",
    cells: Sequence[str] = (),
    patience: float = PATIENCE_SECONDS,
    evaluators: int | None = None,
    shard: str = "",
    resume: bool = False,
    fresh: bool = False,
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
        The run file. During the run, its parts lie in the folder ``output + ".parts"``.
    select : str
        Only cases whose chapter, cell id and regime match this expression, as pytest's ``-k``.
    cells : sequence of str
        Only cells whose id matches one of these globs.
    patience : float
        Seconds that a call may take before it counts as hanging. The import has a limit of its own; and time in which
        other processes had the processor does not count.
    evaluators : int, optional
        In how many processes each framework is asked, which share its cells; default: two for a single framework
        on this machine where that has two processors, else one.
    shard : str
        ``I/N``: only the Ith of N parts of the cells; empty for all.
    resume : bool
        Whether to resume what an interrupted run of the same request left.
    fresh : bool
        Whether frameworks on this machine compile everything again, instead of taking what an earlier run compiled.
    target : Target, optional
        Where the frameworks are; default: installed with Logitproof.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    Run
        As written to `output`. A case that ended its process, or hung, is a judgement in it.

    Raises
    ------
    UsageError, UnknownFramework, MissingFramework, TargetError, RunFileError
        A framework is not known or not installed, the output cannot be written, or another run writes it.
    Interrupted
        By SIGINT or SIGTERM, after what was measured has been written; the parts stay, to be resumed.
    """
    refuse_unknown("profile", (profile,), PROFILES)
    choice = Choice(select, tuple(cells))
    try:
        part = Shard.read(shard)
    except ValueError as error:
        raise UsageError(str(error)) from error
    place = Path(output)
    where = target or here()
    if where.is_interpreter:
        where = with_patient_threads(with_compiled_programs(where, fresh=fresh))
    names = chosen(frameworks, where)
    request = {
        "frameworks": names,
        "profile": profile,
        "target": where.name,
        "device": where.device,
        "shard": shard,
        "select": select,
        "cells": list(cells),
    }
    with parts_beside(place, request, resume=resume) as parts:
        asked = RunRequest(profile, part, choice, where, patience, evaluators or evaluators_for(names, where))
        runners: list[FrameworkRunner] = []
        try:
            with sigterm_interrupts(), display or Display() as shown:
                runners += [FrameworkRunner(name, asked, parts, resume=resume) for name in names]
                follow(runners, shown, paced=is_shared(where))
                whole = merge(outcomes(runners))
            write_run(place, whole)
        except KeyboardInterrupt:
            raise Interrupted(save_partial(runners, place)) from None
        except (OSError, RunFileError) as error:
            raise cannot_go_on(error, runners, place) from error
        except UsageError:
            if not resume:  # what an earlier run left is not ours to throw away
                remove(parts)
            raise
        finally:
            for runner in runners:
                runner.stop()
        remove(parts)
    return whole


def cannot_go_on(error: OSError | RunFileError, runners: Sequence[FrameworkRunner], target: Path) -> Exception:
    """Return what is raised where a disk is full, or something else keeps a run from being written."""
    judged, total = (sum(getattr(runner, name) for runner in runners) for name in ("judged", "total"))
    if isinstance(error, OSError):
        error = RunFileError(f"{target} cannot be completed ({error.strerror or error})")
    if not judged:
        return error
    kept = f"{judged} of {total} cases are judged and kept in {parts_of(target)}"
    return UsageError(f"{error}; {kept}: make room, then pass --resume")


def follow(runners: Sequence[FrameworkRunner], display: Display, *, paced: bool) -> None:
    """Let every runner go on as its answers come, and show its progress, until the last one ends.

    Where they are `paced`, those that are ahead of the others may have to wait.
    """
    while True:
        running = [runner for runner in runners if runner.running]
        going = going_on(running, processors()) if paced else running
        descriptors = {found for runner in going for lane in runner.lanes if (found := lane.descriptor) is not None}
        ready = readable(descriptors) or descriptors  # on all of them something may be overdue
        for runner in runners:
            if runner in running and runner not in going:
                runner.rest()
            else:
                runner.go_on(ready)
            display.show(
                runner.framework,
                runner.judged,
                runner.total,
                importing=runner.importing_for,
                ended=not runner.running,
            )
        if not running:
            return


def readable(descriptors: Iterable[int]) -> set[int]:
    """Wait until an answer has come, a little at most; return the descriptors on which one has."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poller.poll(1000 * TICK_SECONDS)}


def outcomes(runners: Sequence[FrameworkRunner]) -> list[Run]:
    """Return the runs of runners that have ended; what befell one costs the others nothing.

    Raises
    ------
    Exception
        None of them could be asked: the first refusal.
    """
    if all(runner.refusal for runner in runners):
        raise UsageError(str(runners[0].refusal)) from runners[0].refusal
    return [runner.outcome() for runner in runners if not isinstance(runner.refusal, NothingChosen)]


def save_partial(runners: Sequence[FrameworkRunner], target: Path) -> Run | None:
    """Stop all runners and write what they had measured; None if that is nothing."""
    for runner in runners:
        runner.stop()
    parts = [found for runner in runners if (found := runner.measured()) is not None]
    if not parts:
        with suppress(OSError):
            remove(parts_of(target))
        return None
    saved = replace(merge(parts), complete=False, choice="")
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
