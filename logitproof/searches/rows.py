"""The rows of a search: logits with their labels and cotangents, to be selected, joined and changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell


@dataclass(frozen=True)
class Rows:
    """Rows with the arrays that a cell takes; all finite.

    Attributes
    ----------
    logits : array of the format, shape (rows, classes)
    labels : int64 array (rows,), array of the format and the logits' shape, or None
    cotangent : array of the format, (rows,) or the logits' shape, or None
    """

    logits: NDArray[Any]
    labels: NDArray[Any] | None = None
    cotangent: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that are there, by name."""
        return {name: array for name, array in vars(self).items() if array is not None}

    def take(self, chosen: NDArray[np.intp] | slice) -> Rows:
        """Return some of the rows, in arrays of their own."""
        return Rows(**{name: np.array(array[chosen]) for name, array in self.arrays.items()})

    def inputs(self) -> Inputs:
        """Return what an adapter is handed."""
        return Inputs(axis=1, **self.arrays)

    def with_logits(self, logits: NDArray[Any]) -> Rows:
        """Return the rows with other logits."""
        return replace(self, logits=logits)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several."""
    return Rows(**{name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays})


def completed(cell: Cell, logits: NDArray[np.float64], rng: np.random.Generator) -> Rows:
    """Return rows of these logits, rounded to the format, with labels and upstream gradients drawn for them.

    Labels are class indices, any of the row's or its largest; of an op without a class axis 0 or 1. Upstream gradients
    are 1 for a number per row; of a number per class, one class's or normal ones.
    """
    op, format_ = OPS[cell.op], FORMATS[cell.format]
    count, classes = logits.shape
    with np.errstate(over="ignore"):
        held = np.clip(logits, -format_.largest, format_.largest).astype(format_.dtype)
    labels: NDArray[Any] | None = None
    if cell.labels == "indices":
        labels = np.where(rng.random(count) < 0.5, logits.argmax(axis=1), rng.integers(0, classes, count))
    elif cell.labels == "distributions":
        labels = rng.integers(0, 2, logits.shape).astype(format_.dtype)
    cotangent: NDArray[Any] | None = None
    if cell.quantity in TAKES_COTANGENT:
        cotangent = np.ones(logits.shape if op.keeps_classes else count)
        if op.keeps_classes and not op.elementwise:
            single = np.zeros(logits.shape)
            single[np.arange(count), rng.integers(0, classes, count)] = 1.0
            is_single = rng.random((count, 1)) < 0.5
            cotangent = np.where(is_single, single, rng.normal(size=logits.shape))
        cotangent = cotangent.astype(format_.dtype)
    return Rows(held, labels, cotangent)
