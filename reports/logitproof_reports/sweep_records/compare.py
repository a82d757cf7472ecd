"""Compares two records of sweeps: the ratchet, by which no function becomes worse unnoticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.sweep_records.summary import summary_of
from logitproof_reports.sweep_records.words import three_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_reports.sweep_records.record import Record
    from logitproof_reports.sweep_records.summary import Summary

WORSE, BETTER, SAME, MOVED, UNLIKE = "worse", "better", "same", "moved", "not comparable"

SLIGHTLY = 1e-6
"""Relative change of a measure that is none."""


@dataclass(frozen=True)
class Change:
    """The change of a function.

    Attributes
    ----------
    function : str
    verdict : str
        ``worse``: a larger error, or more answers that break a clause; ``better``; ``same``; ``moved``: as good, with
        other answers; ``not comparable``: not measured on the same rows.
    reason : str
        What changed.
    """

    function: str
    verdict: str
    reason: str


def changes(before: Record, after: Record) -> Iterator[Change]:
    """Yield what became of every function of two records."""
    plans = before.head["plan"], after.head["plan"]
    for name in sorted({*plans[0], *plans[1]}):
        if name not in plans[0] or name not in plans[1]:
            yield Change(name, UNLIKE, f"only in the {'candidate' if name not in plans[0] else 'baseline'}")
        elif plans[0][name] != plans[1][name] or name in before.missing or name in after.missing:
            yield Change(name, UNLIKE, "other rows, or rows are missing")
        else:
            yield _change(summary_of(before, name), summary_of(after, name))


def _change(before: Summary, after: Summary) -> Change:
    measures = {
        "broken": (_broken(before), _broken(after)),
        "largest error / bound": (before.slack["measure"], after.slack["measure"]),
        "largest error in ulps": (before.ulps["measure"], after.ulps["measure"]),
        "not correctly rounded": (before.counts["not_rounded"], after.counts["not_rounded"]),
    }
    told = {
        name: f"{name} {_number_text(a)} -> {_number_text(b)}" for name, (a, b) in measures.items() if _differ(a, b)
    }
    worse = [told[name] for name, (a, b) in measures.items() if name in told and b > a]
    better = [told[name] for name, (a, b) in measures.items() if name in told and b < a]
    if worse:
        return Change(before.function, WORSE, "; ".join(worse))
    if better:
        return Change(before.function, BETTER, "; ".join(better))
    same = before.bins == after.bins
    return Change(before.function, SAME if same else MOVED, "" if same else "as good, with other errors")


def _broken(summary: Summary) -> float:
    return float(summary.counts["broken"] + summary.counts["limits_wrong"])


def _differ(a: float, b: float) -> bool:
    return a != b and not abs(a - b) <= SLIGHTLY * max(abs(a), abs(b))


def _number_text(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else three_digits(number)
