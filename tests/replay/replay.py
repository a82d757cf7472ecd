"""Replay the documented bugs: build each release, ask the unchanged suite, print and store the score.

Run from the repository's root: ``PYTHONPATH=tests python -m replay.replay -o runs``; ``nox -s replay`` does so. A run
file that is there from the same build of Logitproof is not asked again. With ``--workers`` or ``--dask`` several
releases are judged at a time; the workers of a cluster need the same PYTHONPATH, and keep their run files where they
are. With ``--python`` or ``--target`` no release is
built: the bugs are looked for where a framework is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from logitproof.environments.build import build
from logitproof.environments.resolver import Wanted, lock, requirements_of
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UNEXPECTED, USAGE, UsageError
from logitproof.extra_calls.judgements import with_extra_calls
from logitproof.upgrades.sides import Settings, judge
from logitproof.workers import chosen_workers, results
from logitproof_adapters.targets import target as targets
from logitproof_adapters.targets.installed import installed_in
from logitproof_adapters.targets.target import Target, TargetError
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.schema import RunFileError, judgements
from logitproof_reports.words.text import plural
from replay.catalogue import Bug, Release, catalogue
from replay.score import Outcome, Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from logitproof.workers import Workers
    from logitproof_reference.vocabulary.judgement import Judgement

PACKAGES = (
    "logitproof",
    "logitproof_adapters",
    "logitproof_conformance",
    "logitproof_reference",
    "logitproof_reports",
)


@dataclass(frozen=True, order=True)
class ReplayRequest:
    """One run of the suite that bugs share, with the calls beside the matrix where one of them needs these."""

    requirements: str
    adapter: str
    profile: str
    select: str
    calls: bool = False

    @property
    def file(self) -> str:
        """Name of its run file."""
        words = f"{self.requirements}-{self.adapter}-{self.profile}-{self.select}{'-calls' * self.calls}"
        legible = "".join(c if c.isalnum() or c in ".=" else "_" for c in f"{self.requirements}-{self.adapter}")
        return f"{legible}-{hashlib.sha256(words.encode()).hexdigest()[:8]}.parquet"


def chosen(words: Sequence[str]) -> list[Bug]:
    """Return the bugs with these ids, or of these projects or adapters; without words, all that can be shown.

    Raises
    ------
    Refusal
        A word names none.
    """
    reachable = [bug for bug in catalogue() if bug.releases]
    known = {name for bug in reachable for name in (bug.id, bug.project, bug.adapter)}
    if unknown := [word for word in words if word not in known]:
        projects = ", ".join(sorted({bug.project for bug in reachable}))
        raise UsageError(
            f'"{unknown[0]}" is no bug that can be replayed: name an id of bugs.toml, or one of {projects}'
        )
    return [bug for bug in reachable if not words or {bug.id, bug.project, bug.adapter} & set(words)]


def plan(bugs: Sequence[Bug]) -> dict[ReplayRequest, list[tuple[Bug, Release]]]:
    """Return the runs that are needed, one a release, adapter and profile, and what each is to show."""
    wanted = [
        (release.requirements, bug.adapter, bug.profile, bug, release) for bug in bugs for release in bug.releases
    ]
    wanted.sort(key=lambda one: one[:3])
    runs = [(words, list(group)) for words, group in groupby(wanted, lambda one: one[:3])]
    return {
        ReplayRequest(
            *words, joined(bug.select for *_, bug, _ in group), any(bug.road == "calls" for *_, bug, _ in group)
        ): [(bug, release) for *_, bug, release in group]
        for words, group in runs
    }


def joined(selects: Iterable[str]) -> str:
    """Return what selects all that these select; empty, which selects everything, where one does.

    >>> joined(["b and c", "a", "a"])
    '(a) or (b and c)'
    """
    each = sorted(set(selects))
    return "" if "" in each else " or ".join(f"({select})" for select in each)


def ask(asked: ReplayRequest, folder: Path) -> list[Judgement]:
    """Build the environment and judge it, unless its run file is there."""
    locked = lock(Wanted(requirements_of(asked.requirements)))
    run_file = folder / own_digest() / asked.file
    if not run_file.exists():
        # Under another name at first: what an interruption leaves is not to be taken for the whole.
        asking = run_file.with_name(f"asking-{asked.file}")
        asking.parent.mkdir(parents=True, exist_ok=True)
        target = targets.interpreter(str(build(locked).python))
        run = judge(target, [asked.adapter], asking, Settings(asked.profile, asked.select))
        if asked.calls:
            write_run(asking, with_extra_calls(run, target, [asked.adapter]))
        asking.replace(run_file)
    return list(judgements(read_run(run_file)))


@cache
def own_digest() -> str:
    """Return a digest of Logitproof's own sources: run files of another state of them are not used again."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Task:
    """A run, what it is to show, and the folder of run files; it travels to a worker."""

    asked: ReplayRequest
    shown: tuple[tuple[Bug, Release], ...]
    folder: Path


def outcomes_of(task: Task) -> list[Outcome]:
    """Look for the bugs in what one release shows."""
    shown = task.shown
    try:
        found = ask(task.asked, task.folder)
    except (UnbuildableEnvironment, RunFileError, UsageError) as problem:  # a framework that cannot be imported there
        return [Outcome(bug, release, problem=str(problem).partition("\n")[0]) for bug, release in shown]
    return [
        Outcome(bug, release, sum(map(bug.is_asked_in, found)), sum(map(bug.shows_in, found))) for bug, release in shown
    ]


def replay(bugs: Sequence[Bug], folder: Path, workers: Workers) -> Score:
    """Replay bugs, saying what each shows and storing the score after each release."""
    tasks = [Task(asked, tuple(shown), folder / "replay") for asked, shown in plan(bugs).items()]
    score, begun = Score((), catalogue()), time.monotonic()
    typer.echo(f"{plural(len(tasks), 'run')} of {plural(len(bugs), 'bug')}", err=True)
    try:
        for number, (task, found) in enumerate(results(workers, outcomes_of, tasks), 1):
            if isinstance(found, Exception):
                raise found
            asked = task.asked
            said = f"[{number}/{len(tasks)}, {time.monotonic() - begun:.0f} s] {asked.requirements}: {asked.adapter}"
            typer.echo(f"{said} {asked.select}", err=True)
            for one in found:
                due = "red" if one.release.red else "green"
                typer.echo(f"  {'ok ' if one.as_documented else 'NOT'} {due:5} {one.bug.id}: {one.words}", err=True)
            score = Score((*score.outcomes, *found), catalogue())
            store(score, folder)
    finally:
        workers.close()
    return score


def look_for(bugs: Sequence[Bug], target: Target, folder: Path) -> list[Outcome]:
    """Look for bugs in a target, saying of each whether it shows; which should, only its releases tell.

    Raises
    ------
    TargetError
        The target cannot be used.
    """
    there = installed_in(target)
    here = [bug for bug in bugs if bug.adapter in there]
    found: list[Outcome] = []
    for (adapter, profile), group in groupby(sorted(here, key=_run_of), key=_run_of):
        shared = list(group)
        run_file = folder / "replay" / f"target-{adapter}-{profile}.parquet"
        run_file.parent.mkdir(parents=True, exist_ok=True)
        run = judge(target, [adapter], run_file, Settings(profile, joined(bug.select for bug in shared)))
        judged = list(judgements(with_extra_calls(run, target, [adapter])))
        for bug in shared:
            asked, seen = sum(map(bug.is_asked_in, judged)), sum(map(bug.shows_in, judged))
            found.append(Outcome(bug, Release(target.label, red=False), asked, seen))
    return found


def _run_of(bug: Bug) -> tuple[str, str]:
    return bug.adapter, bug.profile


def store(score: Score, folder: Path) -> None:
    """Write the score as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.json").write_text(json.dumps(score.record, indent=2) + "\n", encoding="utf-8")
    (folder / "replay.md").write_text(score.markdown, encoding="utf-8")


def _target(given: argparse.Namespace) -> Target | None:
    if given.python or given.target:
        return targets.chosen(given.python, given.target, device=given.device)
    if given.device:
        raise UsageError("--device goes with --python or --target: the releases are built for the CPU")
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the bugs named, or all that can be shown; return 1 where a release shows other than is documented."""
    parser = argparse.ArgumentParser(description="Replay documented bugs.")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs"), help="folder for run files and score")
    parser.add_argument("--workers", type=int, default=1, help="releases that are judged at a time")
    parser.add_argument("--dask", metavar="ADDRESS", default="", help="scheduler of a cluster, or 'local'")
    parser.add_argument("--python", metavar="PATH", help="look for the bugs in what this interpreter has")
    parser.add_argument("--target", metavar="NAME", help="look for the bugs in a target of logitproof.toml")
    parser.add_argument("--device", metavar="NAME", help="where the framework computes there")
    parser.add_argument("bugs", nargs="*", help="ids of bugs, projects or adapters; default: all that can be shown")
    given = parser.parse_args(arguments)
    try:
        bugs = chosen(given.bugs)
        if (target := _target(given)) is not None:
            for one in look_for(bugs, target, given.output):
                shows = "shows" if one.seen else "does not show" if one.asked else "not evaluated"
                typer.echo(f"{one.bug.id}: {shows} ({one.words})")
            return 0
        score = replay(bugs, given.output, chosen_workers(given.workers, given.dask))
    except (UsageError, TargetError) as refusal:
        typer.echo(f"replay: {refusal}", err=True)
        return USAGE
    typer.echo(score.markdown.partition("\n| out of reach")[0])
    return 0 if score.as_documented else UNEXPECTED


if __name__ == "__main__":
    sys.exit(main())
