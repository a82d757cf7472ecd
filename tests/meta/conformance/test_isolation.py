"""A framework that breaks down costs the cell in which it does; what it costs, and what the rest was, is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self, cast

import psutil
import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.matrix import run as matrix_run
from logitproof.matrix.journal_progress import JournalProgress
from logitproof.matrix.progress import Lines
from logitproof.matrix.silence import Silence, cpu_seconds, hangs
from logitproof.readers.reporting import judgements
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.plugin import Suite
from logitproof_reports.runs.journal import Journal, ResumePoint, cut_torn_line, read_journal, resume_point
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from logitproof.matrix.journal_progress import Phase
    from logitproof_conformance.session.recording import Recorder
    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

ADAPTERS = '''
import itertools, os, pathlib, signal, sys, time
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

class Waits(NumpyAdapter):
    """The control, which waits at its fourth call until there is a file."""
    name = "waits"
    calls = itertools.count(1)
    def evaluate(self, cell, inputs):
        while next(self.calls) >= 4 and not pathlib.Path("go").exists():
            pathlib.Path("waiting").touch()
            time.sleep(0.01)
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
    "Hangs": "no progress for 10 s",
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


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for what a process is to bring about."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


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
since = "0"
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

    def end(self) -> None:
        """Nothing was measured: nothing ends."""

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
    suite.stand = ResumePoint({}, [crash], given_up={cell})
    told = Told()
    suite.recorder = cast("Recorder", told)
    suite.close(ended=True, asked=0)
    assert told.complete is complete


BROKEN_STARTS = {
    "import no_such_package": "no_such_package",
    "os.kill(os.getpid(), signal.SIGKILL)": "killed by SIGKILL",
    "journal.write_bytes(b''); os._exit(3)": "ends within its first line",
    'journal.write_text(\'{"verdict": "crashed"}\\n\'); os._exit(1)': "has schema version none",
    "journal.write_bytes(b'\\x00\\xff\\n[]\\n'); os._exit(0)": "is damaged at line 1",
    "part.write_bytes(b'PAR1 and no more'); os._exit(0)": "is truncated or damaged",
}
"""What a framework may do as it is imported, and what is told of it."""

BROKEN_START = """
import os, pathlib, signal, sys
part = pathlib.Path(sys.argv[sys.argv.index("--record") + 1])
journal = part.with_name(part.name + ".journal")
"""


@pytest.mark.parametrize("act", BROKEN_STARTS)
def test_a_framework_that_leaves_nothing_readable_costs_the_others_nothing(act: str, folder: Path) -> None:
    (folder / "broken.py").write_text(BROKEN_START + act)
    done = logitproof(folder, "run", "--framework", "numpy", "--framework", "broken:Adapter", "--", "-k", SELECTED)
    assert done.returncode == UNEXPECTED, done.stderr
    run = read_run(folder / "run.parquet")
    (crash,) = [one for one in judgements(run) if one.adapter != "numpy"]
    assert (crash.adapter, crash.cell, crash.verdict) == ("broken:Adapter", "broken:Adapter", "crashed")
    assert BROKEN_STARTS[act] in crash.reason
    assert cells_of(judgements(run), "numpy", "conforms") == CELLS
    assert not run.complete


def test_a_run_that_was_killed_is_gone_on_with_to_the_same_end(folder: Path) -> None:
    options = ("--framework", "planted:Waits", "-o", "run.parquet")
    line = command("run", *options, "--", "-k", SELECTED)
    process = subprocess.Popen(line, cwd=folder, env=environment(folder), start_new_session=True)
    journal = folder / "run.parquet.parts" / "planted_Waits.parquet.journal"
    wait_until((folder / "waiting").exists, process)
    assert 1 < journal.read_bytes().count(b"starts") < 8
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=60)
    assert not left
    (folder / "go").touch()
    refused = logitproof(folder, "run", *options, "--resume")
    assert (refused.returncode, refused.stderr.count("\n")) == (USAGE, 1)
    assert "pass the same" in refused.stderr
    done = logitproof(folder, "run", *options, "--resume", "--", "-k", SELECTED)
    assert done.returncode == EXPECTED, done.stderr
    resumed = read_run(folder / "run.parquet")
    assert resumed.complete is False  # -k left cases out
    whole = logitproof(folder, "run", "--framework", "planted:Waits", "-o", "whole.parquet", "--", "-k", SELECTED)
    assert whole.returncode == EXPECTED
    assert set(judgements(resumed)) == set(judgements(read_run(folder / "whole.parquet")))


def test_resuming_nothing_is_told_in_one_line(folder: Path) -> None:
    done = logitproof(folder, "run", "--framework", "numpy", "--resume")
    assert (done.returncode, done.stderr.count("\n")) == (USAGE, 1)
    assert "omit --resume" in done.stderr


SLOW = """
import atexit, os, pathlib, signal, time
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

def wait():
    while not pathlib.Path("go").exists():
        time.sleep(0.01)

class Slow(NumpyAdapter):
    name = "slow"
    def evaluate(self, cell, inputs):
        if pathlib.Path("breaks").exists() and cell.axis == "first":
            pathlib.Path("breaks").unlink()
            pathlib.Path("broke").touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().evaluate(cell, inputs)

"""
SLOW_PARTS = {
    "first import": ("wait()", 0),
    "import of a new process": ("pathlib.Path('broke').exists() and wait()", 1),
    "exit": ("atexit.register(wait)", 0),
}
"""Where a framework takes its time, and how often it breaks down besides."""

SHORT_PATIENCE = 2.0


class Lets:
    """A display that lets a framework go on once it has waited for longer than a case may take."""

    def __init__(self, go: Path) -> None:
        self._go = go
        self._before: tuple[int, float] = (-1, 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def show(self, framework: str, judged: int, total: int, **_more: object) -> None:
        """Wait for as long as nothing is judged."""
        del framework, total
        if self._before[0] != judged:
            self._before = judged, time.monotonic()
        if time.monotonic() - self._before[1] > SHORT_PATIENCE + 1:
            self._go.touch()


@pytest.mark.parametrize("part", SLOW_PARTS)
def test_a_framework_that_is_slow_outside_its_cases_is_waited_for(
    part: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, breakdowns = SLOW_PARTS[part]
    (folder / "slow.py").write_text(SLOW + act)
    if breakdowns:
        (folder / "breaks").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", environment(folder)["PYTHONPATH"])
    monkeypatch.syspath_prepend(folder)
    run = matrix_run.run(
        ["slow:Slow"], pytest_args=("-k", SELECTED), patience=SHORT_PATIENCE, display=Lets(folder / "go")
    )
    assert (folder / "go").exists()
    assert [one.verdict for one in judgements(run)].count("crashed") == breakdowns
    assert cells_of(judgements(run), "slow", "conforms") >= CELLS - {"-axis=first"}


def test_a_process_that_dies_once_all_is_judged_loses_nothing_of_it(folder: Path) -> None:
    (folder / "dying.py").write_text(
        "import atexit, os\nfrom logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter\n"
        "class Adapter(NumpyAdapter):\n    name = 'dying'\natexit.register(os.abort)\n"
    )
    done = logitproof(folder, "run", "--framework", "dying:Adapter", "--", "-k", SELECTED)
    assert done.returncode == UNEXPECTED, done.stderr
    found = list(judgements(read_run(folder / "run.parquet")))
    assert cells_of(found, "dying", "conforms") == CELLS
    (crash,) = [one for one in found if one.verdict == "crashed"]
    assert (crash.cell, "SIGABRT after 8 cases" in crash.reason) == ("dying:Adapter", True)


HEADER = {"environment": {"framework": {}}, "profile": "quick", "case_set": "c0ffee", "total": 3}
CASE = {"cell": "numpy-eager-softmax-value-float32", "regime": "typical"}


def test_what_a_process_is_at_does_not_depend_on_what_an_earlier_one_left(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    phases: list[Phase] = [JournalProgress(path).phase]
    with Journal(path, HEADER) as journal:  # type: ignore[arg-type] - as little as will do
        first = JournalProgress(path)
        for write in (lambda: journal.start(CASE), journal.end):
            phases.append(first.phase)
            write()
            assert first.read()
        phases.append(first.phase)
        journal.start(CASE)
    second = JournalProgress(path)
    assert (second.phase, second.current, second.judged) == ("importing", None, 2)
    path.unlink()
    assert second.read()
    assert not second.read()
    assert (*phases, second.phase) == ("importing", "importing", "judging", "ending", "ending")


def test_a_journal_that_is_damaged_within_does_not_end_those_who_follow_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b'\x00\xff\n[]\n7\n{"starts": {"cell": "a"}}\n')
    progress = JournalProgress(tmp_path / "nothing yet")
    assert not progress.read()
    progress = JournalProgress(path)
    assert progress.began == 1


def test_taking_a_journal_up_twice_is_taking_it_up_once(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, HEADER) as journal:  # type: ignore[arg-type] - as little as will do
        journal.start(CASE)
        journal.start({**CASE, "regime": "saturated"})
    stand, once = resume_point(path), path.read_bytes()
    assert stand.ended == {(CASE["cell"], "typical")}
    assert (resume_point(path), path.read_bytes()) == (stand, once)
    assert read_journal(path).table.num_rows == 0


def test_a_line_in_which_a_process_ended_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path, HEADER) as journal:  # type: ignore[arg-type] - as little as will do
        journal.start(CASE)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"cell": "numpy-eag')
    cut_torn_line(path)
    assert path.read_bytes() == whole


SILENCES = {
    "a case within its limit": (299.0, 299.0, False),
    "a deadlock": (301.0, 0.1, True),
    "an endless loop": (301.0, 301.0, True),
    "a case beside others": (301.0, 150.0, False),
    "a case beside many others": (1000.0, 60.0, False),
    "a case that has had its time": (4000.0, 300.0, True),
    "where the system does not say": (301.0, None, True),
}


@pytest.mark.parametrize("what", SILENCES)
def test_a_process_hangs_where_it_had_its_time_or_wanted_none(what: str) -> None:
    seconds, used, expected = SILENCES[what]
    assert hangs(seconds, used, limit=300.0) is expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the time of a session is read from /proc")
def test_the_time_of_a_session_is_that_of_all_its_processes() -> None:
    spin = "while True: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    silence = Silence(process.pid)
    try:
        while (cpu_seconds(process.pid) or 0.0) < 1.0:  # the parent itself uses a tenth
            assert not silence.exceeds(3600.0)
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert silence.exceeds(0.0)
    assert cpu_seconds(-1) is None


def test_an_import_that_takes_long_is_told_of_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for importing in (0.1, 9.9, 10.0, 19.0, 20.4, 34.0, 41.0):
        lines.show("tensorflow", 0, 0, importing=importing, ended=False)
    lines.show("tensorflow", 0, 8, importing=0.0, ended=False)
    lines.show("tensorflow", 1, 8, importing=12.0, ended=False)
    shown = (
        "starts",
        "importing, 10 s",
        "importing, 20 s",
        "importing, 41 s",
        "0 of 8 cases judged",
        "importing, 12 s",
    )
    assert capsys.readouterr().err.splitlines() == [f"tensorflow: {line}" for line in shown]
