"""A trial of an upgrade from beginning to end: environments, runs, the diff, and a second look at what moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from logitproof.upgrades.sides import Side, adapters_for, judge, prepared
from logitproof_reports.diff.classes import RANK
from logitproof_reports.diff.compare import diff
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from logitproof_reports.diff.compare import Diff

    Say = Callable[[str], None]

NAMES = ("baseline", "candidate")
CELLS_AT_ONCE = 400
"""Cells that a second look names; of more the first ones, worst first: a command line has an end."""


@dataclass(frozen=True)
class Trial:
    """What is to be tried, and where its files go.

    Attributes
    ----------
    old, new : str
        Requirements such as ``jax==0.4.35``, or the path of a run file saved earlier.
    folder : Path
        Receives ``baseline.parquet``, ``candidate.parquet`` and a ``.lock.txt`` of each.
    adapters : tuple of str
        Adapters to ask; empty for those of the packages that are named.
    options : tuple of str
        Handed to ``logitproof run``.
    say : callable
        Receives lines on the progress.
    """

    old: str
    new: str
    folder: Path
    adapters: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    say: Say = field(default=print)

    def run(self) -> tuple[list[Side], Diff | None]:
        """Carry it out; there is no diff where an environment could not be built, yet the other run is kept."""
        both = prepared((self.old, self.new), self.say)
        adapters = self.adapters or self._adapters(both)
        files = [self._judged(name, side, adapters) for name, side in zip(NAMES, both, strict=True)]
        before, after = files
        if before is None or after is None:
            return both, None
        found = diff(read_run(before), read_run(after))
        return both, self._looked_at_twice(both, adapters, found)

    @property
    def files(self) -> dict[str, Path]:
        """The run files of both sides, by `NAMES`."""
        sides = zip(NAMES, (Side(self.old), Side(self.new)), strict=True)
        return {name: side.run_file or self.folder / f"{name}.parquet" for name, side in sides}

    def _adapters(self, both: Sequence[Side]) -> tuple[str, ...]:
        asked = [adapters_for(side.asked, side.environment) for side in both if side.environment]
        return tuple(name for name in asked[0] if all(name in names for names in asked)) if asked else ()

    def _judged(self, name: str, side: Side, adapters: Sequence[str]) -> Path | None:
        if side.run_file:
            return side.run_file
        if side.environment is None:
            return None
        target = self.files[name]
        self.say(f"testing {side.environment.locked.title} ({', '.join(adapters)})")
        judge(side.environment, adapters, target, self.options)
        lock = "\n".join([f"# Python {side.environment.locked.python}", *side.environment.locked.lines, ""])
        (self.folder / f"{name}.lock.txt").write_text(lock, encoding="utf-8")
        return target

    def _looked_at_twice(self, both: Sequence[Side], adapters: Sequence[str], found: Diff) -> Diff:
        """Ask the cells that changed for the worse or the better once more, in both environments.

        A release whose own two runs differ tells nothing by a third.
        """
        rows = np.flatnonzero(found.rank <= RANK["improved"])
        column = found.words("cell")
        cells = list(dict.fromkeys(column.words[code] for code in column.codes[rows]))[:CELLS_AT_ONCE]
        environments = [side.environment for side in both if side.environment]
        if not cells or len(environments) < len(both):
            return found
        self.say(f"running {len(cells)} cells once more, to separate noise from changes")
        again = []
        for name, environment in zip(NAMES, environments, strict=True):
            target = self.folder / f"{name}.again.parquet"
            judge(environment, adapters, target, (*self.options, *selecting(cells)))
            again.append(read_run(target))
        return diff(found.before, found.after, list(zip((found.before, found.after), again, strict=True)))


def locks_of(both: Sequence[Side]) -> list[list[str]]:
    """Return each side's lock, a requirement a line; empty where it is a run file."""
    locked = [side.environment.locked if side.environment else None for side in both]
    return [[f"python=={one.python}", *one.lines] if one else [] for one in locked]


def selecting(cells: Sequence[str]) -> list[str]:
    """Return the options of `logitproof run` that select these cells.

    >>> selecting(["jax-eager-softmax-value-float32-axis=first"])
    ['--cells', 'jax-eager-softmax-value-float32-axis=first']
    """
    return [word for cell in cells for word in ("--cells", cell)]
