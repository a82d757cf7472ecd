"""How fast the oracle is, side by side with mpmath at 106 bits and python-flint's Arb at 128 bits, in one process.

Run as ``python -m meta.benchmarks.bench_oracle [-o FILE]``: it prints one line a width, and exits with 1 where a ratio
is below `AT_LEAST`. Every contestant computes the cross-entropy of each row, conversion of the float64 logits included,
in turns; of each the best turn counts, in seconds of the processor, which other processes do not take. Two threads are
timed by the clock, against Arb's by the clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flint
import mpmath
import numpy as np

from logitproof_reference import ExactRows
from logitproof_reference.cases.hashed_numbers import uniforms
from meta.benchmarks.results import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

ROWS = 4000
TURNS = 12
LOGITS_IN_PYTHON = 4000
"""Of a batch, this many logits are given to those who take one number at a time: their cost is linear."""

AT_LEAST = {
    "10 classes, mpmath": 80.0,
    "10 classes, Arb": 7.0,
    "10 classes, Arb, 2 threads": 7.0,
    "100 classes, mpmath": 80.0,
    "100 classes, Arb": 7.0,
    "1000 classes, mpmath": 80.0,
    "1000 classes, Arb": 10.0,
}
"""How many times faster than each the oracle has to be."""


@dataclass(frozen=True)
class Timing:
    """Microseconds a row of each contestant, for rows of this many classes, on this many threads of the oracle."""

    classes: int
    threads: int
    oracle: float
    mpmath: float
    arb: float

    @property
    def ratios(self) -> dict[str, float]:
        """How many times longer the others take."""
        title = f"{self.classes} classes"
        if self.threads > 1:
            return {f"{title}, Arb, {self.threads} threads": self.arb / self.oracle}
        return {f"{title}, mpmath": self.mpmath / self.oracle, f"{title}, Arb": self.arb / self.oracle}

    def __str__(self) -> str:
        return "   ".join(f"{name} {ratio:.1f}" for name, ratio in self.ratios.items())


def timings() -> Iterator[Timing]:
    """Time all three at each width, and two threads where there are two processors."""
    for classes in (10, 100, 1000):
        yield bench(classes)
    if len(os.sched_getaffinity(0)) > 1:
        yield bench(10, threads=2)


def bench(classes: int, threads: int = 1) -> Timing:
    """Time all three on the same rows."""
    rows = max(ROWS // (classes // 10), 400) * threads
    logits = 8.0 * uniforms(f"bench/{classes}", (rows, classes)) - 4.0
    labels = np.arange(rows) % classes
    few = LOGITS_IN_PYTHON // classes
    clock = time.process_time if threads == 1 else time.perf_counter
    works: dict[str, tuple[Callable[[], Any], int]] = {
        "oracle": (lambda: _in_oracle(logits, labels, threads), rows),
        "mpmath": (lambda: _in_mpmath(logits[:few], labels), few),
        "arb": (lambda: _in_arb(logits[:few], labels), few),
    }
    best = dict.fromkeys(works, np.inf)
    for _ in range(TURNS):
        for name, (work, count) in works.items():
            start = clock()
            work()
            best[name] = min(best[name], (clock() - start) / count * 1e6)
    return Timing(classes, threads, **best)


def _in_oracle(logits: NDArray[np.float64], labels: NDArray[np.int64], threads: int) -> Any:
    """Cross-entropy of each row."""
    return ExactRows(logits, keep=False, threads=threads).evaluate("softmax_cross_entropy", "value", labels)


def _in_mpmath(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> list[Any]:
    """Cross-entropy of each row at 106 bits."""
    mpmath.mp.prec = 106
    rows = [[mpmath.mpf(value) for value in row] for row in logits.tolist()]
    losses = []
    for row, label in zip(rows, labels, strict=False):
        largest = max(row)
        losses.append(largest - row[label] + mpmath.log(mpmath.fsum(mpmath.exp(value - largest) for value in row)))
    return losses


def _in_arb(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> list[Any]:
    """Cross-entropy of each row at 128 bits."""
    flint.ctx.prec = 128
    rows = [[flint.arb(value) for value in row] for row in logits.tolist()]
    losses = []
    for row, label in zip(rows, labels, strict=False):
        largest = max(row)
        total = flint.arb(0)
        for value in row:
            total += (value - largest).exp()
        losses.append(largest - row[label] + total.log())
    return losses


def main(arguments: list[str]) -> int:
    """Print the ratios, and write them as JSON; 1 where one is below what is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args(arguments).output
    ratios: dict[str, float] = {}
    for timing in timings():
        sys.stdout.write(f"{timing}\n")
        ratios |= timing.ratios
    return write(output, "oracle", ratios, at_least=AT_LEAST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
