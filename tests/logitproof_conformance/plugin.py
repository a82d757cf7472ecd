"""The pytest side of the matrix: options, parametrisation, the record, and the strictness of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from logitproof_adapters import ledger, registry
from logitproof_conformance.conclusion import Conclusions, failure_message
from logitproof_conformance.dialects import stated_dialects
from logitproof_conformance.judging import CellEvaluation
from logitproof_conformance.plan import Case, plan_cases
from logitproof_conformance.recording import Recorder, environment_of
from logitproof_conformance.training_plan import training_cases
from logitproof_reference.regimes import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.conclusion import Conclude
    from logitproof_reference.judgements import Judgement

SUITE = pytest.StashKey["Suite"]()


class Suite:
    """What one pytest run asks: the frameworks, their cases, their conclusions and the record."""

    def __init__(self, adapters: list[Adapter], profile: str, record: Path | None) -> None:
        self.profile = profile
        self.record = record
        self.recorder: Recorder | None = None
        self.adapters = {adapter.name: adapter for adapter in adapters}
        self.conclusions = {
            adapter.name: Conclusions(adapter.describe(), ledger.load(adapter.name)) for adapter in adapters
        }
        self.cases = [
            case for adapter in adapters for case in (*plan_cases(adapter, profile), *training_cases(adapter, profile))
        ]
        self._evaluation: CellEvaluation | None = None

    def evaluation_of(self, case: Case) -> CellEvaluation:
        """Return the evaluation of the case's cell; only the latest is kept, for cases come cell by cell."""
        if self._evaluation is None or self._evaluation.cell != case.cell:
            self._evaluation = CellEvaluation(self.adapters[case.cell.adapter], case.cell, self.profile)
        return self._evaluation

    def start_record(self, total: int) -> None:
        """Open the record, if one is wanted."""
        if self.record is not None:
            ((name, found),) = self.conclusions.items()
            environment = environment_of(found.description, found.ledger, stated_dialects(self.adapters[name]))
            self.recorder = Recorder(self.record, self.profile, environment, total)

    def take(self, case: Case, judgements: Iterable[Judgement]) -> list[Judgement]:
        """Hold the judgements on a case against the ledger, record them, return them as recorded."""
        taken = self.conclusions[case.cell.adapter].take(judgements)
        if self.recorder is not None:
            for found in taken:
                self.recorder.append(found)
        return taken

    def problems(self, *, whole: bool) -> Iterator[str]:
        """Say what is wrong with the run as a whole; `whole` if every case was judged."""
        for name, found in self.conclusions.items():
            if not found.elements:
                yield f"{name}: nothing was measured; the run is void"
            for entry in found.stale_entries(self.profile) if whole else ():
                yield f'{name}: ledger entry "{entry}" matches no case of this run; remove it or correct its selector'


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the matrix."""
    group = parser.getgroup("logitproof", "Logitproof: softmax and cross-entropy against the exact answer")
    group.addoption(
        "--framework",
        action="append",
        metavar="NAME",
        help="framework to judge: a known name or module:Class (repeatable; default: every installed one)",
    )
    group.addoption("--profile", choices=PROFILES, default="quick", help="how much to ask (default: quick)")
    group.addoption("--record", metavar="FILE", help="write the run file here (Parquet)")


def pytest_configure(config: pytest.Config) -> None:
    """Load the frameworks; an unknown or missing one is a usage error, not a traceback."""
    if config.option.help:
        return
    names = config.option.framework or [name for name in registry.known() if registry.installed(name)]
    record = config.option.record
    if record and len(names) != 1:
        raise pytest.UsageError("--record takes one --framework: each framework runs in a process of its own")
    try:
        adapters = [registry.load(name) for name in names]
        config.stash[SUITE] = Suite(adapters, config.option.profile, Path(record) if record else None)
    except (ValueError, ImportError, OSError) as error:
        raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hand each test function the cases of its chapter."""
    if "case" in metafunc.fixturenames:
        chapter = metafunc.module.CHAPTER
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
    described = {name: found.description for name, found in suite.conclusions.items()}
    return [f"logitproof: {name} is {it.framework} {it.version} {it.build}" for name, it in described.items()]


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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Close the record; fail a run that measured nothing or whose ledger has stale entries."""
    suite = session.config.stash.get(SUITE, None)
    if suite is None or session.config.option.collectonly:
        return
    ended = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    # A chapter without cases still counts as one item, which pytest skips.
    asked = sum(isinstance(_case_of(item), Case) for item in session.items)
    whole = ended and asked == len(suite.cases)
    if suite.recorder is not None:
        suite.recorder.close(complete=whole)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for problem in suite.problems(whole=whole):
        if reporter is not None:
            reporter.write_line(f"logitproof: {problem}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
