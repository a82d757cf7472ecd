"""A framework that breaks down costs the cell in which it does; what it costs, and what the rest was, is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, cast

import psutil
import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.readers.reporting import judgements
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.plugin import Suite
from logitproof_reports.runs.journal import Stand
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_conformance.session.recording import Recorder
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

ADAPTERS = '''
import os, signal, sys, time
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

class Breaking(NumpyAdapter):
    """The control, which breaks down in one of the cells asked."""
    def evaluate(self, cell, inputs):
        if cell.axis == "first":
            self.break_down()
        return super().evaluate(cell, inputs)

def breaking(label, act):
    return type(label, (Breaking,), {"name": label.lower(), "break_down": lambda self: act()})

def exhaust():
    raise MemoryError("cannot allocate")

def leave():
    raise SystemExit(0)

def interrupt():
    raise KeyboardInterrupt

def babble():
    sys.stdout.write("\\x00\\x1b[31m{garbage" * 100 + "\\n")
    raise RuntimeError("garbage \\udcff in the text")

Segfault = breaking("Segfault", lambda: os.kill(os.getpid(), signal.SIGSEGV))
Abort = breaking("Abort", os.abort)
Killed = breaking("Killed", lambda: os.kill(os.getpid(), signal.SIGKILL))
Exits = breaking("Exits", lambda: os._exit(0))
Hangs = breaking("Hangs", lambda: time.sleep(600))
Memory = breaking("Memory", exhaust)
Leaves = breaking("Leaves", leave)
Interrupts = breaking("Interrupts", interrupt)
Babbles = breaking("Babbles", babble)

class Shapeless(NumpyAdapter):
    name = "shapeless"
    def evaluate(self, cell, inputs):
        return "no array" if cell.axis == "first" else super().evaluate(cell, inputs)

class Slow(NumpyAdapter):
    name = "slow"
    def evaluate(self, cell, inputs):
        time.sleep(0.3)
        return super().evaluate(cell, inputs)
'''
SELECTED = "eager-softmax-value-float32 and (typical or saturated)"
"""Two regimes of four cells, of which the second breaks down."""

CELLS = {"", "-axis=first", "-axis=middle", "-layout=strided"}

PATIENCE = 10

ENDS_THE_PROCESS = {
    "Segfault": "SIGSEGV",
    "Abort": "SIGABRT",
    "Killed": "SIGKILL",
    "Exits": "status 0",
    "Hangs": "judged nothing for 10 s",
    "Interrupts": "status 2",
}
RAISES = {"Memory": "MemoryError", "Leaves": "SystemExit", "Babbles": "RuntimeError"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "planted.py").write_text(ADAPTERS)
    (tmp_path / "unimportable.py").write_text("import no_such_package\n")
    return tmp_path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "logitproof", *map(str, arguments)]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


def logitproof(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    line = command(*arguments)
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder, env=environment(folder))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ask all of them at once."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "planted.py").write_text(ADAPTERS)
    names = [*ENDS_THE_PROCESS, *RAISES, "Shapeless"]
    named = [word for name in names for word in ("--framework", f"planted:{name}")]
    options = ("--patience", PATIENCE, "-o", "run.parquet", "--", "-k", SELECTED)
    done = logitproof(folder, "run", *named, *options)
    assert done.returncode == UNEXPECTED, done.stdout + done.stderr
    assert not list(folder.glob("*.parts"))
    return read_run(folder / "run.parquet")


def judged(run: Run, name: str) -> list[Judgement]:
    return [found for found in judgements(run) if found.adapter == name.lower()]


def cells_of(found: list[Judgement], adapter: str, verdict: str) -> set[str]:
    stem = f"{adapter}-eager-softmax-value-float32"
    return {one.cell.removeprefix(stem) for one in found if one.adapter == adapter and one.verdict == verdict}


@pytest.mark.parametrize("name", ENDS_THE_PROCESS)
def test_what_ends_the_process_costs_its_cell_alone(name: str, run: Run) -> None:
    found = judged(run, name)
    (crash,) = [one for one in found if one.verdict == "crashed"]
    assert crash.cell == f"{name.lower()}-eager-softmax-value-float32-axis=first"
    assert (crash.mode, crash.op, crash.format, crash.axis, crash.clause) == (
        "eager",
        "softmax",
        "float32",
        "first",
        "IO-5",
    )
    assert ENDS_THE_PROCESS[name] in crash.reason
    assert cells_of(found, name.lower(), "conforms") == CELLS - {"-axis=first"}
    assert not run.complete


@pytest.mark.parametrize("name", RAISES)
def test_what_is_raised_is_a_verdict_on_its_cases(name: str, run: Run) -> None:
    found = judged(run, name)
    crashes = [one for one in found if one.verdict == "crashed"]
    assert {one.regime for one in crashes} == {"typical", "saturated"}
    assert all(one.reason.startswith(RAISES[name]) for one in crashes)
    assert cells_of(found, name.lower(), "conforms") == CELLS - {"-axis=first"}


def test_an_answer_that_is_no_array_is_a_verdict_on_its_cases(run: Run) -> None:
    found = judged(run, "Shapeless")
    assert cells_of(found, "shapeless", "deviates") == {"-axis=first"}
    assert cells_of(found, "shapeless", "conforms") == CELLS - {"-axis=first"}


LEDGER = """
[[deviation]]
id = "segfault"
clause = "IO-5"
cells = ["segfault-eager-softmax-value-float32-axis=first"]
regimes = ["typical", "saturated"]
versions = ">=0"
effect = "no-answer"
reason = "Planted."
upstream = "https://example.org/"
date = 2026-11-21
"""


def test_a_crash_that_a_ledger_holds_is_as_expected(folder: Path) -> None:
    (folder / "segfault.toml").write_text(LEDGER)
    planted = f"from logitproof_adapters.catalogue import ledger\nledger.FOLDER = pathlib.Path({str(folder)!r})\n"
    (folder / "sitecustomize.py").write_text(f"import pathlib\n{planted}")
    options = ("--framework", "planted:Segfault", "-o", "run.parquet", "--")
    done = logitproof(folder, "run", *options, "-k", SELECTED)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    (crash,) = [one for one in judgements(read_run(folder / "run.parquet")) if one.verdict == "crashed"]
    assert (crash.deviation, crash.expected) == ("segfault", True)
    assert "SIGSEGV" in crash.reason


class Told:
    """A record that keeps what it is told at its end."""

    complete: bool | None = None

    def append(self, _found: Judgement) -> None:
        """Nothing was measured: that is told too."""

    def close(self, *, complete: bool) -> None:
        self.complete = complete


@pytest.mark.parametrize(("entry", "complete"), [("segfault", True), ("", False)])
def test_a_cell_given_up_leaves_a_gap_unless_a_ledger_holds_its_crash(entry: str, complete: bool) -> None:  # noqa: FBT001 - a parameter of the test
    suite = Suite([NumpyAdapter()], "quick", None)
    suite.cases = suite.cases[:2]
    cell = suite.cases[0].cell.id
    assert suite.cases[1].cell.id == cell
    crash = {"cell": cell, "verdict": "crashed", "deviation": entry}
    suite.stand = Stand({}, [crash], given_up={cell})
    told = Told()
    suite.recorder = cast("Recorder", told)
    suite.close(ended=True, asked=0)
    assert told.complete is complete


def test_a_framework_that_cannot_be_imported_costs_the_others_nothing(folder: Path) -> None:
    done = logitproof(
        folder, "run", "--framework", "unimportable:Adapter", "--framework", "numpy", "--", "-k", SELECTED
    )
    assert done.returncode == USAGE
    assert "no_such_package" in done.stderr


def test_a_run_that_was_killed_is_gone_on_with_to_the_same_end(folder: Path) -> None:
    options = ("--framework", "planted:Slow", "-o", "run.parquet")
    line = command("run", *options, "--", "-k", SELECTED)
    process = subprocess.Popen(line, cwd=folder, env=environment(folder), start_new_session=True)
    journal = folder / "run.parquet.parts" / "planted_Slow.parquet.journal"
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"starts") < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for worker in workers:  # they outlive their parent
        worker.kill()
    psutil.wait_procs(workers, timeout=10)
    refused = logitproof(folder, "run", *options, "--resume")
    assert (refused.returncode, refused.stderr.count("\n")) == (USAGE, 1)
    assert "ask the same" in refused.stderr
    begun = journal.read_bytes().count(b"starts")
    done = logitproof(folder, "run", *options, "--resume", "--", "-k", SELECTED)
    assert done.returncode == EXPECTED, done.stderr
    resumed = read_run(folder / "run.parquet")
    assert begun < 8
    assert resumed.complete is False  # -k left cases out
    whole = logitproof(folder, "run", "--framework", "planted:Slow", "-o", "whole.parquet", "--", "-k", SELECTED)
    assert whole.returncode == EXPECTED
    assert set(judgements(resumed)) == set(judgements(read_run(folder / "whole.parquet")))


def test_resuming_nothing_is_told_in_one_line(folder: Path) -> None:
    done = logitproof(folder, "run", "--framework", "numpy", "--resume")
    assert (done.returncode, done.stderr.count("\n")) == (USAGE, 1)
    assert "leave out --resume" in done.stderr
