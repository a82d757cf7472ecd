"""How far a sweep is, and how long it will take: a bar on a terminal, a line at each tenth elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class SweepProgress(Protocol):
    """Is told how far a sweep is."""

    def begin(self, units: int, done: int) -> None:
        """Begin, with units that were measured before."""
        ...

    def advance(self) -> None:
        """Count one unit more."""
        ...

    def end(self) -> None:
        """Leave the terminal as it was."""
        ...


class Lines:
    """A line on stderr at each tenth of the way."""

    def begin(self, units: int, done: int) -> None:
        """Tell what there is to do."""
        self._units, self._done, self._before, self._tenth = units, done, done, 10 * done // max(units, 1)
        self._since = time.monotonic()
        known = f", {done} of them measured before" if done else ""
        typer.echo(f"{units} units of rows{known}", err=True)

    def advance(self) -> None:
        """Tell where a new tenth has begun."""
        self._done += 1
        tenth = 10 * self._done // self._units
        if tenth > self._tenth:
            self._tenth = tenth
            used = time.monotonic() - self._since
            left = used / (self._done - self._before) * (self._units - self._done)
            typer.echo(f"{self._done} of {self._units} units, about {duration_words(left)} left", err=True)

    def end(self) -> None:
        """Do nothing."""


class Bar:
    """A bar on stderr."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), speed_estimate_period=300)

    def begin(self, units: int, done: int) -> None:
        """Show the bar."""
        self._progress.start()
        self._task = self._progress.add_task("units", total=units, completed=done)

    def advance(self) -> None:
        """Move it."""
        self._progress.advance(self._task)

    def end(self) -> None:
        """Leave it."""
        self._progress.stop()


def progress_for_terminal() -> SweepProgress:
    """Return a bar where stderr is a terminal, lines elsewhere."""
    return Bar() if sys.stderr.isatty() else Lines()


def duration_words(seconds: float) -> str:
    """Return a time in words.

    >>> duration_words(42.3), duration_words(600.0), duration_words(9000.0)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
