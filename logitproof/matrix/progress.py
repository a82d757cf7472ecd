"""Progress of a run: a bar a framework on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from logitproof.streams import echo, shown

if TYPE_CHECKING:
    from rich.progress import TaskID


class Display(Protocol):
    """Shows how far each framework is; used as a context manager."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Leave the terminal as it was."""
        ...

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Show that `judged` of `total` cases are done, and how many seconds an import has taken so far, else 0.

        `total` is 0 until the worker tells.
        """
        ...


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Do nothing."""


LONG_IMPORT_SECONDS = 10.0
"""An import that takes longer is told of, and again each time it has taken twice as long."""


class Lines:
    """One line on stderr at each quarter of the way, and some while an import takes long."""

    def __init__(self) -> None:
        self._quarters: dict[str, int] = {}
        self._next_told: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def show(self, framework: str, judged: int, total: int, *, importing: float, ended: bool) -> None:
        """Print a line where a new quarter has begun, or an import still goes on."""
        self._show_quarter(framework, judged, total, ended=ended)
        if not importing:
            self._next_told.pop(framework, None)
        elif importing >= self._next_told.get(framework, LONG_IMPORT_SECONDS):
            self._next_told[framework] = 2 * importing
            echo(f"{framework}: importing, {importing:.0f} s", err=True)

    def _show_quarter(self, framework: str, judged: int, total: int, *, ended: bool) -> None:
        quarter = 5 if ended else (4 * judged // total if total else -1)
        if quarter <= self._quarters.get(framework, -2):
            return
        self._quarters[framework] = quarter
        how_far = "starts" if quarter < 0 else "ended" if ended else f"{judged} of {total} cases judged"
        echo(f"{framework}: {how_far}", err=True)


class Bars:
    """One bar a framework on stderr."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
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
            self._tasks[framework] = self._progress.add_task(framework, total=None)
        description = shown(f"{framework}: importing, {importing:.0f} s" if importing else framework)
        self._progress.update(self._tasks[framework], description=description, completed=judged, total=total or None)
        if ended:
            self._progress.stop_task(self._tasks[framework])


def display_for_terminal() -> Display:
    """Return bars where stderr is a terminal, plain lines elsewhere."""
    return Bars() if sys.stderr.isatty() else Lines()
