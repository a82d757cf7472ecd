"""The options of the losses: their effect on the labels, and the divisor of a mean.

The defaults mean what torch.nn.CrossEntropyLoss documents; each named choice is another framework's dialect.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64

_CHOICES = {
    "reduction": ("none", "sum", "mean"),
    "mean_over": (None, "weights", "rows", "kept_rows"),
    "empty_mean": ("nan", "zero"),
    "smoothing_over": ("classes", "other_classes"),
    "unnormalized_gradient": ("exact", "tensorflow"),
}

_WEIGHTS = ("weight", "pos_weight")


@dataclass(frozen=True, kw_only=True, eq=False)
class LossOptions:
    """How a loss is to be understood.

    Attributes
    ----------
    weight : float64 array, shape (classes,), or None
        Weight w_c of each class: the loss of a row is sum_c w_c q_c (-log p_c).
    pos_weight : float64 array or None
        Weight of positive labels: sigmoid_cross_entropy alone takes it. Both its weights may have any shape that
        broadcasts to the logits'.
    ignore_index : int or None
        Class index, negative or not, whose rows count nothing: loss and gradient are 0 whatever the logits.
        For class indices only.
    label_smoothing : float
        a in [0, 1]: labels become (1 - a) q + a / K, or as `smoothing_over` says. Weights apply after it.
    reduction : str
        ``none``, ``sum`` or ``mean``.
    mean_over : str or None
        What the mean divides by: ``weights`` (those of the labels' classes, over the rows kept), ``rows`` (all),
        ``kept_rows`` (those not ignored). None: ``weights`` for indices, ``rows`` for distributions, as torch.
    empty_mean : str
        The mean where that is 0: ``nan`` (torch) or ``zero``. The gradient is 0 either way.
    smoothing_over : str
        ``classes``: (1 - a) q + a / K. ``other_classes``: (1 - a) q + a (1 - q) / (K - 1).
    unnormalized_gradient : str
        ``exact``: the derivative, p sum(q) - q. ``tensorflow``: p - q whatever the sum.
    clip_probabilities : float or None
        e in (0, 1/2): p is clipped to [e, 1 - e] before its logarithm, as Keras' categorical_crossentropy does with
        probabilities; the derivative of a clipped p is 0.
    """

    weight: F64 | None = None
    pos_weight: F64 | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    reduction: str = "none"
    mean_over: str | None = None
    empty_mean: str = "nan"
    smoothing_over: str = "classes"
    unnormalized_gradient: str = "exact"
    clip_probabilities: float | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f'{name} "{getattr(self, name)}" is not known; known: {", ".join(map(str, choices))}')
        if not 0.0 <= self.label_smoothing <= 1.0:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; it must lie in [0, 1]")
        if self.clip_probabilities is not None and not 0.0 < self.clip_probabilities < 0.5:
            raise ValueError(f"clip_probabilities is {self.clip_probabilities}; it must lie in (0, 1/2)")
        for name in _WEIGHTS:
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, np.asarray(given, dtype=np.float64))
        if self.weight is not None and self.unnormalized_gradient == "tensorflow":
            raise ValueError("weight has no meaning in TensorFlow's gradient convention; leave one of them out")

    def check(self, classes: int, *, by_indices: bool) -> None:
        """Raise ValueError where the options do not fit the labels."""
        if self.weight is not None and (self.weight.shape != (classes,) or not np.isfinite(self.weight).all()):
            raise ValueError(
                f"weight has shape {self.weight.shape}; {classes} classes need ({classes},) finite numbers"
            )
        if self.label_smoothing and self.smoothing_over == "other_classes" and classes == 1:
            raise ValueError('smoothing_over "other_classes" needs two classes or more; there is one')
        if not by_indices and self.ignore_index is not None:
            raise ValueError("ignore_index is for class indices; the labels are distributions: leave it out")
        if not by_indices and self.mean_over == "weights":
            raise ValueError('mean_over "weights" is for class indices; with distributions choose "rows"')

    def spread(self, shape: tuple[int, ...]) -> LossOptions:
        """Return the options with weights of a shape, for an elementwise op; ValueError where they do not broadcast."""
        return self._with_weights(lambda name, weight: _spread(name, weight, shape))

    def of(self, rows: Any) -> LossOptions:
        """Return the options of some of the rows, where weights have the logits' shape."""
        return self._with_weights(lambda _, weight: weight[rows])

    def _with_weights(self, change: Callable[[str, F64], F64]) -> LossOptions:
        given = {name: weight for name in _WEIGHTS if (weight := getattr(self, name)) is not None}
        changed: dict[str, Any] = {name: change(name, weight) for name, weight in given.items()}
        return replace(self, **changed) if changed else self

    @property
    def counts_unevenly(self) -> bool:
        """Whether a class or a row counts otherwise than its label says."""
        return self.weight is not None or self.ignore_index is not None or self.label_smoothing != 0.0

    def kept(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Return the rows that are not ignored."""
        if self.ignore_index is None or labels.ndim != 1:
            return np.ones(len(labels), dtype=bool)
        return np.asarray(labels != self.ignore_index)

    def divisor(self, labels: NDArray[Any]) -> Fraction | None:
        """Return what the mean over all rows divides by, exactly; None if nothing is averaged."""
        if self.reduction != "mean":
            return None
        over = self.mean_over or ("weights" if labels.ndim == 1 else "rows")
        if over == "rows":
            return Fraction(len(labels))
        kept = labels[self.kept(labels)]
        if over == "kept_rows" or self.weight is None:
            return Fraction(len(kept))
        return sum(
            (count * Fraction(float(self.weight[k])) for k, count in Counter(kept.tolist()).items()), Fraction(0)
        )

    @property
    def keeps_indices(self) -> bool:
        """Whether class indices stay one class each."""
        return self.label_smoothing == 0.0 and self.clip_probabilities is None

    def index_weights(self, labels: NDArray[np.int64]) -> F64 | None:
        """Return the weight of each row with a class index, 0 if it is ignored; None where all are 1."""
        if self.weight is None and self.ignore_index is None:
            return None
        kept = self.kept(labels)
        weights = np.ones(len(labels)) if self.weight is None else self.weight[np.where(kept, labels, 0)]
        return np.where(kept, weights, 0.0)

    def distributions(self, labels: NDArray[Any], classes: int) -> Ball:
        """Return w_c q_c with smoothing applied, shape (classes, rows); 0 in the rows ignored."""
        if labels.ndim == 1:
            kept = self.kept(labels)
            one_hot = np.zeros((classes, len(labels)))
            one_hot[np.where(kept, labels, 0), np.arange(len(labels))] = 1.0
        else:
            kept, one_hot = self.kept(labels), np.ascontiguousarray(labels.T)
        q = self._smoothed(one_hot)
        return q * kept.astype(np.float64) if self.weight is None else q * (kept * self.weight[:, None])

    def _smoothed(self, q: F64) -> Ball:
        if not self.label_smoothing:
            return Ball(q)
        slope, level = self.smoothing(len(q))
        return q * as_ball(slope) + as_ball(level)

    def smoothing(self, classes: int) -> tuple[Fraction, Fraction]:
        """Return s and l: a label q becomes s q + l."""
        a = Fraction(self.label_smoothing)
        if self.smoothing_over == "classes":
            return 1 - a, a / classes
        share = a / (classes - 1) if a else Fraction(0)
        return 1 - a - share, share

    def label_slopes(self, classes: int) -> Ball:
        """Return the derivative of the label used with respect to the label given, shape (classes, 1)."""
        weight = np.ones((classes, 1)) if self.weight is None else self.weight[:, None]
        return weight * as_ball(self.smoothing(classes)[0])


def _spread(name: str, weight: F64, shape: tuple[int, ...]) -> F64:
    try:
        return np.broadcast_to(weight, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {weight.shape}; it must broadcast to the logits' shape {shape}") from None


PLAIN = LossOptions()


def inverse(divisor: Fraction | None) -> Fraction:
    """Return 1 / divisor; 1 where there is none, 0 if it is 0."""
    return Fraction(1) if divisor is None else Fraction(0) if divisor == 0 else 1 / divisor


def as_ball(number: Fraction) -> Ball:
    """Return a fraction as a ball; exact where two doubles hold it."""
    hi = float(number)
    lo = float(number - Fraction(hi))
    exact = Fraction(hi) + Fraction(lo) == number
    return Ball(np.array(hi), lo, 0.0 if exact else abs(hi) * 2.0**-105)
