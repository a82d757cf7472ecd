"""Mutants of the sigmoid loss at NaN and infinite logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control.sigmoid import (
    grad_labels_sigmoid_cross_entropy,
    hvp_sigmoid_cross_entropy,
    sigmoid_cross_entropy,
    slope,
)
from meta.mutants.mutant import GRAD_SIGMOID_LABELS, GRAD_SIGMOID_LOSS, HVP_SIGMOID_LOSS, SIGMOID_LOSS, Mutant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS, SLOPE = sigmoid_cross_entropy, slope


def one_expression(x: Array, labels: Array, *, pos_weight: Array | None = None) -> Array:
    """Return the loss as TensorFlow writes it, which subtracts infinities; with weights, as the control does."""
    if pos_weight is not None:
        return LOSS(x, labels, pos_weight=pos_weight)
    return np.maximum(x, 0) - x * labels + np.log1p(np.exp(-np.abs(x)))


def of_clipped(function: Callable[..., Array], reach: float) -> Callable[..., Array]:
    """Return `function` of infinite logits made finite."""
    return lambda x, *rest, **more: function(
        np.where(np.isinf(x), np.copysign(x.dtype.type(reach), x), x), *rest, **more
    )


def poisoned_by_row(x: Array, labels: Array, *, pos_weight: Array | None = None) -> Array:
    """Return NaN in the whole row where one logit is NaN, as a softmax does."""
    loss = LOSS(x, labels, pos_weight=pos_weight)
    return np.where(np.isnan(x).any(axis=-1, keepdims=True), x.dtype.type(np.nan), loss)


SIGMOID_EXTREME_MUTANTS = [
    Mutant(
        "sigmoid_nan_counts_as_zero",
        "A NaN logit of the sigmoid loss counts as 0.",
        "EXT-1",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": lambda x, y, pos_weight=None: LOSS(np.nan_to_num(x), y, pos_weight=pos_weight)},
    ),
    Mutant(
        "sigmoid_nan_has_no_gradient",
        "The gradient at a NaN logit is 0.",
        "EXT-1",
        GRAD_SIGMOID_LOSS,
        {"slope": lambda x, y, pw: np.nan_to_num(SLOPE(x, y, pw))},
    ),
    Mutant(
        "sigmoid_nan_spreads",
        "A NaN logit makes the sigmoid loss of its whole row NaN.",
        "EXT-7",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": poisoned_by_row},
    ),
    Mutant(
        "sigmoid_infinity_clipped",
        "The sigmoid loss takes an infinite logit for 100.",
        "EXT-10",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": of_clipped(LOSS, 100.0)},
    ),
    Mutant(
        "sigmoid_infinity_costs_infinitely",
        "An infinite logit costs +inf, also where the label agrees with it.",
        "EXT-10",
        SIGMOID_LOSS,
        {
            "sigmoid_cross_entropy": lambda x, y, pos_weight=None: np.where(
                np.isinf(x), np.abs(x), LOSS(x, y, pos_weight=pos_weight)
            )
        },
    ),
    Mutant(
        "sigmoid_infinity_without_gradient",
        "The gradient at an infinite logit is 0, as a clamp gives it.",
        "EXT-10",
        GRAD_SIGMOID_LOSS,
        {"slope": lambda x, y, pw: np.where(np.isinf(x), 0, SLOPE(x, y, pw)).astype(x.dtype)},
    ),
    Mutant(
        "sigmoid_labels_of_infinity_clipped",
        "The gradient with respect to the labels takes an infinite logit for 100.",
        "EXT-10",
        GRAD_SIGMOID_LABELS,
        {"grad_labels_sigmoid_cross_entropy": of_clipped(grad_labels_sigmoid_cross_entropy, 100.0)},
    ),
    Mutant(
        "sigmoid_curvature_at_infinity",
        "The second derivative takes an infinite logit for 1.",
        "EXT-10",
        HVP_SIGMOID_LOSS,
        {"hvp_sigmoid_cross_entropy": of_clipped(hvp_sigmoid_cross_entropy, 1.0)},
    ),
    Mutant(
        "sigmoid_infinities_subtracted",
        "max(x, 0) - x y is computed as it is written: NaN for an infinite logit.",
        "EXT-11",
        SIGMOID_LOSS,
        {"sigmoid_cross_entropy": one_expression},
    ),
]
