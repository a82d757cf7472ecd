"""Replay the documented bugs: build each release, ask the unchanged suite, print and store the score.

Run from the repository's root: ``PYTHONPATH=tests python -m replay.replay -o runs``; ``nox -s replay`` does so.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from logitproof.environments import build, lock, requirements_of
from logitproof.reporting import judgements
from logitproof.upgrade import judge
from logitproof.uv_tool import UnbuildableEnvironment
from logitproof_reports.run_file import read_run
from logitproof_reports.schema import RunFileError
from replay.catalogue import Bug, Release, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Asked:
    """One run of the suite that bugs share."""

    requirements: str
    adapter: str
    profile: str
    select: str

    @property
    def stem(self) -> str:
        """Name of its run file."""
        words = [self.requirements, self.adapter, self.profile, self.select]
        return "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in word) for word in words if word)[:120]


@dataclass(frozen=True)
class Outcome:
    """What one release showed of one bug."""

    bug: Bug
    release: Release
    seen: int
    problem: str = ""

    @property
    def as_documented(self) -> bool:
        """Whether it was red where the bug is, green where it is not."""
        return not self.problem and (self.seen > 0) == self.release.red


def plan(bugs: Iterable[Bug]) -> dict[Asked, list[tuple[Bug, Release]]]:
    """Return the runs that are needed, and what each is to show."""
    wanted = [
        (Asked(release.requirements, bug.adapter, bug.profile, bug.select), bug, release)
        for bug in bugs
        for release in bug.releases
    ]
    wanted.sort(key=lambda one: (one[0].requirements, one[0].adapter, one[0].profile, one[0].select))
    return {
        asked: [(bug, release) for _, bug, release in group] for asked, group in groupby(wanted, lambda one: one[0])
    }


def replay(asked: Asked, shown: Sequence[tuple[Bug, Release]], folder: Path) -> list[Outcome]:
    """Build the environment, run the suite, and look for the bugs in what it found."""
    run_file = folder / f"{asked.stem}.parquet"
    options = ["--profile", asked.profile, *(["--", "-k", asked.select] if asked.select else [])]
    try:
        judge(build(lock(requirements_of(asked.requirements))), [asked.adapter], run_file, options)
        found = list(judgements(read_run(run_file)))
    except (UnbuildableEnvironment, RunFileError) as problem:
        return [Outcome(bug, release, 0, str(problem)) for bug, release in shown]
    return [Outcome(bug, release, sum(map(bug.shows_in, found))) for bug, release in shown]


def score(outcomes: Sequence[Outcome]) -> dict[str, bool]:
    """Return by bug whether every release showed what is documented of it."""
    bugs = dict.fromkeys(outcome.bug.id for outcome in outcomes)
    return {id_: all(outcome.as_documented for outcome in outcomes if outcome.bug.id == id_) for id_ in bugs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the bugs named, or all that can be shown; return 1 where one is not as documented."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs"), help="folder for run files and score")
    parser.add_argument("bugs", nargs="*", help="ids of bugs; default: all")
    given = parser.parse_args(arguments)
    chosen = [bug for bug in catalogue() if bug.releases and (not given.bugs or bug.id in given.bugs)]
    outcomes: list[Outcome] = []
    for asked, shown in plan(chosen).items():
        typer.echo(f"{asked.requirements}: asking {asked.adapter} ...", err=True)
        for outcome in replay(asked, shown, given.output / "replay"):
            outcomes.append(outcome)
            due = "red" if outcome.release.red else "green"
            said = outcome.problem or f"{outcome.seen} judgements show it"
            mark = "ok " if outcome.as_documented else "NOT"
            typer.echo(f"{mark} {outcome.bug.id} due {due} in {asked.requirements}: {said}")
    by_bug = score(outcomes)
    everything = catalogue()
    unreachable = sum(bool(bug.out_of_reach) for bug in everything)
    typer.echo(f"{sum(by_bug.values())} of {len(by_bug)} replayed bugs as documented; {unreachable} out of reach here")
    (given.output / "replay.json").write_text(json.dumps(by_bug, indent=2) + "\n", encoding="utf-8")
    return 0 if all(by_bug.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
