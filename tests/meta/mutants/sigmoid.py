"""Mutants of the sigmoid loss: forms that overflow or cancel, weights in the wrong place, derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import sigmoid as control_sigmoid
from logitproof_reference.vocabulary.cells import SIGMOID, Options
from meta.mutants.mutant import (
    GRAD_SIGMOID_LABELS,
    GRAD_SIGMOID_LOSS,
    HVP_SIGMOID_LOSS,
    JVP_SIGMOID_LOSS,
    SIGMOID_LOSS,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Query = Callable[[Cell, Inputs], Array]

LOSS, SLOPE = control_sigmoid.sigmoid_cross_entropy, control_sigmoid.slope
SIGMA, SOFTPLUS = control_sigmoid.sigmoid, control_sigmoid.softplus
POSITIVE, WEIGHT, MEAN = Options(pos_weight=True), Options(weight=True), Options(reduction="mean")


def loss_of(log_share: Callable[[Array], Array], log_rest: Callable[[Array], Array]) -> dict[str, Callable[..., Array]]:
    """Return the loss with logarithms of sigmoid(x) and 1 - sigmoid(x) of their own."""

    def loss(x: Array, labels: Array, *, pos_weight: Array | None = None) -> Array:
        positive = labels if pos_weight is None else pos_weight * labels
        return -(positive * log_share(x) + (1 - labels) * log_rest(x))

    return {"sigmoid_cross_entropy": loss}


def naive(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) as it is written."""
    return 1 / (1 + np.exp(-x))


def clipped(x: Array) -> Array:
    """Return the sigmoid, kept away from 0 and 1."""
    return np.clip(SIGMA(x), x.dtype.type(1e-7), x.dtype.type(1 - 1e-7))


def on_sigmoid(change: Callable[[Cell, Inputs], tuple[Cell, Inputs]]) -> Query:
    """Return a mutant that asks the sigmoid loss something else."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        return ask_control(*change(cell, inputs)) if cell.op == SIGMOID else ask_control(cell, inputs)

    return ask


def weight_twice(cell: Cell, inputs: Inputs) -> tuple[Cell, Inputs]:
    """Square the weights."""
    return cell, replace(inputs, weight=None if inputs.weight is None else inputs.weight**2)


def derived_without_positive_weight(cell: Cell, inputs: Inputs) -> tuple[Cell, Inputs]:
    """Drop the weight of positive labels from the gradient."""
    if cell.quantity == "value":
        return cell, inputs
    return replace(cell, options=replace(cell.options, pos_weight=False)), replace(inputs, pos_weight=None)


def mean_over_rows(cell: Cell, inputs: Inputs) -> Array:
    """Divide the sum over all elements by the rows."""
    answer = ask_control(cell, inputs)
    is_mean = cell.op == SIGMOID and cell.options.reduction == "mean"
    return answer * answer.dtype.type(inputs.logits.shape[inputs.axis]) if is_mean else answer


def shifted_slope(x: Array, labels: Array, pos_weight: Array | None) -> Array:
    """Divide by the variance, kept off 0, and multiply with it, as a loss of probabilities does."""
    variance = SIGMA(x) * SIGMA(-x)
    return SLOPE(x, labels, pos_weight) / np.maximum(variance, x.dtype.type(1e-12)) * variance


SIGMOID_MUTANTS = [
    Mutant(
        "sigmoid_log_of_share",
        "The loss takes the logarithms of sigmoid(x) and of 1 - sigmoid(x).",
        "EXT-7",
        SIGMOID_LOSS,
        loss_of(lambda x: np.log(naive(x)), lambda x: np.log(1 - naive(x))),
    ),
    Mutant(
        "sigmoid_complement_cancels",
        "log(1 - sigmoid(x)) is computed by log1p(-sigmoid(x)).",
        "VAL-1",
        SIGMOID_LOSS,
        loss_of(lambda x: -SOFTPLUS(-x), lambda x: np.log1p(-np.minimum(SIGMA(x), x.dtype.type(1 - 2.0**-20)))),
    ),
    Mutant(
        "softplus_unstable",
        "log(1 + exp(x)) is computed as it is written.",
        "EXT-7",
        SIGMOID_LOSS,
        {"softplus": lambda x: np.log1p(np.exp(x))},
    ),
    Mutant(
        "softplus_cut_off",
        "log(1 + exp(x)) is x from 10 on, as a threshold for speed does.",
        "VAL-1",
        SIGMOID_LOSS,
        {"softplus": lambda x: np.where(x > 10, x, SOFTPLUS(x)).astype(x.dtype)},
    ),
    Mutant(
        "sigmoid_clipped",
        "The sigmoid is clipped to [1e-7, 1 - 1e-7] before the logarithm.",
        "VAL-1",
        SIGMOID_LOSS,
        loss_of(lambda x: np.log(clipped(x)), lambda x: np.log(1 - clipped(x))),
    ),
    Mutant(
        "sigmoid_labels_swapped",
        "Labels count as 1 - y.",
        "VAL-1",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": lambda x, y, pos_weight=None: LOSS(x, 1 - y, pos_weight=pos_weight)},
    ),
    Mutant(
        "sigmoid_labels_thresholded",
        "Labels count as 0 or 1.",
        "VAL-1",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": lambda x, y, pos_weight=None: LOSS(x, np.round(y), pos_weight=pos_weight)},
    ),
    Mutant(
        "sigmoid_positive_weight_on_negatives",
        "The weight of positive labels multiplies the term of the negative ones.",
        "OPT-2",
        SIGMOID_LOSS,
        {
            "sigmoid_cross_entropy": lambda x, y, pos_weight=None: (
                (1 if pos_weight is None else pos_weight) * (1 - y) * SOFTPLUS(x) + y * SOFTPLUS(-x)
            )
        },
        options=POSITIVE,
    ),
    Mutant(
        "sigmoid_positive_weight_on_all",
        "The weight of positive labels multiplies the whole loss.",
        "OPT-2",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": lambda x, y, pos_weight=None: (1 if pos_weight is None else pos_weight) * LOSS(x, y)},
        options=POSITIVE,
    ),
    Mutant(
        "sigmoid_positive_weight_not_derived",
        "The gradient forgets the weight of positive labels.",
        "OPT-2",
        GRAD_SIGMOID_LOSS,
        ask=on_sigmoid(derived_without_positive_weight),
        options=POSITIVE,
    ),
    Mutant(
        "sigmoid_weight_twice",
        "The weight is applied twice.",
        "OPT-2",
        SIGMOID_LOSS,
        ask=on_sigmoid(weight_twice),
        options=WEIGHT,
    ),
    Mutant(
        "sigmoid_mean_over_rows",
        "The mean divides by the rows, not by the elements.",
        "OPT-1",
        SIGMOID_LOSS,
        ask=mean_over_rows,
        options=MEAN,
    ),
    Mutant(
        "sigmoid_gradient_stops_at_zero",
        "The gradient is 0 at logit 0, where |x| has no derivative.",
        "GRD-1",
        GRAD_SIGMOID_LOSS,
        {"slope": lambda x, y, pw: np.where(x == 0, 0, SLOPE(x, y, pw)).astype(x.dtype)},
    ),
    Mutant(
        "sigmoid_gradient_vanishes",
        "The gradient divides by sigmoid(x) (1 - sigmoid(x)) kept off 0, and multiplies with it.",
        "GRD-1",
        GRAD_SIGMOID_LOSS,
        {"slope": shifted_slope},
    ),
    Mutant(
        "sigmoid_cotangent_squared",
        "The upstream gradient is applied twice.",
        "GRD-1",
        GRAD_SIGMOID_LOSS,
        {"grad_sigmoid_cross_entropy": lambda x, y, c, pos_weight=None: c * c * SLOPE(x, y, pos_weight)},
    ),
    Mutant(
        "sigmoid_labels_without_gradient",
        "The gradient with respect to the labels is 0.",
        "GLB-1",
        GRAD_SIGMOID_LABELS,
        {"grad_labels_sigmoid_cross_entropy": lambda x, _y, c, pos_weight=None: 0 * x * c},  # noqa: ARG005 - as called
    ),
    Mutant(
        "sigmoid_forward_forgets_labels",
        "The forward mode is that of log(1 + exp(x)).",
        "JVP-1",
        JVP_SIGMOID_LOSS,
        {"jvp_sigmoid_cross_entropy": lambda x, _y, v, pos_weight=None: v * SIGMA(x)},  # noqa: ARG005 - as called
    ),
    Mutant(
        "sigmoid_curvature_is_slope",
        "The second derivative is sigmoid(x), without 1 - sigmoid(x).",
        "HVP-1",
        HVP_SIGMOID_LOSS,
        {"hvp_sigmoid_cross_entropy": lambda x, _y, c, v, pos_weight=None: c * v * SIGMA(x)},  # noqa: ARG005 - as called
    ),
    Mutant(
        "sigmoid_hessian_ignores_cotangent",
        "The second derivative takes the upstream gradient as 1.",
        "HVP-1",
        HVP_SIGMOID_LOSS,
        {"hvp_sigmoid_cross_entropy": lambda x, _y, _c, v, pos_weight=None: v * SIGMA(x) * SIGMA(-x)},  # noqa: ARG005 - as called
    ),
]
