"""Judge every release of some packages since a day, a run file each: ``python docs/releases.py -o runs/releases``.

`logitproof history runs/releases` makes one page of them, and ``--table FILE`` a table in Markdown of what each release
changed. What is there is not judged again, so that an interrupted history goes on where it stopped; why a release
could not be judged stands in ``left-out.json``. ``nox -s releases`` does all of it.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from packaging.version import Version

from logitproof.environments.build import build
from logitproof.environments.interpreters import preferred
from logitproof.environments.resolver import Wanted, lock, newest
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.extra_calls.judgements import with_extra_calls
from logitproof.matrix.run import Interrupted
from logitproof.upgrades.bisect import releases
from logitproof.upgrades.policy import Policy
from logitproof.upgrades.sides import TOLD, Settings, is_finished, judge
from logitproof.workers import chosen_workers, results
from logitproof_adapters.targets.target import TargetError, interpreter
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.report import DiffReport, report_of
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.words.markdown import escaped, head, row
from logitproof_reports.words.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

SINCE = "2024-01-01"
PYTHONS = ("3.11", "3.13")
"""Those whose releases are listed: what needs another, older or newer, is left out."""


@dataclass(frozen=True)
class Row:
    """A package of the history: the adapter that calls it, what is installed with it, and which cells.

    Attributes
    ----------
    adapter : str
        Name of the adapter.
    further : tuple of str
        Requirements besides the package itself.
    select : str
        Expression that selects cases, as ``-k`` of `logitproof run`; empty for all of the quick profile.
    """

    adapter: str
    further: tuple[str, ...] = ()
    select: str = ""


PLAIN = "eager and float32"
"""The cells of which a release is judged in a minute."""

PACKAGES = {
    "scikit-learn": Row("sklearn"),
    "scipy": Row("scipy"),
    "optax": Row("optax", select=PLAIN),
    "onnxruntime": Row("onnxruntime", ("onnx",), select="float32"),
    "tinygrad": Row("tinygrad", select=PLAIN),
    # Keras before 3.4 imports packaging without declaring it.
    "keras": Row("keras_jax", ("jax", "packaging"), select=PLAIN),
    "jax": Row("jax", select=PLAIN),
}
"""By the name of the package, the quick ones first."""

AT_A_PLACE = re.compile(r"^adapter \S+ cannot be used in target \S+: ")
"""How a reason begins that names a folder of this machine."""

MOST_CAUSES = 3
"""Changes of a release that the table names."""


def listed(package: str) -> list[str]:
    """Return the releases of a package since `SINCE`, oldest first.

    Raises
    ------
    UnbuildableEnvironment
        The index offers none.
    """
    interpreters = preferred(PYTHONS)
    first = newest(package, interpreters[0], until=SINCE)
    last = max((newest(package, one) for one in interpreters), key=Version)
    return releases(package, first, last, interpreters)[1:]


@dataclass(frozen=True)
class Release:
    """A release, and the folder of run files, which all workers share."""

    package: str
    version: str
    folder: Path

    @property
    def name(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}"


def judged(release: Release) -> str:
    """Judge a release unless its run file is there; return why it cannot be judged, or an empty text."""
    package, version, row = release.package, release.version, PACKAGES[release.package]
    output = release.folder / package / f"{version}.parquet"
    if is_finished(output):
        return ""
    output.parent.mkdir(parents=True, exist_ok=True)
    asked = (f"{package}=={version}", *row.further)
    try:
        target = interpreter(str(build(lock(Wanted(asked))).python))
        run = judge(target, [row.adapter], output, Settings(select=row.select), resume=True)
        write_run(output, with_extra_calls(run, target, [row.adapter]))
    except (UnbuildableEnvironment, UsageError, TargetError, RunFileError) as problem:
        return AT_A_PLACE.sub("", str(problem).partition("\n")[0])
    return ""


def table(folder: Path, left_out: dict[str, str]) -> str:
    """Return what each release changed, in Markdown: a table a package, each release compared with the one before."""
    made = dt.datetime.now(tz=dt.UTC).date()
    how = (
        f"Made by `nox -s releases` on {made}: the releases since {SINCE} that install here (Linux, x86-64, Python "
        f"{' or '.join(PYTHONS)}), each with the newest of what it needs, judged by the quick profile and compared "
        "with the release before. The verdict is that of `logitproof upgrade` by the default policy ([Approve an "
        "upgrade](upgrade.md)); of the changes the worst are named. Releases after the last one of a package were not "
        "run. [The same as one page](releases.html) for a browser, with each cell."
    )
    lines = ["# What each release changed", "", how]
    for package, one in PACKAGES.items():
        found = filter(is_finished, (folder / package).glob("*.parquet"))
        files = sorted(found, key=lambda file: Version(file.stem))
        lines += ["", f"## {package}", "", *(_section(files, one) if files else ["Not run."])]
        lines += _left_out(package, left_out)
    return "\n".join([*lines, ""])


def _section(files: Sequence[Path], one: Row) -> list[str]:
    only = f', of which those that match `-k "{one.select}"`' if one.select else ""
    which = f"{plural(len(files), 'release')}, {files[0].stem} to {files[-1].stem}"
    asked = f"{which}; the cells of the quick profile{only}."
    rows = [_row(before.stem, after.stem, _report(before, after)) for before, after in pairwise(files)]
    return [asked, "", *head(["release", "since", "verdict", "what changed", "cells", "other packages"]), *rows]


def _report(before: Path, after: Path) -> DiffReport:
    found = diff(read_run(before), read_run(after))
    return report_of(found, Policy().rule(found, dt.datetime.now(tz=dt.UTC).date()))


def _row(before: str, after: str, report: DiffReport) -> str:
    causes = [one.line for one in report.causes]
    more = [f"and {len(causes) - MOST_CAUSES} more"] if len(causes) > MOST_CAUSES else []
    others = [one.sentence for one in report.environment if one.name in TOLD or one.name == "python"]
    cells = report.counted.partition(" (")[0]  # without the note on cells that the filter leaves out
    return row([after, before, report.word, "; ".join(causes[:MOST_CAUSES] + more), cells, ", ".join(others)])


def _left_out(package: str, left_out: dict[str, str]) -> list[str]:
    found = [f"- {name}: {escaped(reason)}" for name, reason in left_out.items() if name.split()[0] == package]
    return ["", "Not judged:", "", *found] if found else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the packages named, or all; return 130 after an interruption."""
    parser = argparse.ArgumentParser(description="Judge every release of some packages.")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/releases"), help="folder for the run files")
    parser.add_argument("--table", type=Path, help="Markdown file to write of what is there; nothing is judged")
    parser.add_argument("--workers", type=int, default=1, help="releases that are judged at a time")
    parser.add_argument("--dask", metavar="ADDRESS", default="", help="scheduler of a cluster, or 'local'")
    parser.add_argument("packages", nargs="*", help=f"default: {', '.join(PACKAGES)}")
    given = parser.parse_args(arguments)
    place = given.output / "left-out.json"
    left_out = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    if given.table:
        given.table.write_text(table(given.output, left_out), encoding="utf-8")
        return 0
    asked = (
        Release(package, version, given.output.absolute())
        for package in given.packages or PACKAGES
        for version in listed(package)
    )
    workers = chosen_workers(given.workers, given.dask)
    try:
        for release, reason in results(workers, judged, asked):
            if isinstance(reason, Exception):
                raise reason
            left_out.pop(release.name, None)
            left_out.update({release.name: reason} if reason else {})
            place.write_text(json.dumps(left_out, indent=2) + "\n", encoding="utf-8")
            typer.echo(f"{release.name}: {reason or 'judged'}", err=True)
    except (Interrupted, KeyboardInterrupt):
        return 130
    finally:
        workers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
