"""What no clause covers is evaluated on both sides and compared: a change of meaning there shuts the gate too."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.upgrades.uncovered import judgement_on
from logitproof_adapters.catalogue import uncovered
from logitproof_adapters.catalogue.frameworks import PACKAGES
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import report_of
from logitproof_reports.diff.ruling import rule
from logitproof_reports.diff.verdict import verdict_lines
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.schema import RunFileError
from meta.reports.synthetic_runs import QUESTIONS, judgement, run_of

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.diff.report import DiffReport

CALL = uncovered.CALLS[0]
OTHER = judgement("sklearn", "eager", "float64", QUESTIONS[0], "typical")


def compared(*answers: dict[str, Any]) -> DiffReport:
    runs = [run_of("sklearn", OTHER, judgement_on("sklearn", CALL, answer)) for answer in answers]
    found = diff(*runs)
    return report_of(found, rule(found))


def test_an_answer_that_means_something_else_shuts_the_gate() -> None:
    report = compared({"value": (0.7136).hex()}, {"value": (1.4067).hex()})
    (cause,) = report.causes
    assert (report.word, cause.change.name) == ("NOT SAFE", "meaning changed")
    assert cause.example.sentence == "0.7136 -> 1.4067"
    assert CALL.name in cause.hit
    assert any(line.strip() == CALL.source for line in verdict_lines(report))


def test_what_one_run_alone_was_evaluated_in_is_not_compared() -> None:
    runs = run_of("sklearn", OTHER), run_of("sklearn", OTHER, judgement_on("sklearn", CALL, {"value": (0.5).hex()}))
    for pair in (runs, runs[::-1]):
        found = diff(*pair)
        assert found.by_class() == diff(runs[0], runs[0]).by_class()


def test_a_last_bit_changes_nothing_and_an_error_is_to_be_looked_at() -> None:
    assert compared({"value": (0.5).hex()}, {"value": (0.5 + 2**-50).hex()}).word == "SAFE"
    raised = compared({"value": (0.5).hex()}, {"raised": "ValueError: they must sum to one"})
    assert (raised.word, raised.causes[0].change.name) == ("LOOK", "class changed")
    assert raised.causes[0].example.after == "raises ValueError"


def test_calls_are_evaluated_where_their_package_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    package, metrics = ModuleType("sklearn"), ModuleType("sklearn.metrics")
    package.metrics = metrics  # type: ignore[attr-defined]

    def log_loss(labels: list[int], _probabilities: object, **_: object) -> float:
        if len(labels) > 2:
            raise ValueError("no such\nlabels")
        return 0.5

    metrics.log_loss = log_loss  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sklearn", package)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", metrics)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    found = {uncovered.CALLS[one["call"]].name: one for one in uncovered.answers()}
    assert found[CALL.name]["value"] == (0.5).hex()
    assert found["unnormalized_probabilities_weighted"]["raised"] == "ValueError: no such"
    assert set(found) == {call.name for call in uncovered.CALLS if call.package == "sklearn"}


def test_every_call_is_of_a_known_package_and_has_a_name_of_its_own() -> None:
    assert {call.package for call in uncovered.CALLS} <= set(PACKAGES)
    assert len({(call.package, call.name) for call in uncovered.CALLS}) == len(uncovered.CALLS)
    for call in uncovered.CALLS:
        compile(call.repro, call.name, "exec")


def test_a_run_file_takes_them_as_any_other_record_and_is_read_again(tmp_path: Path) -> None:
    answers = [judgement_on("sklearn", call, {"value": (0.5).hex()}) for call in uncovered.CALLS]
    run = run_of("sklearn", OTHER, *{(one.cell, one.regime): one for one in answers}.values())
    write_run(tmp_path / "run.parquet", run)
    assert read_run(tmp_path / "run.parquet").table["inputs"].to_pylist() == run.table["inputs"].to_pylist()


@pytest.mark.parametrize("call", ["f(\x1b[0m)", 'f("x")', "<b>", "f(" + "1," * 300])
def test_what_is_no_such_call_is_refused(call: str, tmp_path: Path) -> None:
    record = replace(judgement_on("sklearn", CALL, {"value": (0.5).hex()}), inputs=json.dumps({"call": call}))
    write_run(tmp_path / "run.parquet", run_of("sklearn", OTHER, record))
    with pytest.raises(RunFileError, match="no such value"):
        read_run(tmp_path / "run.parquet")
