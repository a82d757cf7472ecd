"""The pytest side of the matrix: options, parametrisation, the record, and the strictness of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_adapters.catalogue import registry
from logitproof_adapters.targets import target as targets
from logitproof_adapters.targets.call_limits import PATIENCE_SECONDS
from logitproof_adapters.targets.installed import installed_in
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.judging.ledger_verdict import failure_message
from logitproof_conformance.plan.cases import Case
from logitproof_conformance.plan.shard import Shard
from logitproof_conformance.session.deaths import with_deaths
from logitproof_conformance.session.environment_facts import SENT
from logitproof_conformance.session.framework_run import FrameworkRun
from logitproof_conformance.session.recording import Recorder
from logitproof_reference.cases.catalogue import PROFILES
from logitproof_reports.runs.run_file import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from logitproof_adapters.targets.target import Target
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_reference.vocabulary.judgement import Judgement

SUITE = pytest.StashKey["Suite"]()


class Suite:
    """The state of one pytest run: the frameworks, their cases, their conclusions and the record."""

    def __init__(self, runs: list[FrameworkRun], record: Path | None) -> None:
        self.runs = {run.adapter.name: run for run in runs}
        self.cases = [case for run in runs for case in run.cases]
        self.record = record
        self.recorder: Recorder | None = None
        self._evaluation: CellEvaluation | None = None

    def evaluation_of(self, case: Case) -> CellEvaluation:
        """Return the evaluation of the case's cell; only the latest is kept, for cases come cell by cell."""
        if self._evaluation is None or self._evaluation.cell != case.cell:
            run = self.runs[case.cell.adapter]
            self._evaluation = CellEvaluation(run.adapter, case.cell, run.profile)
        return self._evaluation

    def start_record(self, total: int) -> None:
        """Open the record, if one is wanted; `total` is the number of cases that will be judged."""
        if self.record is not None:
            (run,) = self.runs.values()
            self.recorder = Recorder(self.record, run.header(total), since=run.since)

    def take(self, case: Case, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Check the judgements on a case against the ledger, record them, and return them as recorded."""
        told = with_deaths(self.evaluation_of(case), case, judgements)
        taken = self.runs[case.cell.adapter].conclusions.take(told)
        for found in taken if self.recorder else ():
            self.recorder.append(found)  # type: ignore[union-attr]
        return taken

    def end_evaluators(self) -> None:
        """End the processes in which the frameworks are."""
        for run in self.runs.values():
            if isinstance(run.adapter, RemoteAdapter):
                run.adapter.close()

    def close(self, *, ended: bool, asked: int) -> list[Judgement]:
        """Record what is wrong with the run as a whole, and turn the record into the run file."""
        whole = ended and asked == len(self.cases)
        problems = [problem for run in self.runs.values() for problem in run.problems(whole=whole)]
        if self.recorder is not None:
            for problem in problems:
                self.recorder.append(problem)
            self.recorder.close(complete=whole)
        return problems


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the matrix."""
    group = parser.getgroup("logitproof", "Logitproof: softmax and cross-entropy against the exact answer")
    group.addoption(
        "--framework",
        action="append",
        metavar="NAME",
        help="framework to test: a known name or module:Class (repeatable; default: every installed one)",
    )
    group.addoption("--profile", choices=PROFILES, default="quick", help="number of cases (default: quick)")
    group.addoption("--record", metavar="FILE", help="write the run file here (Parquet)")
    group.addoption(
        "--python", metavar="PATH", help="judge the framework of this interpreter; nothing is installed there"
    )
    group.addoption("--target", metavar="NAME", help="judge the framework of a target that logitproof.toml names")
    group.addoption("--device", metavar="NAME", help="where it computes, e.g. cuda:0 (default: cpu)")
    group.addoption(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long a call may take (default: %(default)g)",
    )
    group.addoption(
        "--memory-gib",
        type=float,
        metavar="GIB",
        help="most memory of a framework's process; past it the cell crashed (default: no limit)",
    )
    group.addoption("--shard", metavar="I/N", default="", help="run only the Ith of N parts of the cells")


def pytest_configure(config: pytest.Config) -> None:
    """Load the frameworks; an unknown or missing one is a usage error, not a traceback."""
    if config.option.help:
        return
    record = config.option.record
    try:
        asked = config.option
        target = targets.chosen(
            asked.python,
            asked.target,
            config.invocation_params.dir,
            device=asked.device,
            memory_gib=asked.memory_gib,
        )
        names = _names(config, target)
        if record and len(names) != 1:
            raise pytest.UsageError("--record takes one --framework: each framework has a run file of its own")
        shard = Shard.read(config.option.shard)
        patience = config.option.patience
        adapters = [RemoteAdapter(name, target, patience=patience, also_sent=SENT) for name in names]
        runs = [FrameworkRun(adapter, config.option.profile, shard) for adapter in adapters]
        config.stash[SUITE] = Suite(runs, Path(record) if record else None)
    except (ValueError, ImportError, OSError, RunFileError, TargetDied) as error:
        raise pytest.UsageError(str(error)) from error


def _names(config: pytest.Config, target: Target) -> list[str]:
    """Return the frameworks that are judged: those named, or what the target is for, or all that are installed."""
    if config.option.framework:
        named = list(config.option.framework)
        if target.is_here and (reason := next(filter(None, map(_why_not, named)), None)):
            raise pytest.UsageError(reason)
        return named
    if target.is_here:
        return [name for name in registry.known() if registry.installed(name)]
    return list(target.frameworks or installed_in(target))


def _why_not(name: str) -> str | None:
    return None if ":" in name else registry.missing(name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hand each test function the cases of its chapter."""
    if "case" in metafunc.fixturenames:
        chapter = metafunc.module.TEST_MODULE
        cases = [case for case in metafunc.config.stash[SUITE].cases if case.chapter == chapter]
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the items cell by cell, so that each cell is asked once."""
    order = {case: place for place, case in enumerate(config.stash[SUITE].cases)}
    items.sort(key=lambda item: order.get(_case_of(item), -1))


def _case_of(item: pytest.Item) -> Any:
    return item.callspec.params["case"] if hasattr(item, "callspec") else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print the versions first."""
    suite = config.stash[SUITE]
    described = {name: run.conclusions.description for name, run in suite.runs.items()}
    versions = [f"{name} is {it.framework} {it.version} {it.build}" for name, it in described.items()]
    left_out = [] if config.option.framework else registry.left_out()
    return [f"logitproof: {line}" for line in [*versions, *left_out]]


@pytest.fixture
def suite(request: pytest.FixtureRequest) -> Suite:
    """Return the suite of this pytest run."""
    return request.config.stash[SUITE]


@pytest.fixture
def evaluation(case: Case, suite: Suite) -> CellEvaluation:
    """Return the evaluation of the case's cell."""
    return suite.evaluation_of(case)


@pytest.fixture
def conclude(case: Case, suite: Suite) -> Conclude:
    """Record judgements; fail on the unexpected ones, xfail on those the ledger explains."""

    def record_and_decide(judgements: Iterable[Judgement]) -> None:
        __tracebackhide__ = True
        taken = suite.take(case, judgements)
        if unexpected := [found for found in taken if not found.expected]:
            pytest.fail("\n\n".join(map(failure_message, unexpected)), pytrace=False)
        if known := [found for found in taken if found.deviation]:
            pytest.xfail(f"known deviation {known[0].deviation}: {known[0].reason}")

    return record_and_decide


def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the record once it is known what will be asked."""
    if not session.config.option.collectonly:
        session.config.stash[SUITE].start_record(len(session.items))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started."""
    suite = config.stash.get(SUITE, None)
    if suite is not None:
        suite.end_evaluators()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the record; fail a run that measured nothing or whose ledger has stale entries."""
    suite = session.config.stash.get(SUITE, None)
    if suite is None or session.config.option.collectonly:
        return
    if exitstatus == pytest.ExitCode.INTERRUPTED and suite.recorder is not None:
        suite.recorder.stop()
        return
    ended = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    # A chapter without cases still counts as one item, which pytest skips.
    problems = suite.close(ended=ended, asked=sum(isinstance(_case_of(item), Case) for item in session.items))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for problem in problems:
        if reporter is not None:
            reporter.write_line(f"logitproof: {problem.adapter}: {problem.reason}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
