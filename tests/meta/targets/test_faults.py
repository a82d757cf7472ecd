"""What a framework does to its process costs the cell in which it does it; every other verdict is what it was."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from logitproof.errors import UNEXPECTED
from logitproof_adapters.targets.call_limits import MOST_DEATHS
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import Target
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import CellEvaluation, judge_regime
from logitproof_conformance.plan.cases import Case, cases_of
from logitproof_conformance.programs.repro import MOST_CHARACTERS
from logitproof_conformance.session.deaths import with_deaths
from logitproof_conformance.session.without_pytest import judge_cell
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements
from meta.targets import planted_faults
from meta.targets.planted_faults import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_adapters.contract import Adapter

HERE = Target("here", (sys.executable,), memory_gib=1)
PATIENCE = 3.0
CELLS = [
    Cell("planted", "eager", "softmax", "value", "float32", axis=axis, layout=layout)
    for axis, layout in [("last", "contiguous"), ("first", "contiguous"), ("middle", "contiguous"), ("last", "strided")]
]
BROKEN = CELLS[1]

CASES = ("typical", "saturated", "subnormal", "repeated_call", "no_classes")
"""What is judged: an error conforms to the last of them, the end of a process does not."""

NOTHING, NUMBERS = "", "numbers"
"""What a fault costs: nothing, or the numbers of its own cell; else its cell, and this is what is recorded."""

COSTS = {
    "Sound": NOTHING,
    "Prints": NOTHING,
    "Closes": NOTHING,
    "ClosesWhenImported": NOTHING,
    "IgnoresSignals": NOTHING,
    "HandlesSignals": NOTHING,
    "ChangesEverything": NOTHING,
    "Rounds": NUMBERS,
    "Flushes": NUMBERS,
    "Exits": "ended with status 0",
    "Segfaults": "ended by SIGSEGV",
    "WaitsAtItsEnd": "ended by SIGABRT",
    "Allocates": r"ran out of memory \(limit 1 GiB\): MemoryError: Unable to allocate",
    "AllocatesInC": r"ran out of memory \(limit 1 GiB\): ended by SIGABRT",
    "Hangs": "no answer in 3 s",
    "HangsWithTheLock": "no answer in 3 s",
    "WritesEverywhere": "garbage on the pipe: b'no frame",
    "ClosesThePipe": "ended with status|closed the pipe",  # it ends by itself, on a busy machine a while later
    "LeavesAChild": "ended by SIGKILL",
}


def remote(name: str, **more: Any) -> RemoteAdapter:
    return RemoteAdapter(f"{planted_faults.__name__}:{name}", HERE, patience=PATIENCE, **more)


def verdicts(adapter: Adapter) -> dict[Cell, list[str]]:
    """Return the judgements on some regimes and checks of each cell, spelled out: NaN is equal to NaN then."""
    found: dict[Cell, list[str]] = {}
    for cell in CELLS:
        evaluation = CellEvaluation(adapter, cell, "quick")
        for case in cases_of(adapter, cell, "quick"):
            if case.regime in CASES:
                judgements = CHECK_JUDGES.get(case.regime, judge_regime)(evaluation, case)
                found.setdefault(cell, []).extend(map(repr, with_deaths(evaluation, case, judgements)))
    return found


@pytest.fixture(scope="module")
def undisturbed() -> dict[Cell, list[str]]:
    return verdicts(Sound())


@pytest.mark.parametrize("name", COSTS)
def test_what_a_framework_does_to_its_process_costs_its_cell_at_most(
    name: str, undisturbed: dict[Cell, list[str]]
) -> None:
    cost = COSTS[name]
    if cost == NUMBERS and platform.machine() != "x86_64":
        pytest.skip("the floating-point mode is spelled for x86-64")
    with remote(name) as adapter:
        found = verdicts(adapter)
    broken = found.pop(BROKEN)
    assert found == {cell: told for cell, told in undisturbed.items() if cell != BROKEN}
    if cost in {NOTHING, NUMBERS}:
        assert (broken == undisturbed[BROKEN]) is (cost == NOTHING)
    else:
        assert all("verdict='crashed'" in told and re.search(cost, told) for told in broken)


@pytest.mark.parametrize(
    ("name", "printed"), [("Segfaults", "ended by SIGSEGV"), ("Exits", "exit status 0"), ("Hangs", ""), ("Sound", "")]
)
def test_the_program_of_a_call_that_ended_its_process_shows_that(name: str, printed: str) -> None:
    case = Case(BROKEN, "typical", "")
    with remote(name) as adapter:
        evaluation = CellEvaluation(adapter, BROKEN, "quick")
        (found, *_) = with_deaths(evaluation, case, judge_regime(evaluation, case))
        again, _ = judge_cell(adapter, [case], "quick")
    assert again[0].repro == found.repro
    if name == "Sound":
        assert found.repro == ""
    elif not printed:
        assert found.repro.startswith("# In the run: no answer in 3 s")
    else:
        done = subprocess.run([sys.executable, "-c", found.repro], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == printed
        assert len(found.repro) < MOST_CHARACTERS


def test_a_limit_of_memory_can_be_set_for_any_run(tmp_path: Path) -> None:
    chosen = ["-k", "eager-softmax-value-float32 and typical", "--memory-gib", "1"]
    line = [sys.executable, "-m", "logitproof", "run", "--framework", f"{planted_faults.__name__}:Allocates", *chosen]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == UNEXPECTED, done.stderr
    reasons = {one.cell: one.reason for one in judgements(read_run(tmp_path / "run.parquet")) if not one.expected}
    assert list(reasons) == [BROKEN.id]
    assert reasons[BROKEN.id].startswith("ran out of memory (limit 1 GiB): MemoryError: ")


def test_a_target_that_dies_again_and_again_is_given_up() -> None:
    cells = [Cell("planted", "eager", "softmax", "value", "float32", entry=str(number)) for number in range(8)]
    x = Inputs(np.zeros((1, 2), np.float32), 1)
    with remote("DiesAlways") as adapter:
        told = [_death(adapter, cell, x) for cell in cells]
    assert ["given up" in one for one in told] == [number >= MOST_DEATHS for number in range(8)]
    assert all("SIGABRT" in one for one in told[:MOST_DEATHS])


@pytest.mark.parametrize(
    ("name", "shape", "number"), [("DiesOfOneClass", (3, 1), 0.0), ("DiesOfANegative", (3, 2), -1)]
)
def test_a_cell_that_ended_the_process_is_still_asked_of_other_rows(
    name: str, shape: tuple[int, ...], number: float
) -> None:
    fatal, other = Inputs(np.full(shape, number, np.float32), 1), Inputs(np.zeros((3, 2), np.float32), 1)
    with remote(name) as adapter:
        deaths = [_death(adapter, CELLS[0], fatal) for _ in range(2)]
        assert np.array_equal(adapter.evaluate(CELLS[0], other), Sound().evaluate(CELLS[0], other))
    assert deaths[0] == deaths[1]
    assert "SIGABRT" in deaths[0]


def _death(adapter: RemoteAdapter, cell: Cell, inputs: Inputs) -> str:
    with pytest.raises(TargetDied) as death:
        adapter.evaluate(cell, inputs)
    return str(death.value)


def test_what_a_call_does_to_its_inputs_is_seen_here() -> None:
    x = np.ones((2, 3), np.float32)
    with remote("ChangesItsInputs") as adapter:
        adapter.evaluate(CELLS[0], Inputs(x, 1))
    assert not x.any()


JUDGE = """
import sys
import numpy as np
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import Target
from logitproof_reference.vocabulary.cells import Cell, Inputs
adapter = RemoteAdapter("meta.targets.planted_faults:{name}", Target("here", (sys.executable,)), patience=2)
print("ready", flush=True)
cell = Cell("planted", "eager", "softmax", "value", "float32", axis="{axis}")
while True:
    adapter.evaluate(cell, Inputs(np.zeros((1, 2), np.float32), 1))
"""


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Iterator[psutil.Process]:
    """Start a judge that is in the middle of an evaluation."""
    name, axis = request.param
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{JUDGE.format(name=name, axis=axis)}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        yield psutil.Process(process.pid)
        process.kill()


@pytest.mark.parametrize("judge", [("Sound", "last"), ("Hangs", "first"), ("HangsWithTheLock", "first")], indirect=True)
def test_a_judge_that_is_killed_leaves_no_evaluator_behind(judge: psutil.Process) -> None:
    evaluators = judge.children(recursive=True)
    assert evaluators
    judge.kill()
    _, left = psutil.wait_procs(evaluators, timeout=120)
    assert not left
