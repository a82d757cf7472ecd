"""What the certificate asks: adversarial families of rows, every op and quantity, and the options of the losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference import ExactRows
from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms
from logitproof_reference.vocabulary.cells import SIGMOID
from logitproof_reference.vocabulary.formats import FORMATS, Format
from logitproof_reference.vocabulary.ops import QUANTITIES
from meta.oracle import ball_sigmoid, ball_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof_reference.numerics.enclosure import Enclosure
    from meta.oracle.ball_truth import Balls, Case

    F64 = NDArray[np.floating[Any]]

_ROWS = 12
_WIDTHS = (1, 2, 3, 4, 7, 11)
_CE = "softmax_cross_entropy"
_QUANTITIES = ("value", "grad_logits", "jvp", "hvp")


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

Question = tuple[str, str, str, dict[str, Any]]

_IGNORING = {"ignore_index": -100}
LOSS_OPTIONS: tuple[dict[str, Any], ...] = (
    {"label_smoothing": 0.1},
    {"label_smoothing": 0.1, "smoothing_over": "other_classes"},
    {"weight": True},
    {"weight": True, "label_smoothing": 0.25, "smoothing_over": "other_classes"},
    {"reduction": "sum"},
    {"reduction": "mean"},
    {"reduction": "mean", "weight": True},
    {"reduction": "mean", "weight": True, "label_smoothing": 0.1},
    {"clip_probabilities": 1e-7},
    {"clip_probabilities": 1e-2, "reduction": "sum"},
)
"""Options of the softmax cross-entropy with either form of labels; a weight stands for an array."""

INDEX_OPTIONS: tuple[dict[str, Any], ...] = (
    _IGNORING,
    {**_IGNORING, "reduction": "mean"},
    {**_IGNORING, "reduction": "mean", "weight": True},
    {**_IGNORING, "reduction": "mean", "mean_over": "rows"},
    {**_IGNORING, "reduction": "mean", "mean_over": "kept_rows", "weight": True},
    {**_IGNORING, "reduction": "mean", "mean_over": "weights", "weight": True, "label_smoothing": 0.1},
)
"""Options that class indices alone have."""

SIGMOID_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"weight": True},
    {"pos_weight": True},
    {"reduction": "sum"},
    {"reduction": "mean", "weight": True, "pos_weight": True},
)

QUESTIONS: tuple[Question, ...] = (
    *((op, quantity, "none", {}) for op in ("softmax", "log_softmax", "log_sum_exp") for quantity in _QUANTITIES),
    *((_CE, quantity, labels, {}) for quantity in _QUANTITIES for labels in ("indices", "distributions", "largest")),
    *((_CE, quantity, labels, options) for quantity in _QUANTITIES for labels in ("indices", "distributions")
      for options in LOSS_OPTIONS),
    *((_CE, quantity, "ignored", options) for quantity in _QUANTITIES for options in INDEX_OPTIONS),
    *((_CE, "grad_labels", "distributions", options) for options in ({}, *LOSS_OPTIONS)),
    *((_CE, quantity, "distributions", {"unnormalized_gradient": "tensorflow"}) for quantity in ("grad_logits", "hvp")),
    *((SIGMOID, quantity, "distributions", options) for quantity in QUANTITIES for options in SIGMOID_OPTIONS),
)  # fmt: skip
"""Op, quantity, labels and options. Distributions sum to anything."""


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

    @property
    def name(self) -> str:
        """What is asked of which rows."""
        chosen = "".join(f", {name}" + ("" if np.ndim(v) else f" {v}") for name, v in self.options.items())
        return f"{self.op}, {self.quantity}, labels {self.labels}{chosen}, {self.family} in {self.format.name}"

    @property
    def is_reduced(self) -> bool:
        """Whether all rows have one answer."""
        return "reduction" in self.options and self.quantity in {"value", "jvp"}

    @property
    def exact(self) -> Enclosure:
        """The oracle's answer."""
        return ExactRows(self.logits).evaluate(self.op, self.quantity, **self.arguments, **self.options)

    def truth(self, row: int) -> tuple[Balls, Balls]:
        """Return the answers of one row, and their scales, by ball arithmetic."""
        case = self._case(row)
        if self.op == SIGMOID:
            return ball_sigmoid.truth(self.quantity, case)
        return ball_truth.truth(self.op, self.quantity, case)

    def _case(self, row: int) -> Case:
        one = {name: array[row] if np.ndim(array) else array for name, array in self.arguments.items()}
        return ball_truth.Case(self.logits[row].astype(np.float64), **one, options=self.options, divisor=self.divisor)

    @property
    def divisor(self) -> Fraction | None:
        """What a mean divides by, as its dialect has it."""
        if self.options.get("reduction") != "mean":
            return None
        if self.op == SIGMOID:
            return Fraction(self.logits.size)
        labels, weight = self.arguments["labels"], self.options.get("weight")
        over = self.options.get("mean_over", "weights" if labels.ndim == 1 else "rows")
        if over == "rows":
            return Fraction(len(labels))
        kept = Counter(label for label in labels.tolist() if label != self.options.get("ignore_index"))
        if over == "kept_rows" or weight is None:
            return Fraction(kept.total())
        return sum((number * Fraction(float(weight[label])) for label, number in kept.items()), Fraction(0))


def batches() -> Iterator[Batch]:
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


def _batch(k: int, question: Question, family: str, width: int, format_: Format) -> Batch:
    op, quantity, labels, options = question
    key, shape = f"certificate/{k}", (_ROWS, max(width, 2) if options.get("smoothing_over") else width)
    rows = FAMILIES[family](key, shape)
    rows = np.where(np.isinf(rows), rows, np.clip(rows, -format_.largest, format_.largest))
    logits = (-rows if op == SIGMOID and k % 2 else rows).astype(format_.dtype)
    arguments: dict[str, Any] = {}
    if labels != "none":
        arguments["labels"] = uniforms(key + "/y", shape) if op == SIGMOID else _labels(labels, key, logits)
    if quantity in {"grad_logits", "grad_labels", "hvp"}:
        full = shape if op in {"softmax", "log_softmax", SIGMOID} else shape[:1]
        arguments["cotangent"] = normals(key + "/c", () if "reduction" in options else full)
    if quantity in {"jvp", "hvp"}:
        arguments["tangent"] = normals(key + "/v", shape)
    weights = {name: uniforms(key + name, shape[1:]) + 0.25 for name in ("weight", "pos_weight") if name in options}
    return Batch(family, format_, op, quantity, labels, logits, arguments, {**options, **weights})


def _labels(kind: str, key: str, logits: NDArray[Any]) -> NDArray[Any]:
    """Return class indices (of the largest logit, any, or some ignored) or distributions, none on a class ruled out."""
    wide = logits.astype(np.float64)
    if kind == "largest":
        return np.asarray(wide.argmax(axis=1))
    if kind == "distributions":
        q = uniforms(key + "/q", logits.shape) * (integers(key + "/z", logits.shape, 4) > 0)
        return np.where(np.isneginf(wide), 0.0, q)
    any_class = integers(key + "/k", logits.shape[:1], logits.shape[1])
    labels = np.zeros_like(any_class) if np.isneginf(wide).any() else any_class
    return np.where(np.arange(len(labels)) % 3 == 1, -100, labels) if kind == "ignored" else labels
