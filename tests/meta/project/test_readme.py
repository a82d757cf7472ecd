"""What the README shows is true: its programs run, its commands and sessions exist, its adapter is complete."""

from __future__ import annotations

import ast
import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from logitproof.errors import MEANING, UNEXPECTED
from logitproof.readers.reporting import judgements
from logitproof_reports.runs.run_file import read_run

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for language, block in BLOCKS
    for line in block.splitlines()
    if language == "sh" and line.startswith("logitproof ")
]


def adapter_block() -> str:
    (block,) = [block for language, block in BLOCKS if language == "python" and "class " in block]
    return block


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


def test_the_sessions_the_readme_names_exist() -> None:
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    assert set(re.findall(r"nox -s (\w+)", README)) <= sessions
    assert {"conformance", "report", "tests"} <= sessions


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_options_the_readme_shows_exist(command: list[str], tmp_path: Path) -> None:
    shown = [sys.executable, "-m", *command[:2], "--help"]
    done = subprocess.run(shown, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment(tmp_path))
    options = [word for word in command[: [*command, "--"].index("--")] if word.startswith("-")]
    assert all(re.search(rf"^ .*{option}\b", done.stdout, flags=re.MULTILINE) for option in options)


def test_the_exit_statuses_are_all_there() -> None:
    assert [int(status) for status in re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)] == list(MEANING)


def test_the_examples_of_the_oracle_print_what_they_say() -> None:
    failed, attempted = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert attempted > 0
    assert failed == 0


def test_the_adapter_is_short_and_complete(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    assert len(adapter_block().splitlines()) < 60
    (tmp_path / "scipy_adapter.py").write_text(adapter_block())
    few = ["--", "-k", "typical or unsupported"]
    command = [sys.executable, "-m", "logitproof", "run", "--framework", "scipy_adapter:ScipyAdapter", *few]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(tmp_path))
    assert done.returncode <= UNEXPECTED, done.stderr
    found = list(judgements(read_run(tmp_path / "run.parquet")))
    assert {judgement.verdict for judgement in found} >= {"conforms", "unsupported"}
    assert not [judgement.reason for judgement in found if judgement.verdict in {"crashed", "void", "deviates"}]
