"""GitHub's Markdown: text escaped, rows of tables, lines that fit."""

from __future__ import annotations

import re

from logitproof_reports.words.text import escape_control_chars

MARKDOWN_BYTES = 1_000_000
"""GitHub drops a job summary over 1 MiB."""


def escaped(text: str) -> str:
    """Escape what Markdown, its tables and HTML give a meaning to."""
    without_html = escape_control_chars(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~@$])", r"\\\1", without_html)


def row(cells: list[str]) -> str:
    """Return a row of a table, its cells escaped."""
    return f"| {' | '.join(map(escaped, cells))} |"


def head(cells: list[str]) -> list[str]:
    """Return the first two lines of a table."""
    return [row(cells), f"|{' --- |' * len(cells)}"]


def within(room: int, lines: list[str]) -> list[str]:
    """Return as many lines from the front as fit into this many bytes."""
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return [*kept, "", "The rest is in the report."]
        kept.append(line)
    return kept
