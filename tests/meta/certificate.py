"""The oracle's certificate: the worst relative error against ball arithmetic over many adversarial rows.

Run as a script: ``python -m meta.certificate --rows 1000000 -o certificate.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference import ExactRows
from logitproof_reference.bit_generator import integers, normals, uniforms
from logitproof_reference.formats import FORMATS, Format
from meta.ball_truth import Case, truth, worst_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    F64 = NDArray[np.floating[Any]]

ALLOWED = 2.0**-98
"""Largest error relative to the independent terms that the oracle promises."""

_ROWS = 12
_WIDTHS = (1, 2, 3, 4, 7, 11)
_CE = "softmax_cross_entropy"


def _saturated(key: str, shape: tuple[int, int]) -> F64:
    """Return one class ahead of the others by up to 720: losses down to 1e-312."""
    x = -720.0 * uniforms(key, shape)
    x[:, 0] = 0.0
    return x


def _near_tie(key: str, shape: tuple[int, int]) -> F64:
    """Return logits that only the last few bits tell apart."""
    return 1.0 + integers(key, shape, 4) * 2.0**-52


def _mixed_scales(key: str, shape: tuple[int, int]) -> F64:
    """Return magnitudes from 2**-60 to 2**60: float64 cannot hold the differences."""
    return normals(key, shape) * 2.0 ** (integers(key + "/e", shape, 121) - 60.0)


def _masked(key: str, shape: tuple[int, int]) -> F64:
    """Return rows with a third of the classes ruled out, never the first."""
    x = normals(key, shape) * 5.0
    x[:, 1:][integers(key + "/m", (shape[0], shape[1] - 1), 3) == 0] = -np.inf
    return x


FAMILIES: dict[str, Callable[[str, tuple[int, int]], F64]] = {
    "normal": normals,
    "uniform +-40": lambda key, shape: 80.0 * uniforms(key, shape) - 40.0,
    "saturated": _saturated,
    "underflowing": lambda key, shape: -1600.0 * uniforms(key, shape),
    "near tie": _near_tie,
    "exact tie": lambda _, shape: np.ones(shape),
    "offset 1e4": lambda key, shape: 1e4 + normals(key, shape),
    "offset 1e30": lambda key, shape: 1e30 * (1.0 + integers(key, shape, 3) * 2.0**-52),
    "mixed scales": _mixed_scales,
    "tiny": lambda key, shape: normals(key, shape) * 2.0**-130,
    "masked": _masked,
}
"""Rows by name; each is rounded to the format afterwards."""

QUESTIONS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    *((op, quantity, "none", {}) for op in ("softmax", "log_softmax", "log_sum_exp") for quantity in
      ("value", "grad_logits", "jvp", "hvp")),
    *((_CE, quantity, labels, {}) for quantity in ("value", "grad_logits", "jvp", "hvp") for labels in
      ("indices", "distributions", "largest")),
    (_CE, "grad_labels", "distributions", {}),
    *((_CE, quantity, labels, {"label_smoothing": 0.1, **more})
      for quantity in ("value", "grad_logits", "jvp", "hvp") for labels in ("indices", "distributions")
      for more in ({}, {"smoothing_over": "other_classes"})),
    *((_CE, quantity, labels, {"weight": "classes"}) for quantity in ("value", "grad_logits", "hvp")
      for labels in ("indices", "distributions")),
)  # fmt: skip
"""Op, quantity, labels and options."""


@dataclass(frozen=True)
class Batch:
    """A few rows of one family, and one question about them."""

    family: str
    format: Format
    op: str
    quantity: str
    labels: str
    logits: NDArray[Any]
    arguments: dict[str, Any]
    options: dict[str, Any]

    def case(self, row: int) -> Case:
        """Return one row as the truth takes it."""
        one = {name: array[row] for name, array in self.arguments.items()}
        return Case(self.logits[row].astype(np.float64), **one, options=self.options)

    @property
    def name(self) -> str:
        """What is asked of which rows."""
        return f"{self.op}, {self.quantity}, labels {self.labels}, {self.family} in {self.format.name}"


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

    def add(self, batch: Batch, row: int, relative: float, *, contained: bool, numbers: int) -> None:
        """Count one row."""
        self.rows += 1
        self.numbers += numbers
        if not contained:
            self.outside.append(f"{batch.name}, row {row}")
        key = f"{batch.op} {batch.quantity}"
        self.worst_by_quantity[key] = max(self.worst_by_quantity.get(key, 0.0), relative)
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
            f"{len(self.outside)} enclosures without the truth"
        )


def certify(rows: int) -> Certificate:
    """Compare the oracle with ball arithmetic on at least so many rows; the same ones every time."""
    certificate = Certificate()
    for batch in _batches():
        if certificate.rows >= rows:
            return certificate
        exact = ExactRows(batch.logits).evaluate(batch.op, batch.quantity, **batch.arguments, **batch.options)
        for row in range(len(batch.logits)):
            answers, scales = truth(batch.op, batch.quantity, batch.case(row))
            relative, contained = worst_errors(tuple(part[row] for part in exact.parts), answers, scales)
            certificate.add(batch, row, relative, contained=contained, numbers=len(answers))
    raise AssertionError("the batches never end")


def _batches() -> Iterator[Batch]:
    """Ask every question in turn, of a family, width and format that a hash picks, for ever."""
    families, formats = list(FAMILIES), list(FORMATS.values())
    for k in count():
        family, width, format_ = integers(f"certificate/plan/{k}", (3,), 1 << 20)
        yield _batch(
            k,
            QUESTIONS[k % len(QUESTIONS)],
            families[family % len(families)],
            _WIDTHS[width % len(_WIDTHS)],
            formats[format_ % len(formats)],
        )


def _batch(k: int, question: tuple[str, str, str, dict[str, Any]], family: str, width: int, format_: Format) -> Batch:
    op, quantity, labels, options = question
    key, shape = f"certificate/{k}", (_ROWS, max(width, 2) if options.get("smoothing_over") else width)
    rows = FAMILIES[family](key, shape)
    logits = np.where(np.isneginf(rows), rows, np.clip(rows, -format_.largest, format_.largest)).astype(format_.dtype)
    arguments: dict[str, Any] = {}
    if labels != "none":
        arguments["labels"] = _labels(labels, key, logits)
    if quantity in {"grad_logits", "grad_labels", "hvp"}:
        arguments["cotangent"] = normals(key + "/c", shape if op in {"softmax", "log_softmax"} else shape[:1])
    if quantity in {"jvp", "hvp"}:
        arguments["vector"] = normals(key + "/v", shape)
    chosen = {"weight": uniforms(key + "/w", shape[1:]) + 0.25} if "weight" in options else options
    return Batch(family, format_, op, quantity, labels, logits, arguments, chosen)


def _labels(kind: str, key: str, logits: NDArray[Any]) -> NDArray[Any]:
    """Return class indices (of the largest logit, or any) or distributions; never on a class ruled out."""
    if kind == "largest":
        return np.asarray(logits.astype(np.float64).argmax(axis=1))
    if kind == "indices":
        return (
            np.zeros(len(logits), dtype=np.int64)
            if np.isneginf(logits.astype(np.float64)).any()
            else integers(key + "/k", logits.shape[:1], logits.shape[1])
        )
    q = uniforms(key + "/q", logits.shape) * (integers(key + "/z", logits.shape, 4) > 0)
    return np.where(np.isneginf(logits.astype(np.float64)), 0.0, q)


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
