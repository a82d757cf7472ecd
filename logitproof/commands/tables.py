"""What the command line prints of frameworks and runs: aligned columns on a terminal, the same text in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from logitproof_reports.exports.summary import legend, sentences, terminal_table
from logitproof_reports.history import text as history_text
from logitproof_reports.words.outcomes import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof.matrix.survey import Framework
    from logitproof_reports.history.compute import History
    from logitproof_reports.runs.schema import Run

WIDTH_OF_FILES = 160
"""Columns to print into a file or pipe, which has no width of its own."""


def console() -> Console:
    """Return the console of stdout; colours only on a terminal, and not where NO_COLOR is set."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH_OF_FILES)


def print_frameworks(frameworks: Sequence[Framework]) -> None:
    """Print one row a framework, and below it why some cells are not offered."""
    table = Table("framework", "version", "modes", "formats", "cells", box=None, pad_edge=False)
    for one in frameworks:
        if one.problem:
            table.add_row(one.name, "-", "-", "-", "-")
        else:
            cells = f"{one.offered} of {one.asked}"
            table.add_row(one.name, one.version, ", ".join(one.modes), ", ".join(one.formats), cells)
    console().print(table)
    for one in frameworks:
        if one.problem:
            typer.echo(f"{one.name}: {one.problem}")
        for reason, count in one.refused.items():
            typer.echo(f"{one.name}: {count} cells not offered: {reason}")


def print_summary(run: Run) -> None:
    """Print the verdict on a run in a sentence or two, and the matrix behind it."""
    for sentence in sentences(run):
        typer.echo(sentence)
    table = terminal_table(run)
    table.title = None
    if table.rows:
        console().print(table)
        typer.echo(legend(run))


def print_history(history: History) -> None:
    """Print a line a release, then what moved last, and what was not compared."""
    console().print(history_text.terminal_table(history))
    for framework, releases in history.by_framework().items():
        typer.echo(escape_control_chars(f"{framework} {releases[-1].sentence}"))
    for note in history_text.notes(history):
        typer.echo(note)
