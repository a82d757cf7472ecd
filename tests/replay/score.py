"""The score of a replay: what each release showed of each bug, as a table, as Markdown and as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.catalogue import Bug, Release

HEADINGS = ("bug", "project", "red where it is", "green where it is not", "clauses")


@dataclass(frozen=True)
class Outcome:
    """What one release showed of one bug.

    Attributes
    ----------
    bug, release
        What was looked for, and where.
    asked, seen : int
        How many judgements look where it must show, and how many of them are red.
    problem : str
        Why the release could not be judged; empty if it was.
    """

    bug: Bug
    release: Release
    asked: int = 0
    seen: int = 0
    problem: str = ""

    @property
    def as_documented(self) -> bool:
        """Whether it was asked, and was red where the bug is and green where it is not."""
        return self.asked > 0 and (self.seen > 0) == self.release.red

    @property
    def words(self) -> str:
        """What was seen, e.g. ``jax==0.4.35: 2 of 9 red``."""
        return f"{self.release.requirements}: {self.problem or f'{self.seen} of {self.asked} red'}"


@dataclass(frozen=True)
class Score:
    """What all releases showed of the bugs that were replayed, of a catalogue of `bugs`."""

    outcomes: tuple[Outcome, ...]
    bugs: tuple[Bug, ...]

    @property
    def replayed(self) -> list[Bug]:
        """The bugs that were looked for, in the catalogue's order."""
        ids = {outcome.bug.id for outcome in self.outcomes}
        return [bug for bug in self.bugs if bug.id in ids]

    @property
    def unreached(self) -> list[Bug]:
        """The bugs that cannot be shown here."""
        return [bug for bug in self.bugs if bug.barrier]

    def of(self, bug: Bug, *, red: bool) -> list[Outcome]:
        """Return what the releases with (or without) a bug showed."""
        return [one for one in self.outcomes if one.bug.id == bug.id and one.release.red == red]

    def flagged(self, bug: Bug) -> bool:
        """Return whether every release that has a bug was red."""
        found = self.of(bug, red=True)
        return bool(found) and all(one.as_documented for one in found)

    def cleared(self, bug: Bug) -> bool | None:
        """Return whether every release without a bug was green; None if there is none yet."""
        found = self.of(bug, red=False)
        return all(one.as_documented for one in found) if found else None

    @property
    def as_documented(self) -> bool:
        """Whether every release showed what is documented."""
        return all(outcome.as_documented for outcome in self.outcomes)

    @property
    def sentence(self) -> str:
        """The score in one sentence."""
        flagged = sum(map(self.flagged, self.replayed))
        cleared = Counter(map(self.cleared, self.replayed))
        fixed = cleared[True] + cleared[False]
        return (
            f"{flagged} of {len(self.replayed)} documented bugs are red on the releases that have them; of the {fixed} "
            f"that a release has fixed {cleared[True]} are green there; {len(self.unreached)} are not shown here, "
            f"{sum(bug.is_missed for bug in self.unreached)} of them missed by the suite."
        )

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows, under `HEADINGS`."""
        return [
            (bug.id, bug.project, *(self._seen(bug, red=red) for red in (True, False)), " ".join(bug.clauses))
            for bug in self.replayed
        ]

    def _seen(self, bug: Bug, *, red: bool) -> str:
        marks = (("yes" if one.as_documented else "NO", one.words) for one in self.of(bug, red=red))
        return "; ".join(f"{mark} ({words})" for mark, words in marks) or "-"

    @property
    def markdown(self) -> str:
        """The whole score as Markdown: the sentence, the table, and what cannot be shown and why."""
        lines = [self.sentence, "", _line(HEADINGS), _line(["---"] * len(HEADINGS)), *map(_line, self.rows)]
        lines += ["", _line(["out of reach", "project", "why", "mutants that plant it"]), _line(["---"] * 4)]
        lines += [_line([b.id, b.project, b.reason, " ".join(b.mutants) or "-"]) for b in self.unreached]
        return "\n".join([*lines, ""])

    @property
    def record(self) -> dict[str, Any]:
        """The whole score as JSON takes it."""
        return {
            "score": self.sentence,
            "bugs": {
                bug.id: {
                    "flagged": self.flagged(bug),
                    "cleared": self.cleared(bug),
                    "releases": {
                        one.release.requirements: {
                            "due": "red" if one.release.red else "green",
                            "asked": one.asked,
                            "red": one.seen,
                            "problem": one.problem,
                        }
                        for one in self.outcomes
                        if one.bug.id == bug.id
                    },
                }
                for bug in self.replayed
            },
            "out_of_reach": {bug.id: bug.reason for bug in self.unreached},
        }


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(word.replace('|', '/') for word in words)} |"
