"""How each framework's cells moved from release to release: a pure function of runs."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from logitproof_reports.counting.verdict_sentences import framework_versions, version_place
from logitproof_reports.words.text import plural

from .query import CellsOfRuns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from logitproof_reports.runs.folder import StoredRun


@dataclass(frozen=True)
class Release:
    """One framework as one run found it.

    Attributes
    ----------
    framework, version : str
        What was judged.
    files : list of str
        The files that hold it; several where runs agree in every verdict and bit.
    written : str
        Day the first of them was made, ``2026-01-31``.
    profile, case_set : str
        What was asked; only releases asked the same are compared.
    complete : bool
        False where the run was interrupted or filtered.
    since : str
        The version it is compared with; empty if none before it was asked the same.
    cells : int
        Cells judged; those the framework does not offer are not among them.
    conforming, known, unexpected : int
        Cells that break no MUST, that break one as the ledger says, and the others.
    verdicts, bits : int
        Cells in which the verdict, or any bit of an answer, is another than in the release before.
    slack : float
        The largest error / bound of what conforms or is unexpected; NaN if nothing was compared.
    """

    framework: str
    version: str
    files: list[str]
    written: str
    profile: str
    case_set: str
    complete: bool
    since: str = ""
    cells: int = 0
    conforming: int = 0
    known: int = 0
    unexpected: int = 0
    verdicts: int = 0
    bits: int = 0
    slack: float = float("nan")

    @property
    def sentence(self) -> str:
        """The changes, in a sentence."""
        part = "" if self.complete else " (a part of the matrix)"
        if not self.since:
            return f"{self.version}{part}: no earlier run with the same inputs."
        if not self.bits and not self.verdicts:
            return f"{self.version}{part}: verdicts and bits identical to {self.since}."
        verdicts = plural(self.verdicts, "cell") if self.verdicts else "no cell"
        return f"{self.version}{part}: since {self.since} {verdicts} changed in verdict, {self.bits:,} in bits."


@dataclass(frozen=True)
class History:
    """Releases by framework, oldest first, and what became of each cell.

    Attributes
    ----------
    releases : list of Release
        By framework, then by version, then by when they were made.
    stories : pyarrow.Table
        As `CellsOfRuns.stories` returns it.
    skipped : list of str
        Why other files are not in it.
    """

    releases: list[Release]
    stories: pa.Table
    skipped: list[str]

    def by_framework(self) -> dict[str, list[Release]]:
        """Return the releases of each framework."""
        found: dict[str, list[Release]] = defaultdict(list)
        for release in self.releases:
            found[release.framework].append(release)
        return dict(found)


def history_of(stored: Sequence[StoredRun], skipped: Sequence[str] = ()) -> History:
    """Compute the history of runs."""
    cells = CellsOfRuns([one.run for one in stored])
    found = sorted(_releases(stored, cells), key=lambda pair: _place(pair[1], stored[pair[0]].written))
    releases = [release for _, release in found]
    before = _before(releases)
    frameworks, whole = ([getattr(release, name) for release in releases] for name in ("framework", "complete"))
    cells.compare([place for place, _ in found], frameworks, before, whole)
    counted = [
        replace(
            release,
            since=releases[earlier].version if earlier >= 0 else "",
            **{name: value for name, value in counts.items() if name != "number"},
        )
        for release, earlier, counts in zip(releases, before, cells.counts(), strict=True)
    ]
    return History(counted, cells.stories(), list(skipped))


def _releases(stored: Sequence[StoredRun], cells: CellsOfRuns) -> list[tuple[int, Release]]:
    """Return a release for each run and framework, with the run's position; alike ones are one, the oldest."""
    found: dict[tuple[object, ...], tuple[int, Release]] = {}
    by_time = sorted(cells.contents(), key=lambda row: (stored[row[0]].written, stored[row[0]].name))
    for place, framework, content in by_time:
        one = stored[place]
        asked = (framework, framework_versions(one.run).get(framework, ""), one.run.profile, one.run.case_set)
        written = dt.datetime.fromtimestamp(one.written, tz=dt.UTC).date().isoformat()
        release = Release(*asked[:2], [], written, *asked[2:], one.run.complete)
        found.setdefault((*asked, one.run.complete, content), (place, release))[1].files.append(one.name)
    return list(found.values())


def _place(release: Release, written: float) -> tuple[object, ...]:
    """Return the sort key: by framework, then version, then time."""
    return release.framework, *version_place(release.version), written, release.files


def _before(releases: Sequence[Release]) -> list[int]:
    """Return for each release the position of the latest before it that was asked the same, or -1.

    A part of the matrix is compared with the part before it, in the cells that both judged.
    """
    last: dict[tuple[object, ...], int] = {}
    found = [-1] * len(releases)
    for place, release in enumerate(releases):
        asked = (release.framework, release.profile, release.case_set, release.complete)
        found[place] = last.get(asked, -1)
        last[asked] = place
    return found
