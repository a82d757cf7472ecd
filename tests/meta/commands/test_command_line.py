"""The command line: what it prints, its exit status, and that a broken framework costs nothing but itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from logitproof.errors import EXPECTED, INTERRUPTED, MEANING, UNEXPECTED, USAGE
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reports.runs.schema import Run

COMMANDS = ("frameworks", "run", "merge", "report", "history", "explain")
FEW = ("-k", "eager-softmax-value-float32 and (typical or saturated)")
"""Asks two regimes of one cell, so that a run takes a second."""

CELL = "numpy-eager-softmax-value-float32"

ADAPTERS = """
import itertools, time
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

class Stops(NumpyAdapter):  # once some cells are judged
    name = "stops"
    calls = itertools.count(1)
    def evaluate(self, cell, inputs):
        while next(self.calls) >= 200:
            time.sleep(0.01)
        return super().evaluate(cell, inputs)

class Wrong(NumpyAdapter):
    name = "wrong"
    def evaluate(self, cell, inputs):
        return super().evaluate(cell, inputs) * inputs.logits.dtype.type(1.5)
"""


def environment(folder: Path) -> dict[str, str]:
    """Let subprocesses import what this process can, and the adapters above."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


def logitproof(folder: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    command = [sys.executable, "-m", "logitproof", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment(folder) | variables
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr with which a wrong usage ends; only progress may stand before it."""
    assert done.returncode == USAGE, done.stdout + done.stderr
    *progress, line = done.stderr.splitlines()
    assert all(re.fullmatch(r"\S+: (starts|importing, \d+ s|ended)", shown) for shown in progress)
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "planted.py").write_text(ADAPTERS)
    return tmp_path


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ask the control few cases and return the run file."""
    folder = tmp_path_factory.mktemp("control")
    done = logitproof(folder, "run", "--framework", "numpy", "-o", "run.parquet", *FEW)
    assert done.returncode == EXPECTED, done.stdout + done.stderr
    return folder / "run.parquet"


def verdicts(run: Run) -> set[tuple[str, str]]:
    return {(found.adapter, found.verdict) for found in judgements(run)}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_explains_every_option(command: str, tmp_path: Path) -> None:
    done = logitproof(tmp_path, command, "--help")
    assert done.returncode == EXPECTED
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)(.*(?:\n {10,}.*)*)", done.stdout, flags=re.MULTILINE)
    assert options
    assert all(re.search(r"[a-z]{3}", explained) for _, explained in options)


def test_help_lists_the_commands_and_the_exit_statuses(tmp_path: Path) -> None:
    text = logitproof(tmp_path, "--help").stdout
    assert all(re.search(rf"^  {command} ", text, flags=re.MULTILINE) for command in COMMANDS)
    assert all(re.search(rf"^ +{status} ", text, flags=re.MULTILINE) for status in MEANING)


def test_no_command_at_all_shows_the_help_and_is_wrong_usage(tmp_path: Path) -> None:
    done = logitproof(tmp_path)
    assert (done.returncode, done.stdout) == (USAGE, logitproof(tmp_path, "--help").stdout)


WRONG_USAGES = {
    "unknown command": (["prove"], "prove"),
    "unknown option": (["run", "--frame", "numpy"], "--frame"),
    "unknown framework": (["run", "--framework", "nunpy"], 'did you mean "numpy"'),
    "unknown module": (["run", "--framework", "nowhere:Adapter"], '"nowhere"'),
    "unknown class": (["run", "--framework", "planted:Nothing"], '"Nothing"'),
    "unknown profile": (["run", "--framework", "numpy", "--profile", "fast"], "quick, full"),
    "patience that is not a number": (["run", "--patience", "soon"], "--patience"),
    "bad pytest argument": (["run", "--framework", "numpy", "--", "--no-such-option"], "--no-such-option"),
    "output in a file": (["run", "--framework", "numpy", "-o", "planted.py/run.parquet"], "planted.py/run.parquet"),
    "output is a folder": (["run", "--framework", "numpy", "-o", "."], ". cannot be written (it is a folder)"),
    "missing run file": (["report", "nowhere.parquet"], "nowhere.parquet"),
    "run file that is none": (["report", "planted.py"], "planted.py"),
    "merge without output": (["merge", "planted.py"], "--output"),
    "unknown cell": (["explain", "numpy-eager-softmax-value-flaot32"], CELL),
    "unknown regime": (["explain", f"{CELL}/saturate"], "saturated"),
    "row beyond the regime": (["explain", f"{CELL}/saturated", "--row", "123456"], "rows 0 to"),
    "row that is negative": (["explain", f"{CELL}/saturated", "--row", "-1"], "--row"),
    "shard beyond the last": (["run", "--framework", "numpy", "--shard", "5/4"], 'shard "5/4" is invalid'),
    "run file that is a folder": (["report", "."], ". is a directory"),
    "policy that is a folder": (["diff", "a", "b", "--policy", "."], ". is a folder"),
    "policy that is not there": (["diff", "a", "b", "--policy", "no.toml"], "no.toml does not exist"),
    "framework without a dialect": (["dialects", "--framework", "numpy"], "no dialect is documented for numpy"),
    "unknown family": (["check", "math:sqrt", "--op", "softmax", "--without", "FOO"], '"FOO"'),
}


@pytest.mark.parametrize(("arguments", "hint"), WRONG_USAGES.values(), ids=WRONG_USAGES)
def test_wrong_usage_is_one_line_that_names_the_remedy(arguments: list[str], hint: str, folder: Path) -> None:
    line = one_line(logitproof(folder, *arguments))
    assert line.startswith("logitproof: ")
    assert hint in line
    assert not list(folder.glob("*.parquet*"))


def test_a_framework_that_is_not_installed_is_told_with_the_line_that_installs_it(tmp_path: Path) -> None:
    listed = json.loads(logitproof(tmp_path, "frameworks", "--json").stdout)
    absent = [framework["name"] for framework in listed if framework["problem"]]
    if not absent:
        pytest.skip("every known framework is installed here")
    line = one_line(logitproof(tmp_path, "run", "--framework", absent[0]))
    assert install_line(absent[0]) in line


def test_a_truncated_run_file_is_told_in_one_line(control: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(control.read_bytes()[:-100])
    assert "cut.parquet" in one_line(logitproof(tmp_path, "report", "cut.parquet"))


def test_the_same_run_twice_does_not_merge(control: Path, tmp_path: Path) -> None:
    line = one_line(logitproof(tmp_path, "merge", control, control, "-o", "both.parquet"))
    assert "same judgement" in line
    assert not (tmp_path / "both.parquet").exists()


def test_a_report_that_cannot_be_written_is_told_in_one_line(control: Path, folder: Path) -> None:
    assert "planted.py" in one_line(logitproof(folder, "report", control, "-o", "planted.py/report.html"))


def test_frameworks_lists_the_control_and_what_it_offers(tmp_path: Path) -> None:
    done = logitproof(tmp_path, "frameworks", "--cells")
    assert done.returncode == EXPECTED
    assert re.search(r"^numpy +\d+\.\d+\S* +eager +float16, bfloat16, float32, float64", done.stdout, re.MULTILINE)


def test_the_control_conforms_and_its_run_file_is_whole(control: Path) -> None:
    run = read_run(control)
    assert verdicts(run) <= {("numpy", "conforms"), ("numpy", "concern")}
    assert run.table.num_rows > 0
    assert not list(control.parent.glob("*.parts"))


def test_a_report_ends_with_the_path_of_its_page(control: Path, tmp_path: Path) -> None:
    done = logitproof(tmp_path, "report", control, "-o", "page.html")
    assert done.returncode == EXPECTED, done.stderr
    assert done.stdout.splitlines()[-1] == "page.html"
    assert "<html" in (tmp_path / "page.html").read_text("utf-8")


def test_output_into_a_pipe_has_no_control_characters(control: Path, tmp_path: Path) -> None:
    done = logitproof(tmp_path, "report", control, TERM="xterm-256color")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr)


def test_a_wrong_framework_turns_the_run_red(folder: Path) -> None:
    done = logitproof(folder, "run", "--framework", "planted:Wrong", "-o", "run.parquet", *FEW)
    assert done.returncode == UNEXPECTED, done.stdout + done.stderr
    assert ("wrong", "deviates") in verdicts(read_run(folder / "run.parquet"))
    assert logitproof(folder, "report", "run.parquet").returncode == UNEXPECTED


def test_a_run_that_selects_nothing_is_refused(tmp_path: Path) -> None:
    done = logitproof(tmp_path, "run", "--framework", "numpy", "-k", "no_such_regime")
    assert (done.returncode, done.stderr.count("no_such_regime")) == (USAGE, 1), done.stdout + done.stderr
    assert not (tmp_path / "run.parquet").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_what_was_measured(folder: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "logitproof", "run", "--framework", "planted:Stops", "-o", "run.parquet"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_ctrl_c,  # noqa: PLW1509 - one call, and no lock of ours
    )
    wait_for_judgements(folder / "run.parquet.parts" / "planted_Stops.parquet.journal", 5, process)
    process.send_signal(number)
    _, complaint = process.communicate()
    assert process.returncode == INTERRUPTED, complaint
    assert "run.parquet contains the results so far; --resume continues the run" in complaint.splitlines()[-1]
    run = read_run(folder / "run.parquet")
    assert run.table.num_rows >= 5
    assert not run.complete
    assert logitproof(folder, "report", "run.parquet").returncode == EXPECTED


def listen_to_ctrl_c() -> None:
    """Undo what a shell does to jobs in the background, whose children would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_judgements(journal: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a journal has this many; its lines begin with marks too."""
    while not journal.exists() or journal.read_bytes().count(b'"verdict"') < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_an_explanation_shows_inputs_answer_clause_and_a_repro_that_gives_the_observed_number(folder: Path) -> None:
    done = logitproof(folder, "explain", f"{CELL}/typical", "--row", "1")
    assert done.returncode == EXPECTED, done.stderr
    shown = dict(re.findall(r"^(\w+) {2,}(\S+)", done.stdout, flags=re.MULTILINE))
    assert {"clause", "logits", "exact", "rounded", "observed", "error", "bound", "verdict"} <= set(shown)
    assert shown["verdict"] == "conforms"
    assert len(re.sub(r"\D", "", shown["exact"].partition("e")[0]).lstrip("0")) == 30
    repro = textwrap.dedent(done.stdout.partition("\nrepro\n")[2])
    command = [sys.executable, "-c", repro]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment(folder))
    assert printed.stdout.strip()


def test_an_explanation_of_a_cell_alone_is_of_its_worst_row(tmp_path: Path) -> None:
    done = logitproof(tmp_path, "explain", CELL)
    assert done.returncode == EXPECTED, done.stderr
    assert re.match(rf"{CELL}, regime \w+, row \d+, class \d+\n", done.stdout)


def test_a_record_explains_a_framework_that_is_not_here(folder: Path) -> None:
    logitproof(folder, "run", "--framework", "planted:Wrong", "-o", "run.parquet", *FEW)
    cell = CELL.replace("numpy", "wrong")
    done = logitproof(folder, "explain", cell, "--run", "run.parquet")
    assert done.returncode == EXPECTED, done.stderr
    assert "from the run file" in done.stdout
    assert "verdict   deviates" in done.stdout
