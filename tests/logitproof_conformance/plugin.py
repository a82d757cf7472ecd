"""The pytest side of the matrix: options, parametrisation, the record, and the strictness of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_adapters.catalogue import ledger, registry
from logitproof_adapters.evaluator.loop import end_with
from logitproof_adapters.targets import target as targets
from logitproof_adapters.targets.installed import installed_in
from logitproof_adapters.targets.link import PATIENCE_SECONDS, TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_conformance.asking.dialect_choices import stated_dialects
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.judging.ledger_verdict import Conclusions, failure_message
from logitproof_conformance.plan.cases import Case, plan_cases
from logitproof_conformance.plan.shard import WHOLE, Shard
from logitproof_conformance.plan.training import training_cases
from logitproof_conformance.session.deaths import with_deaths
from logitproof_conformance.session.recording import Recorder, environment_of
from logitproof_conformance.session.surroundings import SENT, surroundings_of
from logitproof_reference.cases.catalogue import PROFILES, case_set_digest
from logitproof_reference.vocabulary.judgement import Judgement, on_the_whole
from logitproof_reports.runs.environment import facts_of
from logitproof_reports.runs.journal import ResumePoint, is_begun, resume_point
from logitproof_reports.runs.run_file import RunFileError, journal_of
from logitproof_reports.runs.shards import stale_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_reports.runs.run_file import Header

SUITE = pytest.StashKey["Suite"]()


class Suite:
    """What one pytest run asks: the frameworks, their cases, their conclusions and the record."""

    def __init__(self, adapters: list[Adapter], profile: str, record: Path | None, shard: Shard = WHOLE) -> None:
        self.profile = profile
        self.record = record
        self.shard = shard
        self.recorder: Recorder | None = None
        self.adapters = {adapter.name: adapter for adapter in adapters}
        self.surroundings = {adapter.name: surroundings_of(adapter) for adapter in adapters}
        self.conclusions = {
            adapter.name: Conclusions(
                adapter.describe(), ledger.load(adapter.name), profile, facts_of(self.surroundings[adapter.name])
            )
            for adapter in adapters
        }
        self.cases = [
            case
            for adapter in adapters
            for case in shard.part([*plan_cases(adapter, profile), *training_cases(adapter, profile)])
        ]
        self.stand: ResumePoint | None = None
        self._evaluation: CellEvaluation | None = None

    def resume(self) -> None:
        """Go on with the journal of an earlier process: what it judged counts, and is not asked again."""
        if self.record is None or not is_begun(journal_of(self.record)):
            return
        self.stand = resume_point(journal_of(self.record))
        ((name, found),) = self.conclusions.items()
        header = self.stand.header
        framework = header["environment"]["framework"]
        before = (framework["framework"], framework["version"], header["profile"], header["case_set"])
        now = (found.description.framework, found.description.version, self.profile, case_set_digest(self.profile))
        if before != now or header["environment"].get("shard", "") != str(self.shard):
            raise ValueError(f"{self.record} has another {name}, profile, shard or case set: start a new run")
        found.restore(Judgement(**record) for record in self.stand.judgements)

    def is_done(self, case: Case) -> bool:
        """Tell whether an earlier process judged a case, or gave its cell up."""
        stand = self.stand
        return stand is not None and ((case.cell.id, case.regime) in stand.ended or case.cell.id in stand.given_up)

    def evaluation_of(self, case: Case) -> CellEvaluation:
        """Return the evaluation of the case's cell; only the latest is kept, for cases come cell by cell."""
        if self._evaluation is None or self._evaluation.cell != case.cell:
            self._evaluation = CellEvaluation(self.adapters[case.cell.adapter], case.cell, self.profile)
        return self._evaluation

    def start_record(self, total: int) -> None:
        """Open the record, if one is wanted; `total` is the number of cases that will be judged."""
        if self.record is None:
            return
        if self.stand is not None:
            self.recorder = Recorder(self.record, None)
            return
        ((name, found),) = self.conclusions.items()
        dialects = stated_dialects(self.adapters[name])
        environment = environment_of(found, self.surroundings[name], dialects, shard=str(self.shard))
        digest = case_set_digest(self.profile)
        header: Header = {"environment": environment, "profile": self.profile, "case_set": digest, "total": total}
        self.recorder = Recorder(self.record, header)

    def start(self, case: Case) -> None:
        """Record that a case begins."""
        if self.recorder is not None:
            self.recorder.start(case)

    def take(self, case: Case, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Hold the judgements on a case against the ledger, record them, return them as recorded."""
        taken = self.conclusions[case.cell.adapter].take(with_deaths(case, judgements))
        if self.recorder is not None:
            for found in taken:
                self.recorder.append(found)
        return taken

    def end_evaluators(self) -> None:
        """End the processes that were started in targets."""
        for adapter in self.adapters.values():
            if isinstance(adapter, RemoteAdapter):
                adapter.close()

    def close(self, *, ended: bool, asked: int) -> list[Judgement]:
        """Record what is wrong with the run as a whole, and turn the record into the run file."""
        if self.recorder is not None:
            self.recorder.end()
        given_up = self.stand.given_up - self.stand.crashed_as_known if self.stand else set()
        done = sum(map(self.is_done, self.cases))
        whole = ended and not given_up and asked + done == len(self.cases)
        problems = list(self._problems(whole=whole))
        if self.recorder is not None:
            for problem in problems:
                self.recorder.append(problem)
            self.recorder.close(complete=whole)
        return problems

    def _problems(self, *, whole: bool) -> Iterator[Judgement]:
        """Yield a judgement on everything wrong with the run as a whole; `whole` if every case was judged."""
        for name, found in self.conclusions.items():
            if not found.elements:
                yield on_the_whole(name, "void", "nothing was measured; the run is void")
            # Of a shard nobody can tell: the entry may match in another one. Merging them asks again.
            for entry in found.stale_entries() if whole and self.shard == WHOLE else ():
                yield on_the_whole(name, "stale", stale_entry(entry))


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
    group.addoption("--take-up", action="store_true", help="continue from the journal of --record, if there is one")
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
        help="how long a call in a target may take (default: %(default)g)",
    )
    group.addoption("--ends-with", type=int, metavar="FD", help="end when the other end of this pipe is closed")
    group.addoption("--shard", metavar="I/N", default="", help="run only the Ith of N parts of the cells")


def pytest_configure(config: pytest.Config) -> None:
    """Load the frameworks; an unknown or missing one is a usage error, not a traceback."""
    if config.option.help:
        return
    if config.option.ends_with is not None:
        end_with(config.option.ends_with)
    record = config.option.record
    try:
        asked = config.option
        target = targets.chosen(asked.python, asked.target, config.invocation_params.dir, device=asked.device)
        names = _names(config, target)
        if record and len(names) != 1:
            raise pytest.UsageError("--record takes one --framework: each framework runs in its own process")
        adapters = [_loaded(name, target, config.option.patience) for name in names]
        shard = Shard.read(config.option.shard)
        suite = Suite(adapters, config.option.profile, Path(record) if record else None, shard)
        if config.option.take_up:
            suite.resume()
        config.stash[SUITE] = suite
    except (ValueError, ImportError, OSError, RunFileError, TargetDied) as error:
        raise pytest.UsageError(str(error)) from error


def _names(config: pytest.Config, target: Target | None) -> list[str]:
    """Return the frameworks that are judged: those named, or what the target is for, or all that are installed."""
    if config.option.framework:
        return list(config.option.framework)
    if target is not None:
        return list(target.frameworks or installed_in(target))
    return [name for name in registry.known() if registry.installed(name)]


def _loaded(name: str, target: Target | None, patience: float) -> Adapter:
    return registry.load(name) if target is None else RemoteAdapter(name, target, patience=patience, also_sent=SENT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hand each test function the cases of its chapter."""
    if "case" in metafunc.fixturenames:
        chapter = metafunc.module.TEST_MODULE
        cases = [case for case in metafunc.config.stash[SUITE].cases if case.chapter == chapter]
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the items cell by cell, so that each cell is asked once; leave out what is judged already."""
    suite = config.stash[SUITE]
    order = {case: place for place, case in enumerate(suite.cases)}
    items.sort(key=lambda item: order.get(_case_of(item), -1))
    if suite.stand is not None:
        items[:] = [item for item in items if not isinstance(_case_of(item), Case) or not suite.is_done(_case_of(item))]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Record which case begins, so that one that ends the process is known."""
    case = _case_of(item)
    if isinstance(case, Case):
        item.config.stash[SUITE].start(case)


def _case_of(item: pytest.Item) -> Any:
    return item.callspec.params["case"] if hasattr(item, "callspec") else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print the versions first."""
    suite = config.stash[SUITE]
    described = {name: found.description for name, found in suite.conclusions.items()}
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
    nothing_left = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and suite.stand is not None
    ended = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} or nothing_left
    # A chapter without cases still counts as one item, which pytest skips.
    problems = suite.close(ended=ended, asked=sum(isinstance(_case_of(item), Case) for item in session.items))
    if nothing_left:
        session.exitstatus = pytest.ExitCode.OK
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for problem in problems:
        if reporter is not None:
            reporter.write_line(f"logitproof: {problem.adapter}: {problem.reason}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
