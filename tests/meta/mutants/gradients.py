"""Mutants whose gradients are wrong while their values are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import sigmoid as control_sigmoid
from logitproof_adapters.control import softmax as control
from meta.mutants.mutant import (
    GRAD_DISTRIBUTION_LOSS,
    GRAD_INDEX_LOSS,
    GRAD_LABELS,
    GRAD_LOG_SOFTMAX,
    GRAD_LOG_SUM_EXP,
    GRAD_SIGMOID_LOSS,
    GRAD_SOFTMAX,
    Mutant,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

TOTAL, SOFTMAX_OF, ONE_HOT = control.total, control.softmax, control.one_hot
GRAD_CROSS_ENTROPY, GRAD_LOG_SUM_EXP_OF = control.grad_cross_entropy, control.grad_log_sum_exp
GRAD_LABELS_OF = control.grad_labels_cross_entropy


def plain_grad_softmax(x: Array, cotangent: Array) -> Array:
    """Return p (c - sum c p) as it is written."""
    p = control.shares(x)
    return np.where(control.without_limit(x), np.nan, p * (cotangent - control.total(cotangent * p)))


def with_cotangent(change: Callable[[Array], Array]) -> dict[str, Callable[..., Array]]:
    """Return the gradient of the cross-entropy for a cotangent that went through `change`."""
    return {"grad_cross_entropy": lambda x, labels, c: GRAD_CROSS_ENTROPY(x, labels, change(c))}


def grad_of_loss(form: Callable[[Array, Array], Array]) -> dict[str, Callable[..., Array]]:
    """Return a gradient of the cross-entropy made of p and q by `form`."""
    return {"grad_cross_entropy": lambda x, labels, c: c[..., None] * form(SOFTMAX_OF(x), ONE_HOT(labels, x))}


GRADIENT_MUTANTS = [
    Mutant(
        "cotangent_ignored",
        "The upstream gradient is taken as 1.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        with_cotangent(np.ones_like),
    ),
    Mutant(
        "cotangent_of_first_row",
        "Every row takes the upstream gradient of the first.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        with_cotangent(lambda c: np.broadcast_to(c[:1], c.shape)),
    ),
    Mutant(
        "cotangent_squared",
        "The upstream gradient is applied twice.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        with_cotangent(np.square),
    ),
    Mutant(
        "cotangent_sign_lost", "The upstream gradient loses its sign.", "GRD-1", GRAD_INDEX_LOSS, with_cotangent(np.abs)
    ),
    Mutant(
        "gradient_of_mean",
        "The gradient is that of the mean over the batch.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        with_cotangent(lambda c: c / c.dtype.type(len(c))),
    ),
    Mutant(
        "sign", "The gradient is q - p.", "GRD-1", GRAD_DISTRIBUTION_LOSS, grad_of_loss(lambda p, q: q - p * TOTAL(q))
    ),
    Mutant(
        "sum_of_labels_taken_as_one",
        "The gradient is p - q also where the labels do not sum to one.",
        "GRD-1",
        GRAD_DISTRIBUTION_LOSS,
        grad_of_loss(lambda p, q: p - q),
    ),
    Mutant(
        "labels_normalised_in_gradient",
        "The gradient divides the labels by their sum, the value does not.",
        "GRD-1",
        GRAD_DISTRIBUTION_LOSS,
        grad_of_loss(lambda p, q: p - q / np.maximum(TOTAL(q), 0.25).astype(q.dtype)),
    ),
    Mutant(
        "zero_labels_get_no_gradient",
        "Classes without label weight get no gradient.",
        "GRD-1",
        GRAD_DISTRIBUTION_LOSS,
        grad_of_loss(lambda p, q: np.where(q == 0, 0, p * TOTAL(q) - q)),
    ),
    Mutant("label_not_subtracted", "The gradient is p.", "GRD-1", GRAD_INDEX_LOSS, grad_of_loss(lambda p, _q: p)),
    Mutant(
        "label_of_next_class_subtracted",
        "1 is subtracted from the class after the label.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        grad_of_loss(lambda p, q: p - np.roll(q, 1, axis=-1)),
    ),
    Mutant(
        "small_gradients_filtered",
        "Gradients below 2^-12 are dropped, as a filter for speed does.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        grad_of_loss(lambda p, q: np.where(np.abs(p - q) < 2.0**-12, 0, p - q)),
    ),
    Mutant(
        "probabilities_saved_in_float16",
        "The probabilities saved for the gradient are rounded to float16.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        grad_of_loss(lambda p, q: p.astype(np.float16).astype(p.dtype) - q),
    ),
    Mutant(
        "gradient_at_the_label_cancels",
        "The gradient at the label is p - 1, which is 0 where p is next to 1.",
        "ACC-2",
        GRAD_INDEX_LOSS,
        grad_of_loss(lambda p, q: p - q),
    ),
    Mutant(
        "gradient_of_a_certain_class_cancels",
        "The gradient of softmax is p (c - sum c p), which is 0 at a class whose p rounds to 1.",
        "ACC-3",
        GRAD_SOFTMAX,
        {"grad_softmax": plain_grad_softmax},
    ),
    Mutant(
        "logarithm_of_a_certain_class_cancels",
        "The gradient of log-softmax is c - p sum c, which is 0 at a class whose p rounds to 1.",
        "ACC-3",
        GRAD_LOG_SOFTMAX,
        {"grad_log_softmax": lambda x, c: c - control.softmax(x) * control.total(c)},
    ),
    Mutant(
        "gradient_of_a_certain_distribution_cancels",
        "The gradient of a distribution's loss is p sum q - q, which is 0 at a label of 1 whose p rounds to 1.",
        "ACC-3",
        GRAD_DISTRIBUTION_LOSS,
        grad_of_loss(lambda p, q: p * TOTAL(q) - q),
        profile="full",
    ),
    Mutant(
        "sigmoid_less_its_label_cancels",
        "The gradient of the sigmoid loss is sigmoid(x) - y, which is 0 where sigmoid(x) rounds to 1.",
        "ACC-3",
        GRAD_SIGMOID_LOSS,
        {"slope": lambda x, y, _weight=None: control_sigmoid.sigmoid(x) - y},
    ),
    Mutant("detached", "The gradient is zero.", "GRD-1", GRAD_INDEX_LOSS, grad_of_loss(lambda p, _q: np.zeros_like(p))),
    Mutant(
        "last_class_without_gradient",
        "The last class gets no gradient.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        grad_of_loss(lambda p, q: np.where(np.arange(p.shape[-1]) == p.shape[-1] - 1, 0, p - q)),
    ),
    Mutant(
        "softmax_without_mean",
        "The softmax's gradient forgets the mean of the cotangents.",
        "GRD-1",
        GRAD_SOFTMAX,
        {"grad_softmax": lambda x, c: SOFTMAX_OF(x) * c},
    ),
    Mutant(
        "softmax_plain_mean",
        "The softmax's gradient subtracts the plain mean of the cotangents, not the one weighted by p.",
        "GRD-1",
        GRAD_SOFTMAX,
        {"grad_softmax": lambda x, c: SOFTMAX_OF(x) * (c - TOTAL(c) / c.dtype.type(c.shape[-1]))},
    ),
    Mutant(
        "log_softmax_transposed",
        "The log-softmax's Jacobian is applied instead of its transpose.",
        "GRD-1",
        GRAD_LOG_SOFTMAX,
        {"grad_log_softmax": lambda x, c: c - TOTAL(SOFTMAX_OF(x) * c)},
    ),
    Mutant(
        "log_softmax_sum_taken_as_one",
        "The log-softmax's gradient takes the cotangents' sum as 1.",
        "GRD-1",
        GRAD_LOG_SOFTMAX,
        {"grad_log_softmax": lambda x, c: c - SOFTMAX_OF(x)},
    ),
    Mutant(
        "maximum_differentiated",
        "The gradient of log-sum-exp goes through the maximum too.",
        "GRD-1",
        GRAD_LOG_SUM_EXP,
        {"grad_log_sum_exp": lambda x, c: GRAD_LOG_SUM_EXP_OF(x, c) + c[..., None] * (x == control.top(x))},
    ),
    Mutant(
        "hard_maximum",
        "The gradient of log-sum-exp is that of the maximum.",
        "GRD-1",
        GRAD_LOG_SUM_EXP,
        {"grad_log_sum_exp": lambda x, c: c[..., None] * np.where(x == control.top(x), 1, 0).astype(x.dtype)},
    ),
    Mutant(
        "labels_gradient_unnormalised",
        "The labels' gradient is -x: the log-sum-exp is forgotten.",
        "GLB-1",
        GRAD_LABELS,
        {"grad_labels_cross_entropy": lambda x, _q, c: -c[..., None] * x},
    ),
    Mutant(
        "labels_gradient_where_labelled",
        "The labels' gradient is 0 at classes without weight.",
        "GLB-1",
        GRAD_LABELS,
        {"grad_labels_cross_entropy": lambda x, q, c: np.where(q == 0, 0, GRAD_LABELS_OF(x, q, c))},
    ),
    Mutant(
        "labels_gradient_sign",
        "The labels' gradient is +log p.",
        "GLB-1",
        GRAD_LABELS,
        {"grad_labels_cross_entropy": lambda x, q, c: -GRAD_LABELS_OF(x, q, c)},
    ),
]
