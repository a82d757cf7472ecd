"""The training tasks: three small models on real data, with the same bits of data, weights and batches everywhere.

Features, labels, initial weights and the learning rate have at most eight significant bits, so that every format holds
them exactly; batches and held-out rows come from a hash of their numbers. Provenance: training_data/README.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.hashed_numbers import hashed, normals
from logitproof_reference.vocabulary.cells import SIGMOID
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64

BATCH = 32
"""Examples a step: a power of two, so that the exact mean needs no division."""

HELD_OUT = 128
"""Examples that are never trained on: predictions and accuracy are told of them."""

STEPS = {"quick": 8, "full": 64}
"""Steps of SGD by profile."""

_FEATURE_UNIT = 2.0**-4
_WEIGHT_UNIT = 2.0**-10
_LARGEST_WEIGHT = 127


@dataclass(frozen=True)
class Examples:
    """Features, float64 (rows, features), and class indices, int64 (rows,)."""

    features: F64
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Task:
    """One model, its data and how it is trained.

    Attributes
    ----------
    name : str
        Its word, e.g. ``digits_mlp``.
    reason : str
        Why it is trained, in a sentence.
    op : str
        The loss: ``softmax_cross_entropy`` or ``sigmoid_cross_entropy``.
    data : str
        Stem of its file in training_data.
    widths : tuple of int
        Features, hidden units and logits: logits = x W + b, with relu between two such layers.
    rate : float
        The learning rate of SGD.
    """

    name: str
    reason: str
    op: str
    data: str
    widths: tuple[int, ...]
    rate: float

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of its parameters: a matrix (into, out of) and a bias for each layer."""
        return [shape for width, further in pairwise(self.widths) for shape in ((width, further), (further,))]

    def labels_of(self, classes: NDArray[np.int64]) -> NDArray[Any]:
        """Return class indices as the loss takes them: of an elementwise one, as labels of its single logit."""
        return classes[:, None].astype(np.float64) if OPS[self.op].elementwise else classes

    def initial(self) -> list[F64]:
        """Return the initial parameters: weights nearly normal with variance 1 / features, biases 0."""
        return [self._weights(place, shape) for place, shape in enumerate(self.shapes)]

    def _weights(self, place: int, shape: tuple[int, ...]) -> F64:
        if len(shape) == 1:
            return np.zeros(shape)
        spread = normals(f"{self.name}/weights/{place}", shape) / (math.sqrt(shape[0]) * _WEIGHT_UNIT)
        return np.clip(np.rint(spread), -_LARGEST_WEIGHT, _LARGEST_WEIGHT) * _WEIGHT_UNIT

    def examples(self) -> Examples:
        """Return all examples, in the stored order."""
        return _stored(self.data)

    def held_out(self) -> Examples:
        """Return the examples that are never trained on."""
        return self._chosen(self._order()[:HELD_OUT])

    def batches(self, steps: int) -> Iterator[Examples]:
        """Yield the batch of each step; past the last example it begins again."""
        trained = self._order()[HELD_OUT:]
        for step in range(steps):
            yield self._chosen(np.take(trained, np.arange(step * BATCH, (step + 1) * BATCH), mode="wrap"))

    def _order(self) -> NDArray[np.intp]:
        return np.argsort(hashed(f"{self.name}/order", (len(self.examples()),)), kind="stable")

    def _chosen(self, rows: NDArray[np.intp]) -> Examples:
        whole = self.examples()
        return Examples(whole.features[rows], whole.labels[rows])


@cache
def _stored(name: str) -> Examples:
    place = files("logitproof_reference.training") / "training_data" / f"{name}.npz"
    with place.open("rb") as stream, np.load(stream) as stored:
        return Examples(stored["features"] * _FEATURE_UNIT, stored["labels"].astype(np.int64))


_TABLE = (
    Task(
        "digits_linear",
        "Softmax regression on handwritten digits: the first model of many tutorials.",
        "softmax_cross_entropy",
        "digits",
        (64, 10),
        0.5,
    ),
    Task(
        "digits_mlp",
        "A small network with one hidden layer on the same digits: errors pass through two products.",
        "softmax_cross_entropy",
        "digits",
        (64, 32, 10),
        0.5,
    ),
    Task(
        "cancer_logistic",
        "Logistic regression on measurements of breast tumours, by the sigmoid loss.",
        SIGMOID,
        "breast_cancer",
        (30, 1),
        0.25,
    ),
)

TASKS: dict[str, Task] = {task.name: task for task in _TABLE}
"""Every task by name."""
