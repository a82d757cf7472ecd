"""Which bound answers which request: the functions that the rows of `ops` name, on shared intermediate results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds import clipped as bounds_clipped
from logitproof_reference.bounds import gradient as bounds_gradient
from logitproof_reference.bounds import loss as bounds_loss
from logitproof_reference.bounds import second_order as bounds_second_order
from logitproof_reference.bounds import sigmoid as bounds_sigmoid
from logitproof_reference.bounds.error_model import BoundedValue, Rounding, worst
from logitproof_reference.bounds.forward_bounds import ForwardBounds, forward_bounds
from logitproof_reference.vocabulary.ops import formulas_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True)
class BoundRequest:
    """A request, the model it is bounded with, and what several answers share."""

    request: Request
    rounding: Rounding

    def answer(self) -> BoundedValue:
        """Return the answer with its error; reduced answers keep an axis of length 1."""
        bound: Callable[[BoundRequest], BoundedValue] = globals()[
            formulas_of(self.request.op, self.request.quantity).bound
        ]
        return bound(self)

    @cached_property
    def forward(self) -> ForwardBounds:
        """The forward bounds, shared with other quantities of the same rows."""
        return forward_bounds(self.request.logits, self.rounding)

    @property
    def softmax(self) -> BoundedValue:
        """Softmax by any ordinary form."""
        return self.forward.softmax

    @property
    def log_softmax(self) -> BoundedValue:
        """Log-softmax."""
        return self.forward.log_softmax

    @cached_property
    def logarithm(self) -> BoundedValue:
        """The log-probabilities that a loss is made of."""
        clip = self.request.options.clip_probabilities
        return self.log_softmax if clip is None else bounds_clipped.logarithm(self.softmax, clip, self.rounding)

    @property
    def labels(self) -> NDArray[Any]:
        """The labels, which the op takes."""
        labels = self.request.labels
        assert labels is not None
        return labels

    @property
    def has_indices(self) -> bool:
        """Whether the labels are class indices."""
        return self.labels.dtype.kind == "i"

    @property
    def one_label_a_class(self) -> F64:
        """The labels as distributions, whichever they are."""
        if not self.has_indices:
            return self.labels
        classes = np.arange(self.request.logits.shape[1])
        return np.where(classes == self.labels[:, None], 1.0, 0.0)

    @property
    def unit_totals(self) -> bool:
        """Whether derivatives take distributions to sum to one, whatever they sum to: p - q."""
        return self.request.options.unnormalized_gradient == "tensorflow"

    @property
    def cotangent(self) -> BoundedValue:
        """The upstream gradient, with an axis of length 1 where the op has no class axis; ones where none is given."""
        rows, given = self.request.logits, self.request.cotangent
        shape = rows.shape if self.request.row.keeps_classes else (len(rows), 1)
        return BoundedValue.exact(np.ones(shape) if given is None else given.reshape(shape))

    @property
    def tangent(self) -> BoundedValue:
        """The direction, which the quantity takes."""
        tangent = self.request.tangent
        assert tangent is not None
        return BoundedValue.exact(tangent)

    @property
    def sigmoid_loss(self) -> bounds_sigmoid.SigmoidLoss:
        """The arrays of a sigmoid cross-entropy."""
        options, ones = self.request.options, np.ones(self.request.logits.shape)
        return bounds_sigmoid.SigmoidLoss(
            logits=self.request.logits.astype(np.float64),
            labels=self.labels,
            weight=ones if options.weight is None else options.weight,
            pos_weight=ones if options.pos_weight is None else options.pos_weight,
            rounding=self.rounding,
        )


def softmax(asked: BoundRequest) -> BoundedValue:
    """B1."""
    return asked.softmax


def softmax_vjp(asked: BoundRequest) -> BoundedValue:
    """B5 of softmax."""
    return bounds_gradient.softmax_vjp(asked.softmax, asked.cotangent, asked.rounding)


def softmax_jvp(asked: BoundRequest) -> BoundedValue:
    """Bound B5 too: the Jacobian of softmax is its own transpose."""
    return bounds_gradient.softmax_vjp(asked.softmax, asked.tangent, asked.rounding)


def softmax_hvp(asked: BoundRequest) -> BoundedValue:
    """Second derivative of softmax."""
    return bounds_second_order.softmax_hvp(asked.softmax, asked.tangent, asked.cotangent, asked.rounding)


def log_softmax(asked: BoundRequest) -> BoundedValue:
    """B2."""
    return asked.log_softmax


def log_softmax_vjp(asked: BoundRequest) -> BoundedValue:
    """B5 of log-softmax."""
    return bounds_gradient.log_softmax_vjp(asked.softmax, asked.cotangent, asked.rounding)


def log_softmax_jvp(asked: BoundRequest) -> BoundedValue:
    """Forward derivative of log-softmax."""
    return bounds_second_order.log_softmax_jvp(asked.softmax, asked.tangent, asked.rounding)


def log_softmax_hvp(asked: BoundRequest) -> BoundedValue:
    """Second derivative of log-softmax."""
    return bounds_second_order.log_softmax_hvp(asked.softmax, asked.tangent, asked.cotangent, asked.rounding)


def log_sum_exp(asked: BoundRequest) -> BoundedValue:
    """B3."""
    return asked.forward.log_sum_exp


def log_sum_exp_vjp(asked: BoundRequest) -> BoundedValue:
    """B5 of log-sum-exp."""
    return bounds_gradient.log_sum_exp_vjp(_log_sum_exp_softmax(asked), asked.cotangent, asked.rounding)


def log_sum_exp_jvp(asked: BoundRequest) -> BoundedValue:
    """Forward derivative of log-sum-exp."""
    return bounds_second_order.log_sum_exp_jvp(_log_sum_exp_softmax(asked), asked.tangent, asked.rounding)


def log_sum_exp_hvp(asked: BoundRequest) -> BoundedValue:
    """Second derivative of log-sum-exp."""
    softmax_ = _log_sum_exp_softmax(asked)
    return bounds_second_order.log_sum_exp_hvp(softmax_, asked.tangent, asked.cotangent, asked.rounding)


def _log_sum_exp_softmax(asked: BoundRequest) -> BoundedValue:
    """Return the softmax that derivatives of log-sum-exp are made of: of its rounded value, where that is granted."""
    if not asked.rounding.arithmetic.rounded_log_sum_exp:
        return asked.softmax
    logits, value = asked.forward.statistics.logits, log_sum_exp(asked)
    rounded = bounds_gradient.softmax_by_exp_of_difference(asked.softmax, logits, value, asked.rounding)
    return worst(asked.softmax, rounded)


def cross_entropy(asked: BoundRequest) -> BoundedValue:
    """B2 at a class index, B4 with distributions."""
    if asked.has_indices:
        return bounds_loss.cross_entropy_at(asked.logarithm, asked.labels)
    return bounds_loss.cross_entropy_over(asked.logarithm, asked.labels, asked.rounding)


def cross_entropy_vjp(asked: BoundRequest) -> BoundedValue:
    """B5 of the loss."""
    probabilities, cotangent, rounding = asked.softmax, asked.cotangent, asked.rounding
    clip = asked.request.options.clip_probabilities
    if clip is not None:
        return bounds_clipped.cross_entropy_vjp(probabilities, asked.one_label_a_class, cotangent, clip, rounding)
    if asked.has_indices:
        return bounds_gradient.cross_entropy_at_vjp(probabilities, asked.labels, cotangent, rounding)
    unit = asked.unit_totals
    return bounds_gradient.cross_entropy_over_vjp(probabilities, asked.labels, cotangent, rounding, total_is_one=unit)


def cross_entropy_label_vjp(asked: BoundRequest) -> BoundedValue:
    """Gradient of the loss by its labels."""
    return bounds_gradient.cross_entropy_over_label_vjp(asked.logarithm, asked.cotangent, asked.rounding)


def cross_entropy_jvp(asked: BoundRequest) -> BoundedValue:
    """Forward derivative of the loss."""
    probabilities, tangent, rounding = asked.softmax, asked.tangent, asked.rounding
    if asked.has_indices:
        return bounds_second_order.cross_entropy_at_jvp(probabilities, asked.labels, tangent, rounding)
    return bounds_second_order.cross_entropy_over_jvp(probabilities, asked.labels, tangent, rounding)


def cross_entropy_hvp(asked: BoundRequest) -> BoundedValue:
    """Second derivative of the loss."""
    probabilities, tangent, cotangent, rounding = asked.softmax, asked.tangent, asked.cotangent, asked.rounding
    if asked.has_indices or asked.unit_totals:
        return bounds_second_order.log_sum_exp_hvp(probabilities, tangent, cotangent, rounding)
    return bounds_second_order.cross_entropy_over_hvp(probabilities, asked.labels, tangent, cotangent, rounding)


def sigmoid_value(asked: BoundRequest) -> BoundedValue:
    """Sigmoid loss."""
    return asked.sigmoid_loss.value()


def sigmoid_vjp(asked: BoundRequest) -> BoundedValue:
    """Gradient of the sigmoid loss."""
    loss = asked.sigmoid_loss
    return loss.scaled(loss.slope(), asked.cotangent.value)


def sigmoid_label_vjp(asked: BoundRequest) -> BoundedValue:
    """Gradient of the sigmoid loss by its labels."""
    loss = asked.sigmoid_loss
    return loss.scaled(loss.label_slope(), asked.cotangent.value)


def sigmoid_jvp(asked: BoundRequest) -> BoundedValue:
    """Forward derivative of the sigmoid loss."""
    loss = asked.sigmoid_loss
    return loss.scaled(loss.slope(), asked.tangent.value)


def sigmoid_hvp(asked: BoundRequest) -> BoundedValue:
    """Second derivative of the sigmoid loss."""
    loss = asked.sigmoid_loss
    return loss.scaled(loss.curvature(), asked.cotangent.value, asked.tangent.value)
