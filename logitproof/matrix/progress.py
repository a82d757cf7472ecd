"""Progress of a run: one bar per framework on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from logitproof.output import echo, shown

if TYPE_CHECKING:
    from rich.progress import TaskID


class Display:
    """Is told how far each framework is, and shows nothing; used as a context manager."""

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the terminal as it was."""

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Show that `judged` of `total` cases are done, and how many seconds an import has taken so far, else 0.

        `total` is 0 until the worker tells.
        """


LONG_IMPORT_SECONDS = 10.0
"""An import that takes longer is told of, and again each time it has taken twice as long."""


@dataclass
class Estimate:
    """How long it may still take, taken from how long it has taken since the first case.

    Attributes
    ----------
    sides_after : int
        How many more sides of an upgrade are judged after this one; each is taken to be as long.
    begun : dict of str to float
        When each framework's first progress was seen, in seconds of a clock.
    """

    sides_after: int = 0
    begun: dict[str, float] = field(default_factory=dict)

    def words(self, framework: str, judged: int, total: int) -> str:
        """Return the time left in words, e.g. ``about 3 min left for both sides``; empty if unknown."""
        now = time.monotonic()
        elapsed = now - self.begun.setdefault(framework, now)
        if not 0 < judged < total or not elapsed:
            return ""
        whole = elapsed * total / judged
        left = whole - elapsed + self.sides_after * whole
        return f"about {duration(left)} left{' for both sides' if self.sides_after else ''}"


def duration(seconds: float) -> str:
    """Return a time in words: seconds, from a minute and a half on minutes."""
    return f"{max(1, round(seconds))} s" if seconds < MINUTES_FROM else f"{round(seconds / 60)} min"


MINUTES_FROM = 90.0
"""Seconds from which a time is told in minutes."""


class Lines(Display):
    """One line on stderr at each quarter of the way, and some while an import takes long."""

    def __init__(self, estimate: Estimate | None = None) -> None:
        self._estimate = estimate or Estimate()
        self._quarters: dict[str, int] = {}
        self._next_told: dict[str, float] = {}

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Print a line where a new quarter has begun, or an import still goes on."""
        self._show_quarter(framework, judged, total, ended=ended)
        if not importing:
            self._next_told.pop(framework, None)
        elif importing >= self._next_told.get(framework, LONG_IMPORT_SECONDS):
            self._next_told[framework] = 2 * importing
            echo(f"{framework}: importing, {importing:.0f} s", err=True)

    def _show_quarter(self, framework: str, judged: int, total: int, *, ended: bool) -> None:
        left = self._estimate.words(framework, judged, total)
        quarter = 5 if ended else 4 * judged // max(total, 1)
        if not total or quarter <= self._quarters.get(framework, -1):  # one that cannot be asked has a line of its own
            return
        self._quarters[framework] = quarter
        how_far = "ended" if ended else f"{judged} of {total} cases judged"
        echo(f"{framework}: {how_far}{f', {left}' if left and not ended else ''}", err=True)


class Bars(Display):
    """One bar per framework on stderr."""

    def __init__(self, estimate: Estimate | None = None) -> None:
        self._estimate = estimate or Estimate()
        columns = (
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Move the framework's bar, or say for how long it has been importing."""
        if framework not in self._tasks:
            self._tasks[framework] = self._progress.add_task(framework, total=None, left="")
        description = shown(f"{framework}: importing, {importing:.0f} s" if importing else framework)
        left = "" if ended else self._estimate.words(framework, judged, total)
        self._progress.update(
            self._tasks[framework], description=description, completed=judged, total=total or None, left=left
        )
        if ended:
            self._progress.stop_task(self._tasks[framework])


def display_for_terminal(sides_after: int = 0) -> Display:
    """Return bars where stderr is a terminal, plain lines elsewhere; see `Estimate` for `sides_after`."""
    estimate = Estimate(sides_after)
    return Bars(estimate) if sys.stderr.isatty() else Lines(estimate)
