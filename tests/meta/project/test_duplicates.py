"""Nothing that ships is written twice: no run of equal statements in two places, but for what must be spelled out."""

from __future__ import annotations

import ast
from itertools import groupby
from typing import TYPE_CHECKING

from .test_packaging import HOMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINES = 7
"""Consecutive lines of code that count as a duplicate."""

SPELLED_OUT = frozenset({"public_heads"})
"""Folders whose functions repeat their signatures: `check` reads from them what each takes."""

MOST_DUPLICATES = 3
"""Runs that stand twice today; lower it with each one that goes."""


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a module with their numbers, without docstrings, comments, imports and lone brackets."""
    text = path.read_text("utf-8")
    left_out = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if number not in left_out and not words.startswith("#") and any(map(str.isalnum, words)):
            yield number, words


def test_no_run_of_lines_stands_in_two_places() -> None:
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = {}
    for home in HOMES.values():
        for path in sorted(home.rglob("*.py")):
            if SPELLED_OUT & set(path.parts):
                continue
            lines = list(code_lines(path))
            for start in range(len(lines) - LINES + 1):
                window = lines[start : start + LINES]
                places.setdefault(tuple(words for _, words in window), []).append((path, window[0][0]))
    twice = [where for where in places.values() if len(where) > 1]
    # Runs that overlap are one duplicate: they begin in one pair of files on consecutive lines.
    runs = [
        (pair, [where[0][1] for where in group])
        for pair, group in groupby(sorted(twice), key=lambda where: tuple(path.name for path, _ in where))
    ]
    assert len(runs) <= MOST_DUPLICATES, runs
