"""The documented bugs as data: where each shows, and what stands in the way of showing the others."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.values import CALL

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.judgement import Judgement

PAGE = Path(__file__).with_name("bugs.toml")
WRONG = frozenset({"deviates", "crashed"})
UNASKED = frozenset({"unsupported", "void"})

BARRIERS = {
    "device": "shows only on a GPU (or another accelerator)",
    "project": "a project of its own, not among the adapters",
    "release": "no release that has it was installed: too old, too large or not tried",
    "documented": "documented behaviour where the specification leaves the choice, and judged so",
    "granted": "within what a clause grants, or without a trace in the answer",
    "unasked": "no cell of the matrix asks for it",
}
"""What stands in the way of showing a bug."""

MISSES = ("granted", "unasked")
"""Those of them that are the suite's: a CPU and a release would show the bug."""

ROADS = {
    "matrix": "a cell of the matrix, as `logitproof run` asks it",
    "calls": "a call beside the matrix, which `logitproof upgrade` makes on both sides",
}
"""What shows a bug."""


@dataclass(frozen=True)
class Release:
    """One environment in which a bug is looked for.

    Attributes
    ----------
    requirements : str
        As `logitproof upgrade` takes them, e.g. ``jax==0.4.35``.
    red : bool
        Whether the bug is there.
    """

    requirements: str
    red: bool


@dataclass(frozen=True)
class Bug:
    """One documented bug.

    Attributes
    ----------
    id, project, title, url : str
        What it is, and where it is documented; the link is empty if there is no thread.
    adapter : str
        Which adapter sees it; empty if none can here.
    cells, regimes, clauses : tuple of str
        Patterns of the cells and regimes that must turn red, and the clauses of which one must name it.
    verdicts : frozenset of str
        What counts as red: a MUST that is broken, or ``concern`` for a SHOULD.
    releases : tuple of Release
        Where it is looked for, with and without.
    select : str
        Which cells are asked, as pytest's ``-k`` takes it; empty for all of the profile.
    profile : str
        ``quick`` or ``full``.
    road : str
        What shows it, of `ROADS`; of a call the cell is that of its record, and the regime its name.
    note : str
        What a reader should know of the releases chosen.
    barrier : str
        What stands in the way of showing it, of `BARRIERS`; empty if it can be shown.
    out_of_reach : str
        The same of this bug, where there is more to say.
    mutants : tuple of str
        Mutants of tests/meta that plant the same fault, where the release cannot be asked.
    """

    id: str
    project: str
    title: str
    url: str = ""
    adapter: str = ""
    cells: tuple[str, ...] = ()
    regimes: tuple[str, ...] = ("*",)
    clauses: tuple[str, ...] = ()
    verdicts: frozenset[str] = WRONG
    releases: tuple[Release, ...] = ()
    select: str = ""
    profile: str = "quick"
    road: str = "matrix"
    note: str = ""
    barrier: str = ""
    out_of_reach: str = ""
    mutants: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it cannot be shown here; empty if it can."""
        return self.out_of_reach or BARRIERS.get(self.barrier, "")

    @property
    def is_missed(self) -> bool:
        """Whether a CPU and a release could show it, and the suite does not: a hole of the suite."""
        return self.barrier in MISSES

    def is_asked_in(self, found: Judgement) -> bool:
        """Return whether a judgement looks where this bug must show: its clause, cell and regime."""
        return (
            found.verdict not in UNASKED
            and (self.road == "calls") == found.inputs.startswith(f'{{"{CALL}": ')
            and found.clause in self.clauses
            and any(fnmatchcase(found.cell, pattern) for pattern in self.cells)
            and any(fnmatchcase(found.regime, pattern) for pattern in self.regimes)
        )

    def shows_in(self, found: Judgement) -> bool:
        """Return whether a judgement is this bug."""
        return found.verdict in self.verdicts and self.is_asked_in(found)


@cache
def catalogue() -> tuple[Bug, ...]:
    """Return the bugs of `PAGE`, in its order."""
    return tuple(map(_bug, tomllib.loads(PAGE.read_text("utf-8"))["bug"]))


def _bug(entry: dict[str, Any]) -> Bug:
    red, green = entry.pop("red", []), entry.pop("green", [])
    releases = [Release(text, red=True) for text in red] + [Release(text, red=False) for text in green]
    lists = {name: tuple(entry.pop(name)) for name in ("cells", "regimes", "clauses", "mutants") if name in entry}
    verdicts = frozenset(entry.pop("verdicts", WRONG))
    return Bug(**entry, **lists, verdicts=verdicts, releases=tuple(releases))
