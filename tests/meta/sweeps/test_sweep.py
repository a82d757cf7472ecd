"""A sweep's record: the same bytes whoever worked on it, nothing lost, nothing missing or counted twice."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.sweeps.evaluate_unit import release
from logitproof.sweeps.functions import chosen
from logitproof.sweeps.progress import SweepProgress
from logitproof.sweeps.sweep import Plan, planned, sweep
from logitproof.workers import Here, Processes
from logitproof_adapters.targets.target import here
from logitproof_conformance.plan.shard import Shard
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.sweep_records.merge import merge
from logitproof_reports.sweep_records.record import read_record, write_record
from logitproof_reports.sweep_records.summary import summary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = (0x40FF_F000, 0x4100_1000)
"""Lie on both sides of the end of a unit."""

RANGE = f"{ROWS[0]:#x}:{ROWS[1]:#x}"

PLANTED = """
import numpy as np
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

class Wrong(NumpyAdapter):  # in one row of all
    name = "wrong"
    def evaluate(self, cell, inputs):
        answer = super().evaluate(cell, inputs)
        answer[inputs.logits[:, 0] == np.float32(8.000476837158203)] *= answer.dtype.type(1.01)
        return answer

class Raises(NumpyAdapter):  # of one function
    name = "raises"
    def evaluate(self, cell, inputs):
        if cell.quantity == "grad_logits":
            raise FloatingPointError("no gradient today")
        return super().evaluate(cell, inputs)
"""


class Silent(SweepProgress):
    """Shows nothing."""

    def begin(self, units: int, done: int) -> None: ...

    def advance(self) -> None: ...

    def end(self) -> None: ...


class Stops(Silent):
    """Does something once a unit is measured."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.counted, self.before = act, 0, 0

    def begin(self, units: int, done: int) -> None:
        del units
        self.before = done

    def advance(self) -> None:
        self.counted += 1
        if self.counted == 1:
            self.act()


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    functions = chosen(("softmax", "log_sum_exp"), ("value",), (), ())
    yield planned("numpy", here(), functions, rows=ROWS)
    release()


@pytest.fixture(scope="module")
def whole(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the record of one worker."""
    output = tmp_path_factory.mktemp("whole") / "whole.sweep"
    sweep(plan, Here(), output, Silent())
    assert not output.with_name("whole.sweep.units").exists()
    return output.read_bytes()


def test_a_plan_covers_its_rows_in_units(plan: Plan) -> None:
    assert [(unit.start, unit.rows) for unit in plan.units] == [(ROWS[0], 0x1000), (0x4100_0000, 0x1000)] * 2
    assert len({unit.key(plan.identity) for unit in plan.units}) == 4
    other = plan.identity | {"framework": {**plan.identity["framework"], "version": "0"}}
    assert plan.units[0].key(plan.identity) != plan.units[0].key(other)


def test_two_workers_of_which_one_is_killed_make_the_same_record(plan: Plan, whole: bytes, tmp_path: Path) -> None:
    crew = Processes(2)

    def kill() -> None:
        os.kill(next(iter(crew._pool._processes)), signal.SIGKILL)

    progress = Stops(kill)
    sweep(plan, crew, tmp_path / "two.sweep", progress)
    assert progress.counted == 4
    assert (tmp_path / "two.sweep").read_bytes() == whole


def test_a_worker_that_is_another_machine_is_refused(plan: Plan, tmp_path: Path) -> None:
    features = plan.identity["environment"] | {"cpu_features": ["sve"]}
    elsewhere = replace(plan, identity=plan.identity | {"environment": features})
    outcome = sweep(elsewhere, Here(), tmp_path / "x.sweep", Silent())
    assert all("another cpu_features" in reason for reason in outcome.failures.values())
    assert len(outcome.failures) == 2
    assert not outcome.record.units


def test_an_interrupted_sweep_goes_on_where_it_was(plan: Plan, whole: bytes, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    output = tmp_path / "cut.sweep"
    assert sweep(plan, Here(), output, Stops(interrupt)).interrupted
    assert sum(read_record(output).missing.values()) == 3 * 0x1000
    again = Stops(lambda: None)
    assert not sweep(plan, Here(), output, again).interrupted
    assert (again.before, again.counted) == (1, 3)
    assert output.read_bytes() == whole
    third = Stops(lambda: None)
    sweep(plan, Here(), output, third)
    assert (third.before, third.counted) == (4, 0)


def test_a_damaged_file_of_a_unit_is_measured_again(plan: Plan, whole: bytes, tmp_path: Path) -> None:
    output = tmp_path / "damaged.sweep"
    folder = tmp_path / "damaged.sweep.units"
    folder.mkdir()
    for unit, text in zip(plan.units, ("", "[]", '{"function": "another"}', "\0"), strict=True):
        (folder / f"{unit.key(plan.identity)}.json").write_text(text)
    sweep(plan, Here(), output, Silent())
    assert output.read_bytes() == whole


@pytest.mark.parametrize("rows", ["0x7f800000:0x7f800010", "0x42f00000:0x42f00010"], ids=["no limits", "no errors"])
def test_a_record_without_a_worst_number_is_read_and_measured_once(rows: str, folder: Path) -> None:
    words = ["sweep", "numpy", "--op", "log_softmax", "--range", rows]
    assert main(words) == EXPECTED
    written = (folder / "record.sweep").read_bytes()
    assert {unit["slack"]["row"] for unit in read_record(folder / "record.sweep").units} == {-1}
    assert main(words) == EXPECTED
    assert (folder / "record.sweep").read_bytes() == written


def test_shards_merge_to_the_whole_and_gaps_and_overlaps_are_errors(plan: Plan, whole: bytes, tmp_path: Path) -> None:
    parts = []
    for number in (1, 2):
        output = tmp_path / f"{number}.sweep"
        sweep(replace(plan, shard=Shard(number, 2)), Here(), output, Silent())
        parts.append(read_record(output))
    write_record(tmp_path / "merged.sweep", merge(parts))
    assert (tmp_path / "merged.sweep").read_bytes() == whole
    with pytest.raises(RunFileError, match="there twice"):
        merge([*parts, parts[0]])
    with pytest.raises(RunFileError, match=r"4,096 rows of eager-log_sum_exp-value-float32 are missing"):
        merge(parts[1:])
    other = replace(parts[0], head={**parts[0].head, "adapter": "another"})
    with pytest.raises(RunFileError, match="differ in adapter"):
        merge([parts[1], other])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "planted_sweep.py").write_text(PLANTED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def swept(*words: str) -> int:
    return main(["sweep", *words, "-o", "record.sweep"])


def test_one_wrong_row_of_all_turns_a_sweep_red_and_is_shown_with_its_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--op", "softmax", "--quantity", "value", "--range", RANGE)
    assert swept("planted_sweep:Wrong", *words) == UNEXPECTED
    found = summary_of(read_record(folder / "record.sweep"), "eager-softmax-value-float32")
    assert (found.counts["broken"], found.first_broken, found.ulps["row"]) == (2, 0x4100_01F4, 0x4100_01F4)
    shown = capsys.readouterr().out
    assert "0x1.0003e80000000p+3" in shown
    assert "--range 0x410001f4:0x410001f5" in shown
    assert swept("numpy", *words) == EXPECTED


def test_a_function_that_raises_costs_itself_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert swept("planted_sweep:Raises", "--op", "softmax", "--range", RANGE) == UNEXPECTED
    assert "grad_logits-float32 failed: FloatingPointError: no gradient today" in capsys.readouterr().err
    record = read_record(folder / "record.sweep")
    assert record.missing == {"eager-softmax-grad_logits-float32": 0x2000}


WRONG: dict[str, tuple[list[str], str]] = {
    "no framework": ([], "FRAMEWORK"),
    "unknown framework": (["nunpy"], 'did you mean "numpy"'),
    "unknown op": (["numpy", "--op", "sofmax"], 'op "sofmax" is not swept; known: softmax, log_softmax'),
    "unknown format": (["numpy", "--format", "float64"], 'format "float64" is not swept'),
    "unknown quantity": (["numpy", "--quantity", "hvp"], 'quantity "hvp" is not swept'),
    "unknown mode": (["numpy", "--mode", "eagre"], "offers none of these functions"),
    "no range": (["numpy", "--range", "5"], "write FIRST:END"),
    "range that is empty": (["numpy", "--range", "9:9"], "write FIRST:END"),
    "rows that are not there": (
        ["numpy", "--op", "sigmoid_cross_entropy", "--format", "float16", "--range", "0x20000:0x20001"],
        "no function has rows in this range",
    ),
    "shard that is none": (["numpy", "--shard", "3/2"], 'shard "3/2" is invalid'),
}


@pytest.mark.parametrize(("words", "hint"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line(words: list[str], hint: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert swept(*words) == USAGE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert hint in lines[0]
    assert not (folder / "record.sweep").exists()


def test_a_pipe_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["merge", str(tmp_path / "pipe"), "-o", str(tmp_path / "merged")]) == USAGE
    assert "is a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["half a line", "a line of another kind", "a row twice", "another version"])
def test_a_damaged_record_is_told_in_one_line(damage: str, whole: bytes, tmp_path: Path, capsys: Any) -> None:
    lines = whole.decode().splitlines()
    changed = {
        "half a line": [*lines[:-1], lines[-1][:40]],
        "a line of another kind": [*lines, "{}"],
        "a row twice": [*lines, lines[-1]],
        "another version": [lines[0].replace('"logitproof_sweep": 1', '"logitproof_sweep": 2'), *lines[1:]],
    }[damage]
    (tmp_path / "bad.sweep").write_text("\n".join(changed))
    assert main(["merge", str(tmp_path / "bad.sweep"), "-o", str(tmp_path / "merged.sweep")]) == USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "merged.sweep").exists()
