"""The options of the losses in plain NumPy: their effect on labels, cotangents and sums, for the control.

They mean what torch.nn.CrossEntropyLoss and torch.nn.BCEWithLogitsLoss document
(https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html): smoothing before the weights, ignored
rows count nothing, and a mean over class indices divides by the weights of the rows that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

REDUCTIONS = ("none", "sum", "mean")


@dataclass(frozen=True, eq=False)
class LossOptions:
    """The options of a loss besides logits and labels.

    Attributes
    ----------
    weight, pos_weight : array (classes,), or None
        A weight for each class, and of the positive labels of each.
    ignore_index : int or None
        The class index whose rows count nothing.
    label_smoothing : float
        The share of each label that is spread over all classes, in [0, 1].
    reduction : str
        One of `REDUCTIONS`.
    """

    weight: NDArray[Any] | None = None
    pos_weight: NDArray[Any] | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    reduction: str = "none"

    def check(self, classes: int) -> None:
        """Raise ValueError where an option does not exist or does not fit the number of classes."""
        if self.reduction not in REDUCTIONS:
            raise ValueError(f'reduction is "{self.reduction}", expected one of {", ".join(REDUCTIONS)}')
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}, expected a number from 0 to 1")
        for name, weights in (("weight", self.weight), ("pos_weight", self.pos_weight)):
            if weights is not None and weights.shape != (classes,):
                raise ValueError(f"{name} has shape {weights.shape}, expected ({classes},), one number per class")


def effective_labels(distributions: Array, kept: NDArray[np.bool_], options: LossOptions) -> Array:
    """Return w ((1 - a) q + a / classes), 0 in the rows that are not kept."""
    q = distributions
    if options.label_smoothing:
        a = q.dtype.type(options.label_smoothing)
        q = (1 - a) * q + a / q.shape[-1]
    if options.weight is not None:
        q = q * options.weight.astype(q.dtype)
    return np.where(kept[..., None], q, 0).astype(q.dtype)


def mean_divisor(labels: NDArray[Any], kept: NDArray[np.bool_], options: LossOptions) -> float:
    """Return the weights of the labels kept, summed; of distributions and elementwise labels, how many losses."""
    if not np.issubdtype(labels.dtype, np.integer):
        return float(kept.size)
    if options.weight is None:
        return float(kept.sum())
    return float(options.weight.astype(np.float64)[labels[kept]].sum())


def reduced(losses: Array, options: LossOptions, divisor: float) -> Array:
    """Return the losses, their sum or their mean; a mean over nothing is NaN."""
    if options.reduction == "none":
        return losses
    result: Array = losses.sum()
    return result if options.reduction == "sum" else np.asarray(result / losses.dtype.type(divisor))


def upstream(cotangent: Array, shape: tuple[int, ...], options: LossOptions, divisor: float) -> Array:
    """Return the cotangent of each loss behind a reduction; 0 behind a mean over nothing, where no row counts."""
    if options.reduction == "none":
        return cotangent
    share = cotangent if options.reduction == "sum" else cotangent / cotangent.dtype.type(divisor)
    return np.full(shape, share if divisor else 0, cotangent.dtype)
