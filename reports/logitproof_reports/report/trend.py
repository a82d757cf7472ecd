"""The trend beside a count: the same count in earlier runs of the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by
from logitproof_reports.counting.verdict_sentences import framework_versions, version_place
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.counting.tally import Tally
    from logitproof_reports.runs.folder import StoredRun
    from logitproof_reports.runs.schema import Run

WIDTH, HEIGHT = 56, 14
"""Size of the line, in pixels."""

MOST_POINTS = 30
"""Runs that the line shows, the latest ones."""


@dataclass(frozen=True)
class Trend:
    """A line through a number's earlier values and the one now, and what changed last, in words.

    Attributes
    ----------
    points : str
        The line, as the points of a polyline.
    words : str
        The change since the run before, e.g. ``+2 since 2.12.0``.
    title : str
        Every value with its release.
    """

    points: str
    words: str
    title: str


@dataclass(frozen=True)
class Past:
    """One earlier run of a framework: its version, and what it counts."""

    version: str
    tally: Tally


def pasts_of(judged: Judged, stored: Sequence[StoredRun]) -> dict[str, list[Past]]:
    """Return each framework's earlier runs of the same profile and inputs, by version, then by when they were made.

    Runs that are incomplete, and those that are part of the run itself, are left out.
    """
    own = set(judged.run.origins)
    now = tally_by(judged, judged.framework)
    current = framework_versions(judged.run)
    found: dict[str, list[tuple[tuple[object, ...], Past]]] = {name: [] for name in judged.framework.words}
    for one in stored:
        if not _is_comparable(one.run, judged.run) or own & set(one.run.origins):
            continue
        earlier, versions = prepare(one.run), framework_versions(one.run)
        for (name,), tally in tally_by(earlier, earlier.framework).items():
            version = versions.get(name, "")
            # Without an origin, what is equal may be this very run.
            is_itself = not one.run.origins and version == current.get(name, "") and tally == now[name,]
            if name in found and not is_itself:
                place = (*version_place(version), one.written, one.name)
                found[name].append((place, Past(escape_control_chars(version), tally)))
    return {name: [past for _, past in sorted(pasts, key=lambda pair: pair[0])] for name, pasts in found.items()}


def _is_comparable(one: Run, other: Run) -> bool:
    return one.complete and (one.profile, one.case_set) == (other.profile, other.case_set)


def trend_of(outcome: str, pasts: Sequence[Past], version: str, now: int) -> Trend | None:
    """Return the trend of an outcome's number; None if no earlier run was asked the same."""
    if not pasts:
        return None
    values = [past.tally.count(outcome) for past in pasts[1 - MOST_POINTS :]] + [now]
    versions = [past.version for past in pasts[1 - MOST_POINTS :]] + [version]
    change = now - values[-2]
    before = versions[-2] if versions[-2] != version else "the run before"
    words = f"{change:+,} since {before}" if change else f"as in {before}"
    title = ", ".join(f"{name}: {value:,}" for name, value in zip(versions, values, strict=True))
    return Trend(_line(values), words, title)


def _line(values: Sequence[int]) -> str:
    step, low, high = WIDTH / (len(values) - 1), min(values), max(values)
    span = max(1, high - low)
    heights = [(HEIGHT - 2) * (1 - (value - low) / span) + 1 for value in values]
    return " ".join(f"{place * step:.1f},{height:.1f}" for place, height in enumerate(heights))
