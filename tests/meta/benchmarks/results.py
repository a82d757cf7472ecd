"""Ratios that benchmarks measure, all in one JSON file, and two such files side by side.

Run as ``python -m meta.benchmarks.results OLD NEW``: it prints what changed by more than a tenth, with ``--all`` all.
With ``--check FILE`` it exits with 1 where a ratio of that file misses its mark.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Part(TypedDict):
    """What one benchmark measured: ratios by what they are of, and what they have to reach or may not pass."""

    ratios: dict[str, float]
    at_least: dict[str, float]
    at_most: dict[str, float]


NOTICED = 0.1
"""Changes of a ratio below this share are not shown."""


def write(
    path: Path | None,
    name: str,
    ratios: Mapping[str, float],
    *,
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
) -> int:
    """Add what a benchmark measured to a file, print what misses its mark, and return 1 where something does."""
    part = Part(ratios=dict(ratios), at_least=dict(at_least or {}), at_most=dict(at_most or {}))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**read(path), name: part}, indent=2, sort_keys=True) + "\n", "utf-8")
    missed = list(misses(part))
    sys.stdout.write("".join(f"{name}: {line}\n" for line in missed))
    return int(bool(missed))


def read(path: Path) -> dict[str, Part]:
    """Return what a file holds by the names of the benchmarks; nothing if there is none."""
    found: dict[str, Part] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def misses(part: Part) -> Iterator[str]:
    """Say of each ratio that misses its mark by how much."""
    for name, ratio in part["ratios"].items():
        if ratio < part["at_least"].get(name, ratio):
            yield f"{name}: {ratio:.2f}, at least {part['at_least'][name]:g} are required"
        if ratio > part["at_most"].get(name, ratio):
            yield f"{name}: {ratio:.2f}, at most {part['at_most'][name]:g} are allowed"


def compared(old: Mapping[str, Part], new: Mapping[str, Part], noticed: float = NOTICED) -> Iterator[str]:
    """Yield a line for each ratio that changed, appeared or is gone."""
    pairs = {(part, name): ratio for part, one in old.items() for name, ratio in one["ratios"].items()}
    later = {(part, name): ratio for part, one in new.items() for name, ratio in one["ratios"].items()}
    for key in sorted(pairs.keys() | later.keys()):
        before, after = pairs.get(key), later.get(key)
        if before is None or after is None:
            yield f"{': '.join(key)}: {'new' if before is None else 'gone'}, {before or after or 0.0:.2f}"
        elif abs(after - before) >= noticed * before:
            yield f"{': '.join(key)}: {before:.2f} -> {after:.2f}"


def main(arguments: list[str]) -> int:
    """Compare two files, or check one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--all", action="store_true", help="print what did not change too")
    parser.add_argument("--check", action="store_true", help="check one file")
    given = parser.parse_args(arguments)
    if missing := [path for path in given.files if not path.is_file()]:
        parser.error(f"{missing[0]} does not exist: pass what benchmarks wrote with -o")
    if len(given.files) != (1 if given.check else 2):
        parser.error("pass two files to compare, or one with --check")
    if given.check:
        lines = [f"{name}: {line}" for name, part in read(given.files[0]).items() for line in misses(part)]
    else:
        lines = list(compared(*map(read, given.files), 0.0 if given.all else NOTICED))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return int(given.check and bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
