"""Where the time of a run goes: shares of functions in the judge and in its evaluators, from what py-spy recorded.

Run as ``python -m meta.benchmarks.where_time_goes FILE``, a file that ``py-spy record --subprocesses --format raw``
wrote. A function counts with what it calls; lines are not distinguished.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 40
"""Functions of each kind of process."""

KINDS = ("judge", "evaluators", "compilers")
"""By how many processes lie above one: an evaluator is the judge's child, what it starts compiles."""

WAITS = re.compile(r"^(_keep_last_words|_end_with|readable|serve) |^Link\\.(_keep_last_words|_wait) ")
"""Functions at the end of a stack that waits, though the system counts it as running."""


def stacks(text: str) -> Iterator[tuple[str, list[str], int]]:
    """Yield the kind of process, the functions on its stack, outermost first, and how often it was seen."""
    for record in re.split(r"\n(?=process \d+:)", text.strip()):
        stack, _, count = record.rpartition(" ")
        *above, own = re.split(r";process \d+:\"", stack)
        functions = [re.sub(r":\d+\)$", ")", one) for one in own.partition('";')[2].split(";") if one]
        if functions and not WAITS.match(functions[-1]):
            yield KINDS[min(len(above), len(KINDS) - 1)], functions, int(count)


def shares(text: str) -> dict[str, Counter[str]]:
    """Return how often each function was on a stack, by kind of process; all stacks count under an empty name."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kind, functions, count in stacks(text):
        for function in {"", *functions}:
            found[kind][function] += count
    return found


def main(path: str) -> None:
    """Print the largest shares."""
    for kind, counts in shares(Path(path).read_text("utf-8", "replace")).items():
        sys.stdout.write(f"{kind}: {counts['']} samples\n")
        for function, count in counts.most_common(SHOWN + 1)[1:]:
            sys.stdout.write(f"{100 * count / counts['']:6.1f} %  {function}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
