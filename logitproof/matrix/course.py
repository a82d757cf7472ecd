"""The course of one framework: its evaluators, the cells under way, and the journal of what is judged."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from logitproof.errors import UsageError
from logitproof.matrix.turns import Turns
from logitproof_adapters.catalogue.registry import MissingFramework, UnknownFramework
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import TargetError
from logitproof_conformance.session.framework_run import FrameworkRun, identity_of
from logitproof_conformance.session.recording import Recorder
from logitproof_conformance.session.surroundings import SENT
from logitproof_conformance.session.sweep import judge_cell
from logitproof_reference.cases.catalogue import case_set_digest
from logitproof_reference.vocabulary.judgement import Judgement, on_the_whole
from logitproof_reports.runs.environment import describe_environment
from logitproof_reports.runs.journal import is_begun, resume_point
from logitproof_reports.runs.run_file import journal_of, read_journal, read_run
from logitproof_reports.runs.schema import Run, RunFileError, table_of

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from logitproof.matrix.choice import Choice
    from logitproof.matrix.turns import Job
    from logitproof_adapters.targets.link import Link
    from logitproof_adapters.targets.target import Target
    from logitproof_conformance.plan.cases import Case
    from logitproof_conformance.plan.shard import Shard
    from logitproof_reports.runs.journal import ResumePoint

UNDER_WAY = 4
"""Cells of one framework under way at a time: enough that the evaluator never waits for the judge to read an answer."""

REFUSALS = (MissingFramework, UnknownFramework, TargetError, TargetDied)
"""What keeps a framework from being asked at all."""


class NothingChosen(UsageError):  # noqa: N818  the user's choice, not a fault
    """Of this framework no case is to be judged."""


@dataclass(frozen=True)
class Asked:
    """What is asked of each framework.

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


@dataclass
class CellRecord:
    """What is judged of one cell."""

    cases: list[Case]
    judgements: list[Judgement] = field(default_factory=list)
    given_up: bool = False
    ended: bool = False

    @property
    def cell(self) -> str:
        """The id of the cell."""
        return self.cases[0].cell.id


class Lane:
    """One evaluator of a course, and the cells that it is asked.

    Attributes
    ----------
    turns : Turns
        Its cells under way.
    link : Link or None
        The process, once it is started.
    adapter : RemoteAdapter or None
        What it is asked through, once the framework is imported.
    records : list of CellRecord
        Its cells, once they are planned.
    """

    def __init__(self) -> None:
        self.turns = Turns(UNDER_WAY)
        self.link: Link | None = None
        self.adapter: RemoteAdapter | None = None
        self.records: list[CellRecord] = []

    @property
    def descriptor(self) -> int | None:
        """What can be read once an answer is there; None where no process runs."""
        return self.link.fileno if self.link is not None and self.link.alive else None

    def follow(self, link: Link) -> None:
        """Take on a process that was started."""
        link.wait = self.turns.wait
        self.link = link

    def go_on(self) -> None:
        """Take the answers that have come, and see whether one is overdue."""
        if self.link is not None:
            self.turns.settle(self.link.pump())
            self.turns.settle(self.link.check_deadline())
        if not self.turns.busy and self.link is not None:
            self.link.leave()


class Course:
    """One framework, from the start of its evaluators to its run file.

    Parameters
    ----------
    framework : str
        Name or ``module:Class`` of its adapter.
    asked : Asked
        What is asked of it.
    folder : Path
        Where its run file and journal lie while the run goes on.
    resume : bool
        Whether to go on with the journal that lies there.

    Attributes
    ----------
    judged, total : int
        Cases that are judged, of those that will be; `total` is 0 before they are planned.
    refusal : Exception or None
        Why the framework cannot be asked.
    lanes : list of Lane
        Its evaluators: each is asked every second cell where there are two.
    """

    def __init__(self, framework: str, asked: Asked, folder: Path, *, resume: bool) -> None:
        self.framework = framework
        stem = re.sub(r"\W+", "_", framework)
        self.part = folder / f"{stem}.parquet"
        self.judged = self.total = 0
        self.refusal: Exception | None = None
        self.lanes: list[Lane] = []
        self._asked = asked
        self._resume = resume
        self._since = time.monotonic()
        self._run: FrameworkRun | None = None
        self._recorder: Recorder | None = None
        self._before: ResumePoint | None = None
        self._records: deque[CellRecord] = deque()
        self._given_up: set[str] = set()
        if not (resume and self.is_whole):
            self.lanes += [Lane() for _ in range(asked.evaluators)]
            for lane in self.lanes:
                lane.turns.begin(partial(self._prepare, lane))

    @property
    def is_whole(self) -> bool:
        """Whether the run file is there: the course came to its end."""
        return self.part.exists() and not journal_of(self.part).exists()

    @property
    def running(self) -> bool:
        """Whether something is still to come."""
        return any(lane.turns.busy for lane in self.lanes)

    @property
    def importing_for(self) -> float:
        """Seconds since the evaluators were started, until the cases are planned; 0 from then on."""
        return time.monotonic() - self._since if self.running and not self.total else 0.0

    def go_on(self, ready: Container[int | None]) -> None:
        """Take the answers that have come on these descriptors; in the end write the run file."""
        for lane in self.lanes:
            if lane.descriptor in ready:
                lane.go_on()
        if not self.running:
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
                self._plan(FrameworkRun(lane.adapter, asked.profile, asked.shard))
        except REFUSALS as error:
            self.refusal = self.refusal or error
        for other in self.lanes if is_first else [lane]:
            self._take_on(other)

    def _plan(self, run: FrameworkRun) -> None:
        """Choose the cases and open the journal."""
        choice = self._asked.choice
        cases = choice.of(run.cases)
        if not cases:
            self.refusal = NothingChosen(f"{self.framework} has no case that {choice} matches")
            return
        recorder = self._opened(run, len(cases))
        done = self._before.done if self._before else set()
        cells = (list(group) for _, group in groupby(cases, key=lambda case: case.cell.id))
        self._records.extend(CellRecord(cell) for cell in cells if cell[0].cell.id not in done)
        for place, lane in enumerate(self.lanes):
            lane.records = list(self._records)[place :: len(self.lanes)]
        self.judged = sum(case.cell.id in done for case in cases)
        self.total = len(cases)
        self._run, self._recorder = run, recorder

    def _take_on(self, lane: Lane) -> None:
        """Let a lane whose evaluator is there begin with its cells, once they are planned."""
        run, first = self._run, self.lanes[0].adapter
        if run is None or first is None or lane.adapter is None:
            return
        lane.adapter.share_offers(first)
        lane.turns.then(map(partial(self._job, lane.adapter), lane.records))

    def _opened(self, run: FrameworkRun, total: int) -> Recorder:
        """Open the journal, or the one that an earlier process left, whose judgements count."""
        if not (self._resume and is_begun(journal_of(self.part))):
            return Recorder(self.part, run.header(total))
        before = resume_point(journal_of(self.part))
        if identity_of(before.header) != run.identity:
            raise UsageError(
                f"the interrupted run judged another release, profile or case set of {self.framework}: omit --resume"
            )
        run.conclusions.restore(Judgement(**one) for one in before.judgements)
        self._before, self._given_up = before, before.given_up
        return Recorder(self.part, None)

    def _job(self, adapter: RemoteAdapter, record: CellRecord) -> Job:
        """Return what judges a cell; what it finds is recorded behind the cells before it."""

        def job() -> None:
            record.judgements, record.given_up = judge_cell(adapter, record.cases, self._asked.profile)
            record.ended = True
            while self._records and self._records[0].ended:
                self._take(self._records.popleft())

        return job

    def _take(self, record: CellRecord) -> None:
        """Hold what is judged of a cell against the ledger, and record it."""
        assert self._run is not None  # both are there before the first cell begins
        assert self._recorder is not None
        taken = self._run.conclusions.take(record.judgements)
        for found in taken:
            self._recorder.append(found)
        self._recorder.end_cell(record.cell, given_up=record.given_up)
        # A cell in which the process ends, as a ledger says it does, is no gap in a run.
        if record.given_up and not any(found.verdict == "crashed" and found.deviation for found in taken):
            self._given_up.add(record.cell)
        self.judged += len(record.cases)

    def _end(self) -> None:
        """Turn the journal into the run file, once."""
        if self._recorder is None or self._run is None:
            return
        for record in self._records:  # of a lane whose evaluator did not start, some are left
            if record.ended:
                self._take(record)
        recorder, run = self._recorder, self._run
        self._recorder = None
        whole = self._asked.choice.is_all and not self._given_up
        missing = self._missing(run, recorder)
        for problem in [*missing, *run.problems(whole=whole and not missing)]:
            recorder.append(problem)
        recorder.close(complete=whole and not missing)

    def _missing(self, run: FrameworkRun, recorder: Recorder) -> list[Judgement]:
        """Return a judgement on each cell that was to be judged and of which the journal knows nothing."""
        planned = dict.fromkeys(case.cell.id for case in self._asked.choice.of(run.cases))
        there = set(read_journal(recorder.journal_path).table["cell"].to_pylist())
        return [
            on_the_whole(run.adapter.name, "void", f"{cell} was planned and not judged")
            for cell in planned
            if cell not in there
        ]

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
        try:
            return read_run(self.part)
        except RunFileError:
            return None

    def stop(self) -> None:
        """End the evaluators, whatever they are at, and leave the journal to be gone on with."""
        if self._recorder is not None:
            self._recorder.stop()
        for lane in self.lanes:
            if lane.link is not None:
                lane.link.end()
