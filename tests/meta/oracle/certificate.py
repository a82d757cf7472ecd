"""The oracle's certificate: the worst relative error against ball arithmetic over many adversarial rows.

Run as a script: ``python -m meta.oracle.certificate --rows 1000000 -o certificate.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flint import arb

from meta.oracle.ball_truth import divided, worst_errors
from meta.oracle.certificate_rows import Batch, batches

if TYPE_CHECKING:
    from meta.oracle.ball_truth import Balls

ALLOWED = 2.0**-98
"""Largest error relative to the independent terms that the oracle promises."""


@dataclass
class Certificate:
    """What was compared, and the worst of it."""

    rows: int = 0
    numbers: int = 0
    worst: float = 0.0
    worst_case: str = ""
    worst_inputs: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    worst_by_quantity: dict[str, float] = field(default_factory=dict)

    worst_by_option: dict[str, float] = field(default_factory=dict)

    def add(self, batch: Batch, row: int, relative: float, *, contained: bool, numbers: int) -> None:
        """Count the answers of one row, or of all if they have one answer."""
        self.rows += len(batch.logits) if batch.is_reduced else 1
        self.numbers += numbers
        if not contained:
            self.outside.append(f"{batch.name}, row {row}")
        _raise(self.worst_by_quantity, f"{batch.op} {batch.quantity}", relative)
        for option in batch.options:
            _raise(self.worst_by_option, option, relative)
        if relative > self.worst:
            self.worst, self.worst_case = relative, batch.name
            self.worst_inputs = [float(value).hex() for value in batch.logits[row]]

    @property
    def holds(self) -> bool:
        """Whether every enclosure held the truth and no error was above the promise."""
        return not self.outside and self.worst <= ALLOWED

    def __str__(self) -> str:
        bits = math.log2(self.worst) if self.worst else -math.inf
        return (
            f"{self.rows} rows, {self.numbers} numbers: largest relative error 2**{bits:.2f} ({self.worst_case}); "
            f"{len(self.outside)} enclosures that miss the exact value"
        )


def _raise(worst: dict[str, float], key: str, relative: float) -> None:
    worst[key] = max(worst.get(key, 0.0), relative)


def certify(rows: int) -> Certificate:
    """Compare the oracle with ball arithmetic on at least this many rows; the same ones every time."""
    certificate = Certificate()
    for batch in batches():
        if certificate.rows >= rows:
            return certificate
        _compare(batch, certificate)
    raise AssertionError("the batches never end")


def _compare(batch: Batch, certificate: Certificate) -> None:
    exact = batch.exact
    truths = [batch.truth(row) for row in range(len(batch.logits))]
    if batch.is_reduced:
        truths, parts = [_total(batch, truths)], [exact.parts]
    else:
        parts = [tuple(part[row] for part in exact.parts) for row in range(len(batch.logits))]
    for row, (answers, scales) in enumerate(truths):
        relative, contained = worst_errors(parts[row], answers, scales)
        certificate.add(batch, row, relative, contained=contained, numbers=len(answers))


def _total(batch: Batch, truths: list[tuple[Balls, Balls]]) -> tuple[Balls, Balls]:
    """Return the sum or the mean of the rows, and of their scales."""
    answers, scales = (sum((ball for row in rows for ball in row), arb(0)) for rows in zip(*truths, strict=True))
    return [divided(answers, batch.divisor)], [divided(scales, batch.divisor)]


def main(arguments: list[str]) -> int:
    """Write the certificate; 1 where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args(arguments)
    certificate = certify(chosen.rows)
    sys.stdout.write(f"{certificate}\n")
    if chosen.output:
        chosen.output.write_text(json.dumps(asdict(certificate), indent=2) + "\n", encoding="utf-8")
    return 0 if certificate.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
