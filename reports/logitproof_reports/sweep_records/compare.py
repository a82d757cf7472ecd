"""Compares two records of sweeps, or two atlases: the ratchet, by which no function becomes worse unnoticed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.sweep_records.atlas_entries import headings, number_of
from logitproof_reports.sweep_records.summary import summary_of
from logitproof_reports.sweep_records.words import three_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof_reports.sweep_records.atlas_entries import Atlas, Swept
    from logitproof_reports.sweep_records.record import Record
    from logitproof_reports.sweep_records.summary import Summary

WORSE, BETTER, SAME, MOVED, UNLIKE = "worse", "better", "same", "moved", "not comparable"

MEASURES = ("broken", "largest error / bound", "largest error in ulps", "not correctly rounded")
"""What is compared, and is to grow nowhere."""

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
            old, new = summary_of(before, name), summary_of(after, name)
            yield _change(name, _measures(old), _measures(new), is_same=old.bins == new.bins)


def atlas_changes(before: Atlas, after: Atlas) -> Iterator[Change]:
    """Yield what became of every function of two atlases, as far as the digits that an atlas shows tell."""
    held = [dict(zip(map(" ".join, _names(one.swept)), one.swept, strict=True)) for one in (before, after)]
    for name in sorted({*held[0], *held[1]}):
        if name not in held[0] or name not in held[1]:
            yield Change(name, UNLIKE, f"only in the {'candidate' if name not in held[0] else 'baseline'}")
        elif held[0][name].rows != held[1][name].rows:
            yield Change(name, UNLIKE, "other rows")
        else:
            yield _change(name, *(_shown(side[name]) for side in held), is_same=True)


def _names(swept: Sequence[Swept]) -> list[tuple[str, str, str]]:
    return [(name, one.line.function, one.line.format) for name, one in zip(headings(swept), swept, strict=True)]


def _shown(one: Swept) -> dict[str, float]:
    numbers = (*map(number_of, (one.line.broken, one.line.slack, one.line.ulps)), one.not_rounded)
    return dict(zip(MEASURES, numbers, strict=True))


def _measures(summary: Summary) -> dict[str, float]:
    numbers = (_broken(summary), summary.slack["measure"], summary.ulps["measure"], summary.counts["not_rounded"])
    return dict(zip(MEASURES, numbers, strict=True))


def _change(name: str, before: dict[str, float], after: dict[str, float], *, is_same: bool) -> Change:
    """Return a change; `is_same` says whether all else is the same, where no measure differs."""
    pairs = {measure: (before[measure], after[measure]) for measure in MEASURES}
    told = {
        measure: f"{measure} {_number_text(a)} -> {_number_text(b)}"
        for measure, (a, b) in pairs.items()
        if _differ(a, b)
    }
    worse = [text for measure, text in told.items() if after[measure] > before[measure]]
    better = [text for measure, text in told.items() if after[measure] < before[measure]]
    if worse:
        return Change(name, WORSE, "; ".join(worse))
    if better:
        return Change(name, BETTER, "; ".join(better))
    return Change(name, SAME if is_same else MOVED, "" if is_same else "as good, with other errors")


def _broken(summary: Summary) -> float:
    return float(summary.counts["broken"] + summary.counts["limits_wrong"])


def _differ(a: float, b: float) -> bool:
    return not math.isclose(a, b, rel_tol=SLIGHTLY)


def _number_text(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else three_digits(number)
