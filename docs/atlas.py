"""Judge every release of some packages since a day, a run file each: ``python docs/atlas.py -o runs/atlas``.

`logitproof history runs/atlas` makes one page of them. What is there is not judged again, so that an interrupted atlas
goes on where it stopped; why a release could not be judged stands in ``left-out.json``. ``nox -s atlas`` does both.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from packaging.version import Version

from logitproof.environments.build import build
from logitproof.environments.interpreters import preferred
from logitproof.environments.locks import Wanted, lock, newest
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof.matrix.run import Interrupted
from logitproof.upgrades.bisect import releases
from logitproof.upgrades.sides import Settings, is_finished, judge
from logitproof_adapters.targets.target import TargetError, interpreter
from logitproof_reports.runs.schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

SINCE = "2024-01-01"
PYTHONS = ("3.11", "3.13")
"""Those whose releases are listed: what needs another, older or newer, is left out."""


@dataclass(frozen=True)
class Row:
    """A package of the atlas: the adapter that asks it, what is installed beside it, and which releases.

    Attributes
    ----------
    adapter : str
        Name of the adapter.
    beside : tuple of str
        Further requirements.
    by_minor : bool
        Whether of the releases of one minor version only the last is judged.
    """

    adapter: str
    beside: tuple[str, ...] = ()
    by_minor: bool = False


ATLAS = {
    "optax": Row("optax"),
    "scikit-learn": Row("sklearn"),
    "tinygrad": Row("tinygrad"),
    "onnxruntime": Row("onnxruntime", ("onnx",)),
    "keras": Row("keras_jax", ("jax",)),
    "jax": Row("jax", by_minor=True),
}
"""By the name of the package, the quick ones first."""


def listed(package: str, row: Row) -> list[str]:
    """Return the releases of a package since `SINCE`, oldest first.

    Raises
    ------
    UnbuildableEnvironment
        The index offers none.
    """
    interpreters = preferred(PYTHONS)
    first = newest(package, interpreters[0], until=SINCE)
    last = max((newest(package, one) for one in interpreters), key=Version)
    found = releases(package, first, last, interpreters)[1:]
    return list({Version(one).release[:2]: one for one in found}.values()) if row.by_minor else found


def judged(package: str, version: str, row: Row, folder: Path) -> str:
    """Judge a release unless its run file is there; return why it cannot be judged, or an empty text."""
    output = folder / package / f"{version}.parquet"
    if is_finished(output):
        return ""
    output.parent.mkdir(parents=True, exist_ok=True)
    asked = (f"{package}=={version}", *row.beside)
    try:
        target = interpreter(str(build(lock(Wanted(asked))).python))
        judge(target, [row.adapter], output, Settings(), resume=True)
    except (UnbuildableEnvironment, UsageError, TargetError, RunFileError) as problem:
        return str(problem).partition("\n")[0]
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the packages named, or all; return 130 after an interruption."""
    parser = argparse.ArgumentParser(description="Judge every release of some packages.")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/atlas"), help="folder for the run files")
    parser.add_argument("packages", nargs="*", help=f"default: {', '.join(ATLAS)}")
    given = parser.parse_args(arguments)
    place = given.output / "left-out.json"
    left_out = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    for package in given.packages or ATLAS:
        for version in listed(package, ATLAS[package]):
            begun = time.monotonic()
            try:
                reason = judged(package, version, ATLAS[package], given.output)
            except (Interrupted, KeyboardInterrupt):
                return 130
            left_out.pop(f"{package} {version}", None)
            left_out.update({f"{package} {version}": reason} if reason else {})
            place.write_text(json.dumps(left_out, indent=2) + "\n", encoding="utf-8")
            typer.echo(f"{package} {version}: {reason or 'judged'} ({time.monotonic() - begun:.0f} s)", err=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
