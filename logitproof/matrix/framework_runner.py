"""The runner of one framework: its evaluators, the cells in flight, and the journal of judgements."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from logitproof.errors import UsageError
from logitproof.matrix.resume import left_behind
from logitproof.matrix.turns import Turns
from logitproof_adapters.catalogue.registry import MissingFramework, UnknownFramework
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter, RemoteError
from logitproof_adapters.targets.target import TargetError
from logitproof_conformance.session.environment_facts import SENT
from logitproof_conformance.session.framework_run import FrameworkRun
from logitproof_conformance.session.recording import Recorder
from logitproof_conformance.session.without_pytest import judge_cell
from logitproof_reference.cases.catalogue import case_set_digest
from logitproof_reference.vocabulary.judgement import Judgement, on_the_whole
from logitproof_reports.runs.environment import describe_environment
from logitproof_reports.runs.run_file import journal_of, read_run
from logitproof_reports.runs.schema import Run, RunFileError, table_of
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    from logitproof.matrix.choice import Choice
    from logitproof.matrix.turns import Job
    from logitproof_adapters.targets.link import Link
    from logitproof_adapters.targets.target import Target
    from logitproof_conformance.plan.cases import Case
    from logitproof_conformance.plan.shard import Shard
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reports.runs.journal import Header, ResumePoint

UNDER_WAY = 4
"""Cells of one framework under way at a time: enough that the evaluator never waits for the judge to read an answer."""

REFUSALS = (MissingFramework, UnknownFramework, TargetError, TargetDied, RemoteError)
"""What keeps a framework from being asked at all."""


class NothingChosen(UsageError):  # noqa: N818  the user's choice, not a fault
    """Of this framework no case is to be judged."""


@dataclass(frozen=True)
class RunRequest:
    """The request to each framework.

    Attributes
    ----------
    profile : str
        ``quick`` or ``full``.
    shard : Shard
        The part of the cells.
    choice : Choice
        Which of their cases.
    target : Target
        Where the framework is.
    patience : float
        Seconds that a call may take.
    evaluators : int
        How many processes each framework is asked in.
    """

    profile: str
    shard: Shard
    choice: Choice
    target: Target
    patience: float
    evaluators: int = 1


def shares(cells: Sequence[list[Case]], count: int) -> list[list[list[Case]]]:
    """Distribute cells to evaluators, those that can reuse compiled programs to the same one and one after another.

    The largest groups come first, each to the evaluator that has the least so far. Where there are several evaluators,
    each begins with what it has to compile: a compiler takes seconds to import, while the others are asked.
    """
    groups: defaultdict[tuple[str, ...], list[list[Case]]] = defaultdict(list)
    for cell in cells:
        groups[_reuse(cell[0].cell) if count > 1 else (cell[0].cell.format,)].append(cell)
    dealt: list[list[list[Case]]] = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=_cases_of, reverse=True):
        min(dealt, key=_cases_of).extend(group)
    return [sorted(share, key=_is_eager) for share in dealt] if count > 1 else dealt


def _reuse(cell: Cell) -> tuple[str, ...]:
    """Return what cells have in common that can reuse compiled programs, or the compiler that was imported for one."""
    return cell.format, cell.mode, cell.op if cell.mode == "eager" else ""


def _is_eager(cell: list[Case]) -> bool:
    return cell[0].cell.mode == "eager"


def _cases_of(cells: Sequence[list[Case]]) -> int:
    return sum(map(len, cells))


def _told(framework: str, error: Exception) -> Exception:
    """Return why a framework cannot be asked; of what its process did or raised, with the framework's name."""
    if not isinstance(error, (TargetDied, RemoteError)):
        return error
    kind = f"{type(error).__name__}: " if isinstance(error, RemoteError) else ""
    return TargetError(f"{framework} cannot be asked: {kind}{error}")


class Lane:
    """One evaluator of a runner, and the cells that it is asked.

    Attributes
    ----------
    turns : Turns
        Its cells under way.
    link : Link or None
        The process, once it is started.
    adapter : RemoteAdapter or None
        What it is asked through, once the framework is imported.
    cells : list of lists of Case
        Its cells, once they are planned.
    heard : float
        `time.monotonic` when an answer came last.
    worked_before : float
        Seconds of processor time that the process had used when its first cell began.
    """

    def __init__(self) -> None:
        self.turns = Turns(UNDER_WAY)
        self.link: Link | None = None
        self.adapter: RemoteAdapter | None = None
        self.cells: list[list[Case]] = []
        self.worked_before = 0.0
        self._since = self.heard = time.monotonic()

    def lap(self) -> float:
        """Return the seconds since it was called last: of a cell, since the one before it ended."""
        before, self._since = self._since, time.monotonic()
        return self._since - before

    @property
    def descriptor(self) -> int | None:
        """The descriptor that becomes readable when an answer arrives; None if no process runs."""
        return self.link.fileno if self.link is not None and self.link.alive else None

    @property
    def worked(self) -> float:
        """Seconds of processor time that the process has used for cells; of one that was started again, since then."""
        return self.link.worked - self.worked_before if self.link is not None else 0.0

    def follow(self, link: Link) -> None:
        """Take on a process that was started."""
        self.worked_before = 0.0
        link.wait = self.turns.wait
        self.link = link

    def go_on(self) -> None:
        """Take the answers that have come, and see whether one is overdue."""
        if self.link is not None and (settled := [*self.link.pump(), *self.link.check_deadline()]):
            self.heard = time.monotonic()
            self.turns.settle(settled)

    def rest(self) -> None:
        """Take no answer for now, for which the process is not to blame."""
        if self.link is not None:
            self.link.excuse()


class FrameworkRunner:
    """One framework, from the start of its evaluators to its run file.

    Parameters
    ----------
    framework : str
        Name or ``module:Class`` of its adapter.
    asked : RunRequest
        What is asked of it.
    folder : Path
        Where its run file and journal are kept during the run.
    resume : bool
        Whether to resume the journal that lies there.

    Attributes
    ----------
    judged, total : int
        Cases that are judged, of those that will be; `total` is 0 before they are planned.
    refusal : Exception or None
        Why the framework cannot be asked.
    lanes : list of Lane
        Its evaluators, which share the cells.
    """

    def __init__(self, framework: str, asked: RunRequest, folder: Path, *, resume: bool) -> None:
        self.framework = framework
        stem = re.sub(r"\W+", "_", framework)
        self.part = folder / f"{stem}.parquet"
        self.judged = self.total = self._judged_before = 0
        self.refusal: Exception | None = None
        self.lanes: list[Lane] = []
        self._asked = asked
        self._resume = resume
        self._since = time.monotonic()
        self._run: FrameworkRun | None = None
        self._recorder: Recorder | None = None
        self._header: Header
        self._before: ResumePoint | None = None
        self._judgements: list[Judgement] = []
        self._given_up: set[str] = set()
        self._has_ended = False
        self._written: Run | None = None
        if not (resume and self.is_whole):
            self.lanes += [Lane() for _ in range(asked.evaluators)]
            for lane in self.lanes:
                lane.turns.begin(partial(self._prepare, lane))

    @property
    def is_whole(self) -> bool:
        """Whether the run file is there: the runner ended."""
        return self.part.exists() and not journal_of(self.part).exists()

    @property
    def running(self) -> bool:
        """Whether something is still to come."""
        return any(lane.turns.busy for lane in self.lanes)

    @property
    def importing_for(self) -> float:
        """Seconds since the evaluators were started, until the cases are planned; 0 from then on."""
        return time.monotonic() - self._since if self.running and not self.total else 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds of processor time that its evaluators need for what is left, at the pace of what is judged."""
        judged = self.judged - self._judged_before
        return sum(lane.worked for lane in self.lanes) / judged * (self.total - self.judged) if judged else math.inf

    @property
    def silent_for(self) -> float:
        """Seconds since one of its evaluators was heard last."""
        return time.monotonic() - max((lane.heard for lane in self.lanes), default=0.0)

    def rest(self) -> None:
        """Take no answer for now."""
        for lane in self.lanes:
            lane.rest()

    def go_on(self, ready: Container[int | None]) -> None:
        """Take the answers that have come on these descriptors; in the end write the run file."""
        for lane in self.lanes:
            if lane.descriptor in ready:
                lane.go_on()
            lane.turns.fill()  # its cells may have been planned meanwhile
        if not self.running and not self._has_ended:  # others may go on for long
            self._has_ended = True
            self._end()

    def _prepare(self, lane: Lane) -> None:
        """Start an evaluator, with the first of them plan, and take on its cells: the first job of a lane."""
        asked = self._asked
        is_first = lane is self.lanes[0]
        try:
            lane.adapter = RemoteAdapter(
                self.framework, asked.target, patience=asked.patience, also_sent=SENT, follow=lane.follow
            )
            if is_first:
                choose = asked.choice.of
                self._plan(FrameworkRun(lane.adapter, asked.profile, asked.shard, self._since, choose))
        except REFUSALS as error:
            self.refusal = self.refusal or _told(self.framework, error)
        for other in self.lanes if is_first else [lane]:
            self._take_on(other)

    def _plan(self, run: FrameworkRun) -> None:
        """Open the journal and deal out the cases."""
        cases = run.cases
        if not cases:
            self.refusal = NothingChosen(self._why_none(run))
            return
        recorder = self._opened(run, len(cases))
        done = self._before.done if self._before else set()
        cells = (list(group) for _, group in groupby(cases, key=lambda case: case.cell.id))
        left = [cell for cell in cells if cell[0].cell.id not in done]
        for lane, share in zip(self.lanes, shares(left, len(self.lanes)), strict=True):
            lane.cells = share
        self.judged = self._judged_before = sum(case.cell.id in done for case in cases)
        self.total = len(cases)
        self._run, self._recorder = run, recorder

    def _why_none(self, run: FrameworkRun) -> str:
        choice = self._asked.choice
        which = "" if choice.is_all else f" that {choice} matches"
        if not run.chosen:
            return f"{self.framework} has no case{which}"
        return f"{self.framework} has {plural(run.chosen, 'cell')}{which}: {run.shard.of} shards are too many"

    def _take_on(self, lane: Lane) -> None:
        """Let a lane whose evaluator is there begin with its cells, once they are planned."""
        run, first = self._run, self.lanes[0].adapter
        if run is None or first is None or lane.adapter is None:
            return
        lane.adapter.share_offers(first)
        if lane.link is not None:
            lane.worked_before = lane.link.worked
        lane.lap()
        lane.turns.then(map(partial(self._job, run, lane, lane.adapter), lane.cells))

    def _opened(self, run: FrameworkRun, total: int) -> Recorder:
        """Open the journal, or the one that an earlier process left, whose judgements count."""
        before = left_behind(self.framework, self.part, run) if self._resume else None
        if before is None:
            self._header = run.header(total)
            return Recorder(self.part, self._header, since=self._since)
        self._judgements += [Judgement(**one) for one in before.judgements]
        run.conclusions.restore(self._judgements)
        self._before, self._given_up, self._header = before, before.given_up, before.header
        return Recorder(self.part, None, before, self._since)

    def _job(self, run: FrameworkRun, lane: Lane, adapter: RemoteAdapter, cases: list[Case]) -> Job:
        """Return what judges a cell, holds the judgements against the ledger, and records them."""

        def job() -> None:
            found, given_up = judge_cell(adapter, cases, run.profile)
            taken = run.conclusions.take(found)
            self._record(taken, cases[0].cell.id, lane.lap(), given_up=given_up)
            self.judged += len(cases)

        return job

    def _record(self, taken: list[Judgement], cell: str, seconds: float, *, given_up: bool) -> None:
        assert self._recorder is not None  # opened before the first cell
        for found in taken:
            self._recorder.append(found)
        self._recorder.end_cell(cell, given_up=given_up, seconds=seconds)
        self._judgements += taken
        # A cell in which the process ends, as a ledger says it does, is no gap in a run.
        if given_up and not any(found.verdict == "crashed" and found.deviation for found in taken):
            self._given_up.add(cell)

    def _end(self) -> None:
        """Turn the journal into the run file, once; the order is that of the plan, whoever was first."""
        for lane in self.lanes:
            if lane.link is not None:
                lane.link.leave()
        if self._recorder is None or self._run is None:
            return
        recorder, run, choice = self._recorder, self._run, self._asked.choice
        self._recorder = None
        places = {id_: place for place, id_ in enumerate(dict.fromkeys(case.cell.id for case in choice.of(run.cases)))}
        left = places.keys() - {found.cell for found in self._judgements}
        reason = f"{len(left)} of {len(places)} cells were planned and not judged, e.g. {min(left, default='')}"
        missing = [on_the_whole(run.adapter.name, "void", reason)] if left else []
        all_chosen = not self._given_up and not missing
        whole = choice.is_all and all_chosen
        judged = sorted(self._judgements, key=lambda found: places[found.cell])
        found = [*judged, *missing, *run.problems(whole=whole)]
        self._written = recorder.finish(found, self._header, complete=whole, choice=str(choice) if all_chosen else "")

    def outcome(self) -> Run:
        """Return what was judged; where the framework could not be asked at all, or nothing of it can be read, that."""
        found = self.measured()
        if found is not None:
            return found
        reason = "its results cannot be read" if self.refusal is None else str(self.refusal)
        about = {"framework": self.framework, "version": "unknown", "build": {}}
        environment = {**describe_environment(), "framework": about}
        problem = on_the_whole(self.framework, "crashed", f"the framework could not be asked: {reason}")
        profile = self._asked.profile
        return Run(table_of([problem]), [environment], profile, case_set_digest(profile), complete=False)

    def measured(self) -> Run | None:
        """Return what the run file or the journal holds, or None where neither is readable."""
        if self._written is not None:
            return self._written
        try:
            return read_run(self.part)
        except RunFileError:
            return None

    def stop(self) -> None:
        """End the evaluators, whatever they are at, and leave the journal to be resumed."""
        if self._recorder is not None:
            with suppress(OSError):  # a line that a full disk did not take is none
                self._recorder.stop()
        for lane in self.lanes:
            if lane.link is not None:
                lane.link.end()
