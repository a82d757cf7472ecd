"""How fast the oracle is, side by side with mpmath at 106 bits and python-flint's Arb at 128 bits, in one process.

Run as a script: ``python tests/meta/benchmarks/bench_oracle.py`` prints one line a width: microseconds a row of each
and the ratios. Every contestant computes the cross-entropy of each row, conversion of the float64 logits included; the
best of several passes counts.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flint
import mpmath
import numpy as np

from logitproof_reference import softmax_cross_entropy
from logitproof_reference.cases.hashed_numbers import uniforms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLASSES = (10, 100, 1000)
ROWS = 1000
AT_LEAST = {"mpmath": 30.0, "arb": 5.0}
"""How many times faster than each the oracle has to be."""


@dataclass(frozen=True)
class Timing:
    """Seconds for one batch of `ROWS` rows."""

    classes: int
    oracle: float
    mpmath: float
    arb: float

    @property
    def ratios(self) -> dict[str, float]:
        """How many times longer the others take."""
        return {"mpmath": self.mpmath / self.oracle, "arb": self.arb / self.oracle}

    def __str__(self) -> str:
        micro = [seconds / ROWS * 1e6 for seconds in (self.oracle, self.mpmath, self.arb)]
        us = "oracle {:9.1f} us/row   mpmath {:9.1f}   arb {:9.1f}".format(*micro)
        return f"{self.classes:5d} classes   {us}   ratios {self.ratios['mpmath']:6.1f} {self.ratios['arb']:6.1f}"


def bench(classes: int) -> Timing:
    """Time all three on the same rows."""
    logits = 8.0 * uniforms(f"bench/{classes}", (ROWS, classes)) - 4.0
    labels = np.arange(ROWS) % classes
    few = max(10, 20_000 // classes) if classes > 20 else ROWS
    oracle = _best(lambda: softmax_cross_entropy(logits, labels), repeats=7)
    return Timing(
        classes,
        oracle,
        _best(lambda: _in_mpmath(logits[:few], labels), repeats=1) * ROWS / few,
        _best(lambda: _in_arb(logits[:few], labels), repeats=3) * ROWS / few,
    )


def _best(work: Callable[[], Any], *, repeats: int) -> float:
    """Return the shortest time in seconds; the first run warms up and does not count."""
    if repeats > 1:
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


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


def main() -> int:
    """Print the table; 1 where a ratio is below what is required."""
    timings = [bench(classes) for classes in CLASSES]
    for timing in timings:
        sys.stdout.write(f"{timing}\n")
    return 0 if all(timing.ratios[name] >= least for timing in timings for name, least in AT_LEAST.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
