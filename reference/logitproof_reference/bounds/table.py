"""Which bound answers which question: the table of op x quantity, on rows whose shared numbers are computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from logitproof_reference.bounds import clipped as bounds_clipped
from logitproof_reference.bounds import forward as bounds_forward
from logitproof_reference.bounds import gradient as bounds_gradient
from logitproof_reference.bounds import loss as bounds_loss
from logitproof_reference.bounds import second_order as bounds_second_order
from logitproof_reference.bounds import sigmoid as bounds_sigmoid
from logitproof_reference.bounds.error_model import Approximation, Rounding, worst
from logitproof_reference.vocabulary.cells import REDUCES_CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.bounds.row_statistics import RowStatistics
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The inputs of some rows, as exact numbers of the format.

    Attributes
    ----------
    logits : array, shape (rows, n)
        Class axis last.
    labels : integer array (rows,), floating array (rows, n), or None
        Class indices, distributions (for a sigmoid, labels), or nothing.
    cotangent : array of the shape of the op's value, or None
        Upstream gradient of grad_logits, grad_labels and hvp; None for ones.
    tangent : array, shape (rows, n), or None
        Direction of jvp and hvp.
    weight, pos_weight : array that broadcasts to (rows, n), or None
        Weights of a sigmoid cross-entropy.
    unit_totals : bool
        Whether derivatives take distributions to sum to one, whatever they sum to: p - q (`LossOptions`).
    clip : float or None
        What p is clipped to before its logarithm: ``clip_probabilities`` of `LossOptions`.
    """

    logits: NDArray[Any]
    labels: NDArray[Any] | None = None
    cotangent: NDArray[Any] | None = None
    tangent: NDArray[Any] | None = None
    weight: NDArray[Any] | None = None
    pos_weight: NDArray[Any] | None = None
    unit_totals: bool = False
    clip: float | None = None

    def part(self, block: slice) -> Rows:
        """Return some of the rows."""
        shape = self.logits.shape
        weight, pos_weight = (
            None if given is None else np.broadcast_to(given, shape)[block] for given in (self.weight, self.pos_weight)
        )
        labels, cotangent, tangent = (
            None if given is None else given[block] for given in (self.labels, self.cotangent, self.tangent)
        )
        return Rows(
            logits=self.logits[block],
            labels=labels,
            cotangent=cotangent,
            tangent=tangent,
            weight=weight,
            pos_weight=pos_weight,
            unit_totals=self.unit_totals,
            clip=self.clip,
        )


@dataclass(frozen=True)
class Question:
    """Rows, the model they are bounded with, and what several answers share."""

    op: str
    rows: Rows
    statistics: RowStatistics
    rounding: Rounding

    @cached_property
    def total(self) -> bounds_forward.ShiftedSum:
        """The sum of shifted exponentials."""
        return bounds_forward.shifted_sum(self.statistics, self.rounding)

    @cached_property
    def softmax(self) -> Approximation:
        """Softmax by any ordinary form."""
        return bounds_forward.softmax(self.statistics, self.rounding, self.total)

    @cached_property
    def log_softmax(self) -> Approximation:
        """Log-softmax."""
        return bounds_forward.log_softmax(self.statistics, self.rounding, self.total)

    @cached_property
    def logarithm(self) -> Approximation:
        """The log-probabilities that a loss is made of."""
        clip = self.rows.clip
        return self.log_softmax if clip is None else bounds_clipped.logarithm(self.softmax, clip, self.rounding)

    @property
    def labels(self) -> NDArray[Any]:
        """The labels; ValueError where there are none."""
        if self.rows.labels is None:
            raise ValueError(f"labels are missing: {self.op} needs them")
        return self.rows.labels

    @property
    def has_indices(self) -> bool:
        """Whether the labels are class indices."""
        return self.labels.dtype.kind in "iu"

    @property
    def distributions(self) -> F64:
        """The labels as float64."""
        return self.labels.astype(np.float64)

    @property
    def one_label_a_class(self) -> F64:
        """The labels as distributions, whichever they are."""
        if not self.has_indices:
            return self.distributions
        classes = np.arange(self.rows.logits.shape[1])
        return np.where(classes == self.labels[:, None], 1.0, 0.0)

    @property
    def cotangent(self) -> Approximation:
        """The upstream gradient, with an axis of length 1 where the op has no class axis."""
        shape = (len(self.rows.logits), 1) if self.op in REDUCES_CLASSES else self.rows.logits.shape
        return Approximation.exact(_filled(self.rows.cotangent, shape))

    @property
    def tangent(self) -> Approximation:
        """The direction; ValueError where there is none."""
        if self.rows.tangent is None:
            raise ValueError("tangent is missing: jvp and hvp need a direction of the logits' shape")
        return Approximation.exact(self.rows.tangent.astype(np.float64))


def _filled(given: NDArray[Any] | None, shape: tuple[int, ...]) -> F64:
    return np.ones(shape) if given is None else np.asarray(given, dtype=np.float64).reshape(shape)


def _spread(given: NDArray[Any] | None, shape: tuple[int, ...]) -> F64:
    return np.ones(shape) if given is None else np.broadcast_to(given, shape).astype(np.float64)


def _log_sum_exp(asked: Question) -> Approximation:
    return bounds_forward.log_sum_exp(asked.statistics, asked.rounding, asked.total)


def _log_sum_exp_softmax(asked: Question) -> Approximation:
    """Return the softmax that derivatives of log-sum-exp are made of: of its rounded value, where that is granted."""
    softmax = asked.softmax
    if not asked.rounding.arithmetic.rounded_log_sum_exp:
        return softmax
    logits, value = asked.statistics.logits, _log_sum_exp(asked)
    return worst(softmax, bounds_gradient.softmax_by_exp_of_difference(softmax, logits, value, asked.rounding))


def _loss(asked: Question) -> Approximation:
    if asked.has_indices:
        return bounds_loss.cross_entropy_at(asked.logarithm, asked.labels)
    return bounds_loss.cross_entropy_over(asked.logarithm, asked.distributions, asked.rounding)


def _loss_gradient(asked: Question) -> Approximation:
    softmax, cotangent, rounding = asked.softmax, asked.cotangent, asked.rounding
    if asked.rows.clip is not None:
        return bounds_clipped.cross_entropy_vjp(softmax, asked.one_label_a_class, cotangent, asked.rows.clip, rounding)
    if asked.has_indices:
        return bounds_gradient.cross_entropy_at_vjp(softmax, asked.labels, cotangent, rounding)
    labels, unit = asked.distributions, asked.rows.unit_totals
    return bounds_gradient.cross_entropy_over_vjp(softmax, labels, cotangent, rounding, total_is_one=unit)


def _loss_jvp(asked: Question) -> Approximation:
    softmax, tangent, rounding = asked.softmax, asked.tangent, asked.rounding
    if asked.has_indices:
        return bounds_second_order.cross_entropy_at_jvp(softmax, asked.labels, tangent, rounding)
    return bounds_second_order.cross_entropy_over_jvp(softmax, asked.distributions, tangent, rounding)


def _loss_hvp(asked: Question) -> Approximation:
    softmax, tangent, cotangent, rounding = asked.softmax, asked.tangent, asked.cotangent, asked.rounding
    if asked.has_indices or asked.rows.unit_totals:
        return bounds_second_order.log_sum_exp_hvp(softmax, tangent, cotangent, rounding)
    labels = asked.distributions
    return bounds_second_order.cross_entropy_over_hvp(softmax, labels, tangent, cotangent, rounding)


def _sigmoid(quantity: str) -> Callable[[Question], Approximation]:
    def answer(asked: Question) -> Approximation:
        shape = asked.rows.logits.shape
        loss = bounds_sigmoid.SigmoidLoss(
            logits=asked.rows.logits.astype(np.float64),
            labels=asked.distributions,
            weight=_spread(asked.rows.weight, shape),
            pos_weight=_spread(asked.rows.pos_weight, shape),
            rounding=asked.rounding,
        )
        tangent = asked.tangent.value if quantity in {"jvp", "hvp"} else np.ones(shape)
        return bounds_sigmoid.sigmoid_cross_entropy(quantity, loss, asked.cotangent.value, tangent)

    return answer


BOUNDS: Final[dict[tuple[str, str], Callable[[Question], Approximation]]] = {
    ("softmax", "value"): lambda q: q.softmax,
    ("softmax", "grad_logits"): lambda q: bounds_gradient.softmax_vjp(q.softmax, q.cotangent, q.rounding),
    ("softmax", "jvp"): lambda q: bounds_gradient.softmax_vjp(q.softmax, q.tangent, q.rounding),
    ("softmax", "hvp"): lambda q: bounds_second_order.softmax_hvp(q.softmax, q.tangent, q.cotangent, q.rounding),
    ("log_softmax", "value"): lambda q: q.log_softmax,
    ("log_softmax", "grad_logits"): lambda q: bounds_gradient.log_softmax_vjp(q.softmax, q.cotangent, q.rounding),
    ("log_softmax", "jvp"): lambda q: bounds_second_order.log_softmax_jvp(q.softmax, q.tangent, q.rounding),
    ("log_softmax", "hvp"): lambda q: bounds_second_order.log_softmax_hvp(
        q.softmax, q.tangent, q.cotangent, q.rounding
    ),
    ("log_sum_exp", "value"): _log_sum_exp,
    ("log_sum_exp", "grad_logits"): lambda q: bounds_gradient.log_sum_exp_vjp(
        _log_sum_exp_softmax(q), q.cotangent, q.rounding
    ),
    ("log_sum_exp", "jvp"): lambda q: bounds_second_order.log_sum_exp_jvp(
        _log_sum_exp_softmax(q), q.tangent, q.rounding
    ),
    ("log_sum_exp", "hvp"): lambda q: bounds_second_order.log_sum_exp_hvp(
        _log_sum_exp_softmax(q), q.tangent, q.cotangent, q.rounding
    ),
    ("softmax_cross_entropy", "value"): _loss,
    ("softmax_cross_entropy", "grad_logits"): _loss_gradient,
    ("softmax_cross_entropy", "grad_labels"): lambda q: bounds_gradient.cross_entropy_over_label_vjp(
        q.logarithm, q.cotangent, q.rounding
    ),
    ("softmax_cross_entropy", "jvp"): _loss_jvp,
    ("softmax_cross_entropy", "hvp"): _loss_hvp,
    **{
        ("sigmoid_cross_entropy", quantity): _sigmoid(quantity)
        for quantity in ("value", "grad_logits", "grad_labels", "jvp", "hvp")
    },
}
"""Answers with their errors by op and quantity; reduced answers keep an axis of length 1."""
