"""Mutants whose directional or second derivatives are wrong while values and gradients are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE
from meta.mutants.mutant import (
    GRAD_LABELS,
    HVP_DISTRIBUTION_LOSS,
    HVP_INDEX_LOSS,
    HVP_LOG_SUM_EXP,
    JVP_DISTRIBUTION_LOSS,
    JVP_INDEX_LOSS,
    JVP_LOG_SOFTMAX,
    JVP_LOG_SUM_EXP,
    JVP_SOFTMAX,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Parts = dict[str, Callable[..., Array]]

TOTAL, SOFTMAX_OF, ONE_HOT = control.total, control.softmax, control.one_hot
HVP, JVP_LOSS = control.hvp_log_sum_exp, control.jvp_cross_entropy


def hessian(product: Callable[[Array, Array], Array]) -> Parts:
    """Return second derivatives, all made of p and v by `product`."""
    return {"hvp_log_sum_exp": lambda x, c, v: c[..., None] * product(SOFTMAX_OF(x), v)}


def forward(derivative: Callable[[Array, Array, Array], Array]) -> Parts:
    """Return a directional derivative of the cross-entropy made of p, q and v by `derivative`."""
    return {"jvp_cross_entropy": lambda x, labels, v: derivative(SOFTMAX_OF(x), ONE_HOT(labels, x), v)}


def mean(v: Array) -> Array:
    """Return the plain mean over the classes."""
    return TOTAL(v) / v.dtype.type(v.shape[-1])


def residual_squared(x: Array, labels: Array, cotangent: Array, tangent: Array) -> Array:
    """Take the square of the gradient for the Hessian."""
    r = SOFTMAX_OF(x) - ONE_HOT(labels, x)
    return cotangent[..., None] * r * TOTAL(r * tangent)


def softmax_forward_without_mean(cell: Cell, inputs: Inputs) -> Array:
    """Scale the tangent by p alone, in the softmax's forward mode only."""
    if (cell.op, cell.quantity) != ("softmax", "jvp") or inputs.tangent is None:
        return ask_control(cell, inputs)
    p = SOFTMAX_OF(np.moveaxis(inputs.logits, inputs.axis, -1).astype(np.float32))
    return (np.moveaxis(p, -1, inputs.axis) * inputs.tangent).astype(inputs.logits.dtype)


def labels_are_constants(cell: Cell, inputs: Inputs) -> Array:
    """Return 0 for the derivative of grad_logits with respect to the labels."""
    answer = ask_control(cell, inputs)
    return np.zeros_like(answer) if cell.quantity == MIXED_DERIVATIVE else answer


SECOND_ORDER_MUTANTS = [
    Mutant(
        "labels_are_constants",
        "The gradient treats its labels as constants: its derivative with respect to them is 0.",
        "HVP-3",
        GRAD_LABELS,
        ask=labels_are_constants,
    ),
    Mutant(
        "hessian_is_diagonal",
        "The Hessian is diag(p), without p p^T.",
        "HVP-1",
        HVP_LOG_SUM_EXP,
        hessian(lambda p, v: p * v),
    ),
    Mutant(
        "hessian_is_zero", "The second derivative is zero.", "HVP-1", HVP_INDEX_LOSS, hessian(lambda p, v: 0 * p * v)
    ),
    Mutant(
        "hessian_without_diagonal",
        "The Hessian is -p p^T.",
        "HVP-1",
        HVP_LOG_SUM_EXP,
        hessian(lambda p, v: -p * TOTAL(p * v)),
    ),
    Mutant(
        "hessian_sign",
        "The Hessian is diag(p) + p p^T.",
        "HVP-1",
        HVP_LOG_SUM_EXP,
        hessian(lambda p, v: p * (v + TOTAL(p * v))),
    ),
    Mutant(
        "hessian_plain_mean",
        "The Hessian subtracts the plain mean of the vector, not the one weighted by p.",
        "HVP-1",
        HVP_INDEX_LOSS,
        hessian(lambda p, v: p * (v - mean(v))),
    ),
    Mutant(
        "hessian_one_sided",
        "The Hessian is diag(p) - p 1^T.",
        "LAW-9",
        HVP_LOG_SUM_EXP,
        hessian(lambda p, v: p * v - p * TOTAL(v)),
    ),
    Mutant(
        "hessian_ignores_cotangent",
        "The second derivative takes the upstream gradient as 1.",
        "HVP-1",
        HVP_INDEX_LOSS,
        {"hvp_log_sum_exp": lambda x, c, v: HVP(x, np.ones_like(c), v)},
    ),
    Mutant(
        "hessian_takes_labels_sum_as_one",
        "The Hessian is diag(p) - p p^T also where the labels do not sum to one.",
        "HVP-1",
        HVP_DISTRIBUTION_LOSS,
        {"hvp_cross_entropy": lambda x, _labels, c, v: HVP(x, c, v)},
    ),
    Mutant(
        "hessian_of_residuals",
        "The Hessian is (p - q) (p - q)^T, as in a square loss.",
        "HVP-1",
        HVP_INDEX_LOSS,
        {"hvp_cross_entropy": residual_squared},
    ),
    Mutant(
        "hessian_from_half_precision",
        "The probabilities saved for the second derivative are rounded to float16.",
        "HVP-1",
        HVP_LOG_SUM_EXP,
        hessian(lambda p, v: (h := p.astype(np.float16).astype(p.dtype)) * (v - TOTAL(h * v))),
    ),
    Mutant(
        "forward_is_transposed",
        "The forward mode of log-softmax applies the transposed Jacobian: it is the reverse mode.",
        "JVP-1",
        JVP_LOG_SOFTMAX,
        {"jvp_log_softmax": control.grad_log_softmax},
    ),
    Mutant(
        "forward_without_mean",
        "The forward mode of log-softmax forgets the mean of the tangent.",
        "JVP-1",
        JVP_LOG_SOFTMAX,
        {"jvp_log_softmax": lambda x, v: v + 0 * x},
    ),
    Mutant(
        "softmax_forward_without_mean",
        "The forward mode of softmax forgets the mean of the tangent.",
        "JVP-1",
        JVP_SOFTMAX,
        ask=softmax_forward_without_mean,
    ),
    Mutant(
        "forward_plain_mean",
        "The forward mode of log-sum-exp is the plain mean of the tangent.",
        "JVP-1",
        JVP_LOG_SUM_EXP,
        {"jvp_log_sum_exp": lambda _x, v: mean(v)[..., 0]},
    ),
    Mutant(
        "forward_through_maximum",
        "The forward mode of log-sum-exp sees the maximum alone.",
        "LAW-8",
        JVP_LOG_SUM_EXP,
        {"jvp_log_sum_exp": lambda x, v: np.where(x == control.top(x), v, -np.inf).max(axis=-1)},
    ),
    Mutant(
        "forward_detached",
        "The forward mode gives zero.",
        "LAW-8",
        JVP_INDEX_LOSS,
        forward(lambda p, _q, v: 0 * (p * v)[..., 0]),
    ),
    Mutant(
        "forward_forgets_label",
        "The forward mode of the cross-entropy is that of log-sum-exp.",
        "JVP-1",
        JVP_INDEX_LOSS,
        forward(lambda p, _q, v: TOTAL(p * v)[..., 0]),
    ),
    Mutant(
        "forward_takes_labels_sum_as_one",
        "The forward mode of the cross-entropy takes the sum of the labels as 1.",
        "JVP-1",
        JVP_DISTRIBUTION_LOSS,
        forward(lambda p, q, v: TOTAL(p * v - q * v)[..., 0]),
    ),
    Mutant(
        "forward_tangent_of_first_row",
        "Every row takes the tangent of the first.",
        "JVP-1",
        JVP_INDEX_LOSS,
        {"jvp_cross_entropy": lambda x, labels, v: JVP_LOSS(x, labels, np.broadcast_to(v[:1], v.shape))},
    ),
]
