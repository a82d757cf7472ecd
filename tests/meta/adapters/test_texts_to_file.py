"""The program of every text to file prints what the text says it prints, where its framework is installed."""

from __future__ import annotations

import ast
import math
import re
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.catalogue import ledger

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = re.compile(
    r"## Reproduce\n.*?```python\n(.*?)```\n\n(?:(Prints|Ends)[^\n]*\n```text\n(.*?)```|It prints nothing)", re.DOTALL
)
TOKEN = re.compile(r"[^\s,()\[\]]+")
CLOSE = 0.02
"""Relative difference of two numbers that are the same: kernels round differently from machine to machine."""

ANYTHING = "*"
"""Stands in a text for what differs from run to run, or from machine to machine."""


def told_of(text: Path) -> tuple[str, str, str]:
    """Return a text's program, whether it prints or ends in an error, and what it prints: in an error, if nothing."""
    found = PROGRAM.search(text.read_text("utf-8"))
    assert found, f"{text.name} does not say what its program prints"
    return found[1], found[2] or "Ends", found[3] or ""


def imported(program: str) -> set[str]:
    """Return the packages that a program imports."""
    nodes = list(ast.walk(ast.parse(program)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    backend = re.search(r'"KERAS_BACKEND"\] = "(\w+)"', program)
    return {name.partition(".")[0] for name in names} | ({backend[1]} if backend else set())


def same(told: str, seen: str) -> bool:
    """Whether two words are the same: as numbers where they are numbers."""
    if told in (ANYTHING, seen):
        return True
    try:
        one, other = float(told), float(seen)
    except ValueError:
        return False
    return math.isclose(one, other, rel_tol=CLOSE) or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize("text", ledger.report_files(), ids=lambda path: path.stem)
def test_every_program_prints_what_its_text_says(text: Path, tmp_path: Path) -> None:
    program, ends, expected = told_of(text)
    missing = sorted(name for name in imported(program) if find_spec(name) is None)
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    file = tmp_path / "program.py"  # what starts processes of its own reads it again there
    file.write_text(program, "utf-8")
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    if ends == "Prints":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
    told = [TOKEN.findall(line) for line in expected.splitlines()]
    seen = [TOKEN.findall(line) for line in done.stdout.splitlines()]
    assert [len(line) for line in told] == [len(line) for line in seen], done.stdout
    for wanted, words in zip(told, seen, strict=True):
        assert all(map(same, wanted, words)), f"{' '.join(wanted)} expected, {' '.join(words)} printed"


def test_words_are_compared_as_numbers_where_they_are_numbers() -> None:
    assert same("0.1", "0.1001")
    assert same("nan", "nan")
    assert same(ANYTHING, "7e-45")
    assert not same("0.1", "1.0")
    assert not same("inf", "0")
