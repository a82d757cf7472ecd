"""Progress of a sweep and its remaining time: a bar on a terminal, a line at each tenth elsewhere."""

from __future__ import annotations

import sys
import time

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class SweepProgress:
    """Shows how far a sweep is, on stderr."""

    def __init__(self) -> None:
        columns = (TextColumn("units"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True), speed_estimate_period=300)
        self._bar = bar if sys.stderr.isatty() else None

    def begin(self, units: int, done: int) -> None:
        """Begin, with units that were measured before."""
        self._units, self._done, self._before, self._since = units, done, done, time.monotonic()
        if self._bar is not None:
            self._bar.start()
            self._bar.add_task("units", total=units, completed=done)
        else:
            known = f", {done} of them measured before" if done else ""
            typer.echo(f"{units} units of rows{known}", err=True)

    def advance(self) -> None:
        """Count one unit more."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        elif 10 * self._done // self._units > 10 * (self._done - 1) // self._units:
            used = time.monotonic() - self._since
            left = used / (self._done - self._before) * (self._units - self._done)
            typer.echo(f"{self._done} of {self._units} units, about {duration_words(left)} left", err=True)

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()


def duration_words(seconds: float) -> str:
    """Return a time in words.

    >>> duration_words(42.3), duration_words(600.0), duration_words(9000.0)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
