"""Terminal output of frameworks and runs: aligned columns on a terminal, the same text in a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from logitproof.output import discard, echo, shown
from logitproof_reports.exports.summary import GRADES_LEGEND, grade_table, legend, sentences, terminal_table
from logitproof_reports.words.text import slack_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment

    from logitproof.explain.row import Answer, SideBySide
    from logitproof.matrix.survey import Framework
    from logitproof_reports.history.compute import History
    from logitproof_reports.runs.schema import Run

WIDTH_OF_FILES = 160
"""Columns to print into a file or pipe, which has no width of its own."""

LEAST_WIDTH = 20
"""Columns that a table needs to be drawn at all."""


class PlainConsole(Console):
    """A console that shows text as it is: no markup, no emoji names, and what would move a cursor spelled out."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(width=width, markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of what is printed; see `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=shown(segment.text))

    def on_broken_pipe(self) -> None:
        """Continue after the reader has closed the pipe; the exit status does not change."""
        self.quiet = True
        discard(sys.stdout)


def console() -> PlainConsole:
    """Return the console of stdout; colours only on a terminal, and not where NO_COLOR is set."""
    plain = PlainConsole()
    return PlainConsole(max(plain.width, LEAST_WIDTH) if plain.is_terminal else WIDTH_OF_FILES)


def print_frameworks(frameworks: Sequence[Framework]) -> None:
    """Print one row per framework, and below it why some cells are not offered."""
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
            echo(f"{one.name}: {one.problem}")
        for reason, count in one.refused.items():
            echo(f"{one.name}: {count} cells not offered: {reason}")


def print_summary(run: Run) -> None:
    """Print the verdict on a run in a sentence or two, and the matrix behind it."""
    for sentence in sentences(run):
        echo(sentence)
    table = terminal_table(run)
    table.title = None
    if table.rows:
        console().print(table)
        echo(legend(run))
    if (grades := grade_table(run)) is not None:
        console().print(grades)
        echo(GRADES_LEGEND)


def print_row(found: SideBySide) -> None:
    """Print one line per number: what is exact, and what each framework gives with error / bound."""
    digits = {"float64": 17, "float32": 9}.get(found.format, 5)
    logits = ", ".join(f"{logit:.{digits}g}" for logit in found.logits)
    echo(f"logits {logits}; true class {found.label}; {found.format}")
    table = Table("", "exact", *(f"{one.framework} {one.version}" for one in found.columns), box=None, pad_edge=False)
    for what, exact in found.exact.items():
        for place, number in enumerate(exact):
            name = what if len(exact) == 1 else f"{what} {place}"
            answers = [one.answers[what] for one in found.columns]
            table.add_row(name, f"{number:.{digits}g}", *(_answer(each, place, digits) for each in answers))
    console().print(table)
    for one in found.columns:
        for what, answer in one.answers.items():
            if isinstance(answer, str):
                echo(f"{one.framework}, {what}: {answer}")
    echo("In brackets: error / bound; over 1 cannot be explained by rounding.")


def _answer(answers: list[Answer] | str, place: int, digits: int) -> str:
    if isinstance(answers, str):
        return "-"
    return f"{answers[place].observed:.{digits}g} ({slack_of(answers[place].ratio)})"


def print_history(history: History) -> None:
    """Print a line per release, then what moved last, and what was not compared."""
    from logitproof_reports.history import text as history_text

    console().print(history_text.terminal_table(history))
    for framework, releases in history.by_framework().items():
        echo(f"{framework} {releases[-1].sentence}")
    for note in history_text.notes(history):
        echo(note)
