"""A framework that breaks down costs the cell in which it does; a killed run is resumed to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof.matrix.progress import Lines
from logitproof_adapters.targets import hang_detection
from logitproof_adapters.targets.hang_detection import Silence, cpu_seconds, hangs, waiting_seconds
from logitproof_reference.vocabulary.judgement import on_the_whole
from logitproof_reports.runs.journal import Journal, read_journal, resume_point
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.vocabulary.judgement import Judgement
    from logitproof_reports.runs.schema import Run

ADAPTERS = '''
import os, pathlib, signal, sys, time
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
def skip():
    import pytest
    pytest.skip("not today")

class Mute(Exception):
    def __str__(self):
        raise self

def mute():
    raise Mute

Skips = breaking("Skips", skip)
Unspeakable = breaking("Unspeakable", mute)
Memory = breaking("Memory", exhaust)
Leaves = breaking("Leaves", leave)
Interrupts = breaking("Interrupts", interrupt)
Babbles = breaking("Babbles", babble)

class Shapeless(NumpyAdapter):
    name = "shapeless"
    def evaluate(self, cell, inputs):
        return "no array" if cell.axis == "first" else super().evaluate(cell, inputs)

class Waits(NumpyAdapter):
    """The control, which waits in its last cell until there is a file."""
    name = "waits"
    def evaluate(self, cell, inputs):
        while cell.layout == "strided" and not pathlib.Path("go").exists():
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
    "Hangs": "no answer in 10 s",
}
RAISES = {
    "Memory": "MemoryError",
    "Leaves": "SystemExit",
    "Babbles": "RuntimeError",
    "Interrupts": "KeyboardInterrupt",
    "Skips": "Skipped",
    "Unspeakable": "Mute",
}


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


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], told: Path) -> None:
    """Wait for what a process is to bring about."""
    while not condition():
        assert process.poll() is None, told.read_text()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ask all of them at once."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "planted.py").write_text(ADAPTERS)
    names = [*ENDS_THE_PROCESS, *RAISES, "Shapeless"]
    named = [word for name in names for word in ("--framework", f"planted:{name}")]
    options = ("--patience", PATIENCE, "-o", "run.parquet", "-k", SELECTED)
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
    options = ("--framework", "planted:Segfault", "-o", "run.parquet")
    done = logitproof(folder, "run", *options, "-k", SELECTED)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    (crash,) = [one for one in judgements(read_run(folder / "run.parquet")) if one.verdict == "crashed"]
    assert (crash.deviation, crash.expected) == ("segfault", True)
    assert "SIGSEGV" in crash.reason


BROKEN_STARTS = {
    "import no_such_package": "no_such_package",
    "os.kill(os.getpid(), signal.SIGKILL)": "ended by SIGKILL",
    "os._exit(0)": "ended with status 0",
    "Adapter = 7": "TypeError",
    "class Adapter: name = 'a'": "does not fulfil the contract",
    "class Adapter(NumpyAdapter): name = 'A b'": "a name matches",
    "class Adapter(NumpyAdapter):\n    modes = 7": "modes",
}
"""What a framework may do as it is imported, and what is told of it."""

BROKEN_START = """
import os, signal
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
"""


@pytest.mark.parametrize("act", BROKEN_STARTS)
def test_a_framework_that_cannot_be_asked_costs_the_others_nothing(act: str, folder: Path) -> None:
    (folder / "broken.py").write_text(BROKEN_START + act)
    done = logitproof(folder, "run", "--framework", "numpy", "--framework", "broken:Adapter", "-k", SELECTED)
    assert done.returncode == UNEXPECTED, done.stderr
    run = read_run(folder / "run.parquet")
    (crash,) = [one for one in judgements(run) if one.adapter != "numpy"]
    assert (crash.adapter, crash.cell, crash.verdict) == ("broken:Adapter", "broken:Adapter", "crashed")
    assert BROKEN_STARTS[act] in crash.reason
    assert cells_of(judgements(run), "numpy", "conforms") == CELLS
    assert not run.complete


def started(folder: Path, *options: object) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a run that waits in its last cell; return it with its evaluators."""
    line = command("run", *options)
    with (folder / "told").open("w") as told:
        process = subprocess.Popen(
            line, cwd=folder, env=environment(folder), start_new_session=True, text=True, stdout=told, stderr=told
        )
    wait_until((folder / "waiting").exists, process, folder / "told")
    return process, psutil.Process(process.pid).children(recursive=True)


def test_a_run_that_was_killed_is_gone_on_with_to_the_same_end(folder: Path) -> None:
    options = ("--framework", "planted:Waits", "-o", "run.parquet")
    process, evaluators = started(folder, *options, "-k", SELECTED)
    journal = folder / "run.parquet.parts" / "planted_Waits.parquet.journal"
    wait_until(lambda: journal.read_bytes().count(b'"done"') == len(CELLS) - 1, process, folder / "told")
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(evaluators, timeout=60)
    assert not left
    with journal.open("ab") as torn:
        torn.write(b'{"cell": "waits-eag')
    (folder / "go").touch()
    refused = logitproof(folder, "run", *options, "--resume")
    assert (refused.returncode, refused.stderr.count("\n")) == (USAGE, 1)
    assert "pass the same" in refused.stderr
    done = logitproof(folder, "run", *options, "--resume", "-k", SELECTED)
    assert done.returncode == EXPECTED, done.stderr
    resumed = read_run(folder / "run.parquet")
    assert resumed.complete is False  # -k left cases out
    whole = logitproof(folder, "run", "--framework", "planted:Waits", "-o", "whole.parquet", "-k", SELECTED)
    assert whole.returncode == EXPECTED
    assert list(judgements(resumed)) == list(judgements(read_run(folder / "whole.parquet")))


def test_two_runs_do_not_write_the_same_file(folder: Path) -> None:
    options = ("--framework", "planted:Waits", "-o", "run.parquet", "-k", SELECTED)
    process, _ = started(folder, *options)
    for more in ([], ["--resume"]):
        refused = logitproof(folder, "run", *options, *more)
        assert (refused.returncode, refused.stderr.count("\n")) == (USAGE, 1)
        assert f"another run (process {process.pid}) is writing run.parquet" in refused.stderr
    (folder / "go").touch()
    assert process.wait() == EXPECTED
    assert cells_of(judgements(read_run(folder / "run.parquet")), "waits", "conforms") == CELLS


def test_an_evaluator_that_is_killed_from_outside_costs_the_cell_it_was_at(folder: Path) -> None:
    process, evaluators = started(folder, "--framework", "planted:Waits", "-o", "run.parquet", "-k", SELECTED)
    (folder / "go").touch()
    evaluators[0].kill()
    assert process.wait() in {EXPECTED, UNEXPECTED}
    found = list(judgements(read_run(folder / "run.parquet")))
    assert len(CELLS - cells_of(found, "waits", "conforms")) <= 1


def test_resuming_nothing_is_told_in_one_line(folder: Path) -> None:
    done = logitproof(folder, "run", "--framework", "numpy", "--resume")
    assert (done.returncode, done.stderr.count("\n")) == (USAGE, 1)
    assert "omit --resume" in done.stderr


HEADER = {"environment": {"framework": {}}, "profile": "quick", "case_set": "c0ffee", "total": 3}


def test_a_journal_is_gone_on_with_behind_its_last_whole_cell(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first, second, third = (replace(on_the_whole("numpy", "conforms", ""), cell=name) for name in "abc")
    with Journal(path, HEADER) as journal:  # type: ignore[arg-type] - as little as will do
        journal.append(first)
        journal.end_cell("a", given_up=False)
        journal.append(second)
        journal.end_cell("b", given_up=True)
        journal.append(third)
    assert read_journal(path).table["cell"].to_pylist() == ["a", "b", "c"]
    path.write_bytes(path.read_bytes() + b'{"cell": "numpy-eag')
    stand, once = resume_point(path), path.read_bytes()
    assert (stand.done, stand.given_up) == ({"a", "b"}, {"b"})
    assert [one["cell"] for one in stand.judgements] == ["a", "b"]
    assert (resume_point(path), path.read_bytes()) == (stand, once)
    assert read_journal(path).table["cell"].to_pylist() == ["a", "b"]


SILENCES = {
    "a case within its limit": (299.0, 299.0, False),
    "a deadlock": (301.0, 0.1, True),
    "an endless loop": (301.0, 301.0, True),
    "a case beside others": (301.0, 150.0, False),
    "a case beside many others": (1000.0, 60.0, False),
    "a case that has had its time": (4000.0, 300.0, True),
    "where the system does not say": (301.0, None, True),
}

NO_PROCESSOR = {
    "a case that waits for a processor": (301.0, 0.5, 300.0, False),
    "a deadlock with a timer": (301.0, 0.5, 1.0, True),
    "an endless loop beside others": (4000.0, 300.0, 3700.0, True),
}


@pytest.mark.parametrize("what", SILENCES)
def test_a_process_hangs_where_it_had_its_time_or_wanted_none(what: str) -> None:
    seconds, used, expected = SILENCES[what]
    assert hangs(seconds, used, limit=300.0) is expected


@pytest.mark.parametrize("what", NO_PROCESSOR)
def test_a_process_that_gets_no_processor_does_not_hang(what: str) -> None:
    seconds, used, waited, expected = NO_PROCESSOR[what]
    assert hangs(seconds, used, limit=300.0, waited=waited) is expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the time of a session is read from /proc")
def test_the_time_of_a_session_is_that_of_all_its_processes() -> None:
    spin = "while True: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    watched = Silence(process.pid)
    try:
        while (cpu_seconds(process.pid) or 0.0) < 1.0:  # the parent itself uses a tenth
            assert not watched.exceeds(3600.0)
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert watched.exceeds(0.0)
    assert cpu_seconds(-1) is None


LOOKS = {
    "sleeps after it had to wait": [(0.5, 0.0, 0.0, False), (11, 1.0, 8.0, False), (22, 1.0, 8.0, True)],
    "shares a processor": [(0.5, 0.0, 0.0, False), (11, 1.0, 9.0, False), (22, 2.0, 18.0, False), (200, 10, 30, True)],
    "begins to sleep": [(0.5, 7.0, 3.0, False), (9, 7.0, 3.0, False), (11, 7.0, 3.0, True)],
}
"""What a process does: looks at the clock, at the time it used and at the time it waited, and whether it hangs then."""


@pytest.mark.parametrize("what", LOOKS)
def test_what_a_silent_process_did_before_counts_for_as_long_as_a_case_may_take(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    watched = hang_detection.Silence(1)
    for now, used, waited, expected in LOOKS[what]:
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        monkeypatch.setattr(hang_detection, "cpu_seconds", lambda _, used=used: used)
        monkeypatch.setattr(hang_detection, "waiting_seconds", lambda _, waited=waited: waited)
        assert watched.exceeds(10.0) is expected


def test_a_compiler_that_waited_for_a_processor_and_ended_does_not_make_it_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As torch.compile's on a busy machine: all that the session does is done by processes that end."""
    watched = hang_detection.Silence(1)
    for step in range(41):
        now = watched._since + 0.25 + step * 0.25
        waiting = 0.0 if step > 38 else 0.2 * step  # the compiler ends before the limit of 10 seconds
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        monkeypatch.setattr(hang_detection, "cpu_seconds", lambda _, step=step: 0.01 * step)
        monkeypatch.setattr(hang_detection, "waiting_seconds", lambda _, waiting=waiting: waiting)
        assert not watched.exceeds(10.0)
    later = now + 0.5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not watched.exceeds(10.0)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not say how long a thread waits")
def test_the_waiting_of_a_session_is_that_of_all_its_threads() -> None:
    """Two processes that share a processor: the one that has it makes the other wait."""
    spin = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nos.fork()\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", spin], start_new_session=True)
    try:
        while waiting_seconds(process.pid) < 1.0:
            assert (cpu_seconds(process.pid) or 0.0) < 30.0  # each waits as long as the other runs
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert waiting_seconds(-1) == 0.0


def test_an_import_that_takes_long_is_told_of_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for importing in (0.1, 9.9, 10.0, 19.0, 20.4, 34.0, 41.0):
        lines.show("tensorflow", 0, 0, importing=importing, ended=False)
    lines.show("tensorflow", 0, 8, importing=0.0, ended=False)
    lines.show("tensorflow", 1, 8, importing=12.0, ended=False)
    shown = (
        "importing, 10 s",
        "importing, 20 s",
        "importing, 41 s",
        "0 of 8 cases judged",
        "importing, 12 s",
    )
    assert capsys.readouterr().err.splitlines() == [f"tensorflow: {line}" for line in shown]


@pytest.mark.parametrize(("cases", "code"), [("one_label_for_all", EXPECTED), ("no_such_regime", 2)])
def test_a_run_of_refusals_alone_is_judged_though_it_compares_no_number(cases: str, code: int, folder: Path) -> None:
    done = logitproof(folder, "run", "--framework", "numpy", "-o", "run.parquet", "-k", cases)
    assert done.returncode == code, done.stdout + done.stderr
    assert "void" not in done.stdout
