"""The report of a diff: one record, from which terminal, Markdown, JSON, annotations and page are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.words.text import listed, plural

from .causes import UNKNOWN, Cause, causes_of
from .classes import RANK, ChangeClass
from .environment import Difference, differences, subject

if TYPE_CHECKING:
    from .compare import Diff
    from .ruling import Ruling

MOST_CAUSES = 24
"""Causes that a report holds; of more, the changes of several functions share one."""

_ENDED = ("ended by", "ended with")
"""How a reason begins where a framework's process ended."""

_COUNTED = {
    "identical": "identical in bits",
    "moved within the bound": "moved within their bounds",
    "bits changed": "with different bits",
}
"""Classes that say nothing bad, as a sentence counts them; the others go by their names."""


@dataclass(frozen=True)
class DiffReport:
    """The conclusions of a diff.

    Attributes
    ----------
    diff, ruling : Diff, Ruling
        What it is of, judgement by judgement.
    word : str
        One of `ruling.WORDS`.
    subject : str
        What was compared with what, e.g. ``jax 0.9.2 -> 0.10.2``.
    policy : str
        What fails the gate, in words.
    reasons : list of str
        What else shuts the gate, one sentence each: nothing was compared, a waiver expired or excuses nothing.
    causes : list of Cause
        What changed, those causes first that block.
    counts : list of (ChangeClass, int)
        The classes that occur, worst first, with the number of their judgements.
    counted : str
        The cells by class, in words; and which run is incomplete.
    environment : list of Difference
        What differs besides the framework.
    next_step : str
        What to do; empty if there is nothing to do.
    """

    diff: Diff
    ruling: Ruling
    word: str
    subject: str
    policy: str
    reasons: list[str]
    causes: list[Cause]
    counts: list[tuple[ChangeClass, int]]
    counted: str
    environment: list[Difference]
    next_step: str

    @property
    def safe(self) -> bool:
        """Whether the gate is open."""
        return self.ruling.safe

    @property
    def comparable(self) -> bool:
        """Whether anything can be said."""
        return not self.ruling.incomparable

    @property
    def headline(self) -> str:
        """The first line: ``NOT SAFE: jax 0.9.2 -> 0.10.2: 2 of 5 changes block``."""
        return f"{self.word}: {self.subject}: {self._changes}"

    @property
    def _changes(self) -> str:
        if not self.comparable:
            return "nothing can be said"
        blocking, looked_at = (self.of(gate_status) for gate_status in ("blocks", "look"))
        if blocking:
            verb = "blocks" if len(blocking) == 1 else "block"
            return f"{len(blocking)} of {plural(len(self.causes), 'change')} {verb}"
        if self.reasons:
            return "no change blocks, but see below"
        if looked_at:
            return f"no change blocks, {len(looked_at)} to look at"
        waived = len(self.of("waived"))
        if not self.causes:
            return "no change" if {change.name for change, _ in self.counts} <= _SAME else "no change that matters"
        return f"nothing became worse{f', {waived} waived' if waived else ''}"

    def of(self, gate_status: str) -> list[Cause]:
        """Return the causes of one of `causes.GATE_STATUSES`."""
        return [cause for cause in self.causes if cause.gate_status == gate_status]


_SAME = frozenset({"identical", "not offered", "not judged", "accompanying"})


def report_of(diff: Diff, ruling: Ruling, room: int = MOST_CAUSES) -> DiffReport:
    """Return the report of a diff on which a gate has ruled, with `room` for causes."""
    causes = causes_of(diff, ruling, room)
    return DiffReport(
        diff=diff,
        ruling=ruling,
        word=ruling.word(diff),
        subject=subject(diff.before, diff.after),
        policy=ruling.policy,
        reasons=[*filter(None, [ruling.incomparable]), *ruling.complaints],
        causes=causes,
        counts=diff.by_class(),
        counted=f"{_cells(diff)}{_incomplete(diff)}",
        environment=differences(diff.before, diff.after),
        next_step=_next_step(causes),
    )


def _incomplete(diff: Diff) -> str:
    """Return which run is incomplete, as an aside; empty where neither is; a filter leaves the same part of both."""
    partly = [name for name, run in (("baseline", diff.before), ("candidate", diff.after)) if not run.complete]
    unknown = [diff.count(name) for name in ("unknown now", "unknown before", "not judged")]
    if len(partly) > 1 and not any(unknown):
        return " (a part of the matrix)"
    return f" (incomplete: {listed(partly)})" if partly else ""


def _cells(diff: Diff) -> str:
    """Return the cells by their worst judgement: ``of 58 cells 39 identical in bits, 1 fixed``."""
    cells = diff.cells_by_class()
    asked = {name: number for name, number in cells.items() if RANK[name] <= RANK["not judged"]}
    if not asked:
        return "no cell compared"
    if set(asked) == {"identical"}:
        return f"{plural(asked['identical'], 'cell')} identical in bits"
    harmless = [f"{asked[name]:,} {words}" for name, words in _COUNTED.items() if name in asked]
    others = [f"{number:,} {name}" for name, number in asked.items() if name not in _COUNTED]
    return f"of {plural(sum(asked.values()), 'cell')} {', '.join(harmless + others)}"


def _next_step(causes: list[Cause]) -> str:
    """Return what to do about what blocks, or is to be looked at; empty if there is nothing."""
    pressing = [cause for cause in causes if cause.gate_status in {"blocks", "look"}]
    if not pressing:
        return ""
    if all(cause.change.name in UNKNOWN for cause in pressing):
        if all(word not in cause.line for cause in pressing for word in _ENDED):
            return "next: finish both runs, with less load on the machine or a longer --patience"
        return (
            'next: where a process ended nothing can be compared: leave those cells out (e.g. -k "not compiled"), '
            "or accept them by [[waivers]] in logitproof.toml"
        )
    if all(cause.example.call for cause in pressing):
        return (
            "next: run the call in both releases, and read what they document of it; "
            "[[waivers]] in logitproof.toml accepts it"
        )
    return (
        "next: logitproof explain shows such a row, logitproof bisect finds the release that changed it, "
        "[[waivers]] in logitproof.toml accepts it"
    )
