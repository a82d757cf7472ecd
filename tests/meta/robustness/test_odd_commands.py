"""Command lines that make little sense end in one line, and a stream that cannot be written costs no exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from meta.robustness.commands_in_process import command
from meta.robustness.damaged_runs import sound_file
from meta.robustness.fuzz import fuzz_commands
from meta.robustness.odd_commands import COMMANDS, PARAMETERS, fill

if TYPE_CHECKING:
    from pathlib import Path

CASES, SEED = 25, 20
"""The budget of each gate; `fuzz` has more on demand."""


def test_every_command_is_fuzzed() -> None:
    assert set(COMMANDS) == set(PARAMETERS)


def test_no_odd_command_ends_in_anything_but_one_line() -> None:
    _, faults = fuzz_commands(CASES, SEED)
    assert not faults


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of odd places."""
    fill(tmp_path)
    return tmp_path


INPUTS = ("pipe", "socket", "loop", "dangling", "/dev/zero", "/proc/self/mem", "a" * 300, "text/below")


@pytest.mark.parametrize("path", INPUTS)
def test_what_is_no_file_is_refused_at_once(path: str, folder: Path) -> None:
    readers = [("findings", path), ("history", path), ("verify", path), ("diff", "sound.parquet", path)]
    readers.append(("diff", "sound.parquet", "sound.parquet", "--policy", path))
    for words in readers:
        ended = command(*words, folder=folder)
        assert (ended.fault, ended.status) == ("", USAGE), words


OUTPUTS = ("pipe", "socket", "loop", "/dev/null", "/dev/full", "/proc/new", "a" * 300, "text/below", "folder")


@pytest.mark.parametrize("path", OUTPUTS)
def test_an_output_that_cannot_be_is_found_before_anything_else(path: str, folder: Path) -> None:
    writers = [("report", "pipe", "-o", path), ("merge", "pipe", "-o", path), ("diff", "pipe", "pipe", "--json", path)]
    writers.append(("report", "pipe", "--junit", path))
    for words in writers:
        ended = command(*words, folder=folder)
        assert (ended.fault, ended.status) == ("", USAGE), words
        assert "cannot be" in ended.err


@pytest.mark.parametrize("path", ["folder", "/dev/null", "loop", "text/below"])
def test_a_summary_that_cannot_be_is_found_first(path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", path)
    ended = command("diff", "pipe", "pipe", folder=folder)
    assert (ended.fault, ended.status) == ("", USAGE)
    assert path in ended.err


def test_a_link_is_followed_and_stays(folder: Path) -> None:
    (folder / "link").symlink_to("target")
    assert command("merge", "sound.parquet", "-o", "link", folder=folder).status == EXPECTED
    assert (folder / "link").is_symlink()
    assert (folder / "target").read_bytes().startswith(b"PAR1")


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which ``$LP`` is the command line."""
    (folder / "run.parquet").write_bytes(sound_file())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LP": f"{sys.executable} -m logitproof"}
    asked = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=folder, env=environment | variables)


REPORT = "$LP findings run.parquet"
STREAMS = {
    "an encoding without the characters": (REPORT, {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, UNEXPECTED, 0),
    "a locale without them": (REPORT, {"LC_ALL": "C"}, UNEXPECTED, 0),
    "a reader that leaves": (f"{REPORT} | true", {}, UNEXPECTED, 0),
    "a full disk": (f"{REPORT} > /dev/full", {}, USAGE, 1),
    "no stdout": (f"{REPORT} >&-", {}, UNEXPECTED, 0),
    "no width": (REPORT, {"COLUMNS": "0"}, UNEXPECTED, 0),
    "a terminal that can nothing": (REPORT, {"TERM": "dumb", "NO_COLOR": "1"}, UNEXPECTED, 0),
}
"""A line, variables, the exit status, and the lines on stderr."""


@pytest.mark.parametrize(("line", "variables", "status", "lines"), STREAMS.values(), ids=STREAMS)
def test_a_stream_costs_its_text_and_not_the_exit_status(
    line: str, variables: dict[str, str], status: int, lines: int, tmp_path: Path
) -> None:
    ended = shell(line, tmp_path, **variables)
    assert ended.returncode == status, ended.stderr
    assert len(ended.stderr.splitlines()) == lines, ended.stderr
    assert "\x1b" not in ended.stdout
