"""From one row to a whole training: the impact of an error found on a row.

Three answers, each to be recomputed from the record of the finding:

- on the row: the error itself, in nats where it is one of a loss;
- in practice: how many of the project's real logits (real_logits/README.md) are like the row. A row is like another
  where its largest magnitude and its spread, max - min, are each within a factor of two of the other's;
- in training: the error is planted in the training of `TASK`, in float64: wherever a row of a batch is like the
  finding's row, the gradient of its label's logit is shifted by the error. An error of a value moves no gradient.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.regimes.real import REGIMES_REAL, real_logits
from logitproof_reference.judging.worst_element import exact_parts, worst_element
from logitproof_reference.training.exact import predictions
from logitproof_reference.training.tasks import BATCH, STEPS, TASKS, Examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64

TASK = TASKS["digits_linear"]
"""What errors are planted in."""

_LIKE = 2.0


@dataclass(frozen=True)
class Shape:
    """The shape of a row, by which rows are compared: its largest magnitude, and its spread."""

    magnitude: float
    spread: float

    def like(self, logits: F64) -> NDArray[np.bool_]:
        """Return which rows of finite logits (rows, classes) are like this one."""
        return _within(np.abs(logits).max(axis=1), self.magnitude) & _within(np.ptp(logits, axis=1), self.spread)


@dataclass(frozen=True)
class Planted:
    """The outcome of a training with an error in it.

    Attributes
    ----------
    rows : int
        How many of the rows trained on had the error.
    drift : float
        Distance of the parameters from those without it, relative to those.
    loss : float
        Change of the mean loss of the held-out examples, in nats.
    accuracy, exact_accuracy : float
        Share of the held-out examples predicted right, with the error and without.
    """

    rows: int
    drift: float
    loss: float
    accuracy: float
    exact_accuracy: float


@dataclass(frozen=True)
class Impact:
    """The impact of a finding.

    Attributes
    ----------
    error : float
        The error of the recorded element; inf where a finite answer was due and none came, or the other way round.
    real_rows, real_rows_in_all : int
        How many of the real rows are like the finding's row.
    planted : Planted or None
        The training with the error in it; None where the error is not finite.
    number_due : bool
        Whether a finite number is due.
    unit : str
        Unit of the error; see `WorstElement`.
    """

    error: float
    real_rows: int
    real_rows_in_all: int
    planted: Planted | None
    number_due: bool = True
    unit: str = "absolute"

    @property
    def sentence(self) -> str:
        """The worth in a sentence or two."""
        like = f"{self.real_rows:,} of {self.real_rows_in_all:,} real rows are similar"
        if self.planted is None:
            if not self.number_due:
                return f"Not measurable on this row: a different non-finite value was returned; {like}."
            return (
                f"Not measurable on this row: a finite number is expected, but none was returned; {like}. "
                "One such row makes the mean loss and all gradients of its batch NaN or infinite."
            )
        found, trained = self.planted, BATCH * STEPS["full"]
        off = f"Off by {self.error:.3g}{' nats' if self.unit == 'nats' else ''} on this row"
        if not found.rows:
            return f"{off}; {like}, and none of the {trained:,} training rows is."
        if not found.drift:
            return f"{off}; {like}. An error of a value alone changes no gradient and no training."
        return (
            f"{off}; {like}. Added to the {found.rows:,} of {trained:,} training rows "
            f"that are similar, it changes the parameters by {found.drift:.2g} of their size and the held-out loss by "
            f"{found.loss:.2g} nats; accuracy {found.accuracy:.1%}, without the error {found.exact_accuracy:.1%}."
        )


def impact_of(finding: Mapping[str, Any]) -> Impact | None:
    """Return what a finding is worth; None if its row is not spelled out or nothing was measured.

    Parameters
    ----------
    finding : mapping
        The fields of a `Judgement`: ``inputs`` and those that `worst_element` reads.
    """
    shape, found = shape_of(str(finding["inputs"])), worst_element(finding)
    error = found.error
    if shape is None or math.isnan(error):
        return None
    real = _real_rows()
    count = sum(int(shape.like(logits).sum()) for logits in real)
    planted = None
    if math.isfinite(error):
        planted = train_with_error(shape, 0.0 if finding["quantity"] == "value" else error)
    number_due = math.isfinite(exact_parts(finding["exact"])[0])
    return Impact(error, count, sum(map(len, real)), planted, number_due, found.unit)


def shape_of(inputs: str) -> Shape | None:
    """Return the shape of the row that a judgement's inputs spell; None if they spell none, as of a wide row.

    >>> shape_of('{"logits": ["0x1p+1", "-0x1p+0"]}')
    Shape(magnitude=2.0, spread=3.0)
    """
    try:
        spelled = json.loads(inputs or "{}")["logits"]
        logits = np.array([float.fromhex(word) for word in spelled])
    except (ValueError, LookupError, TypeError):
        return None
    if not logits.size:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        return Shape(float(np.abs(logits).max()), float(np.ptp(logits)))


def _within(values: F64, of: float) -> NDArray[np.bool_]:
    return np.asarray((values >= of / _LIKE) & (values <= of * _LIKE) & math.isfinite(of))


@lru_cache(maxsize=1)
def _real_rows() -> tuple[F64, ...]:
    return tuple(real_logits(name).astype(np.float64) for name in REGIMES_REAL)


@lru_cache(maxsize=256)
def train_with_error(shape: Shape, error: float) -> Planted:
    """Train `TASK` with and without an error in the rows that are like `shape`."""
    wrong, rows = _trained(shape, error)
    right = _trained_right()
    held_out = TASK.held_out()
    moved = math.sqrt(sum(float(((a - b) ** 2).sum()) for a, b in zip(wrong, right, strict=True)))
    size = math.sqrt(sum(float((b**2).sum()) for b in right))
    accuracies = [float((predictions(found, held_out) == held_out.labels).mean()) for found in (wrong, right)]
    return Planted(rows, moved / size, _mean_loss(wrong, held_out) - _mean_loss(right, held_out), *accuracies)


@lru_cache(maxsize=1)
def _trained_right() -> list[F64]:
    return _trained(Shape(0.0, 0.0), 0.0)[0]


def _trained(shape: Shape, error: float) -> tuple[list[F64], int]:
    """Return the parameters after the full profile's steps, and how many rows had the error."""
    weights, bias = TASK.initial()
    rows = 0
    for batch in TASK.batches(STEPS["full"]):
        logits = batch.features @ weights + bias
        labels = (np.arange(len(batch)), batch.labels)
        upstream = _softmax(logits)
        upstream[labels] -= 1.0
        like = shape.like(logits)
        upstream[labels] += np.where(like, error, 0.0)
        rows += int(like.sum())
        upstream /= len(batch)
        weights = weights - TASK.rate * (batch.features.T @ upstream)
        bias = bias - TASK.rate * upstream.sum(axis=0)
    return [weights, bias], rows


def _softmax(logits: F64) -> F64:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: F64 = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def _mean_loss(parameters: list[F64], examples: Examples) -> float:
    logits = examples.features @ parameters[0] + parameters[1]
    top = logits.max(axis=1)
    totals = np.exp(logits - top[:, None]).sum(axis=1)
    return float((top + np.log(totals) - logits[np.arange(len(examples)), examples.labels]).mean())
