"""The examples of kernels conform, where their framework or compiler is, and with their fault they do not.

They run in this interpreter, or in the one that ``LOGITPROOF_EXAMPLES_TORCH`` or ``LOGITPROOF_EXAMPLES_JAX`` names.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from logitproof.commands.command_line import main

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "examples"
WORKFLOW = (FOLDER / "kernels.yml").read_text("utf-8")
COMMANDS = dict(re.findall(r"check: (\w+):\w+ (.*)", WORKFLOW))

NEEDED = {
    "triton_softmax": ("triton", "LOGITPROOF_EXAMPLES_TORCH"),
    "pallas_softmax": ("jax", "LOGITPROOF_EXAMPLES_JAX"),
    "cpp_softmax": ("numpy", "LOGITPROOF_EXAMPLES_NUMPY"),
}
"""What each example imports, and the variable that names an interpreter which has it."""

FAULTS = {
    "triton_softmax": ('other=-float("inf")', "other=0.0", "padded with zeros"),
    "pallas_softmax": ("wide - wide.max(axis=1, keepdims=True)", "wide", "no max shift"),
    "cpp_softmax": ("top = std::max(top, x[j])", "top = std::max(top, x[0])", "shift by the first logit"),
}
"""What is planted, in place of what, and the guess that is printed."""


def interpreter(name: str) -> str:
    """Return an interpreter that has what an example needs; skip where there is none."""
    module, variable = NEEDED[name]
    python = os.environ.get(variable, sys.executable)
    if name.startswith("cpp") and not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("needs a C++ compiler: g++, or the one that CXX names")
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
        pytest.skip(f"needs {module}: set {variable} to an interpreter that has it")
    return python


def checked(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Check a copied example as its workflow does, on few classes; return the exit status and what is printed."""
    python = interpreter(name)
    elsewhere = ["--python", python] if python != sys.executable else []
    few = ["--format", "float32", "--widest", "33"]
    status = main(["check", f"{name}:softmax", "--op", "softmax", *shlex.split(COMMANDS[name]), *elsewhere, *few])
    return status, capsys.readouterr().out.splitlines()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in FOLDER.glob("*_softmax.*"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    return tmp_path


def test_the_workflow_checks_every_example() -> None:
    assert set(COMMANDS) == set(NEEDED) == {file.stem for file in FOLDER.glob("*_softmax.py")}


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.usefixtures("copied")
def test_an_example_conforms(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = checked(name, capsys)
    assert status == 0, printed[:5]


@pytest.mark.parametrize("name", NEEDED)
def test_its_fault_is_found_and_named(name: str, copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, guess = FAULTS[name]
    file = copied / (f"{name}.cpp" if name.startswith("cpp") else f"{name}.py")
    text = file.read_text("utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong, 1))
    status, printed = checked(name, capsys)
    assert status == 1
    assert any(guess in line for line in printed[:5]), printed[:5]
