"""Mutants of the losses' options: reductions, class weights and label smoothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.control import options as control_options
from logitproof_reference.vocabulary.cells import Options
from meta.mutants.mutant import DISTRIBUTION_LOSS, GRAD_INDEX_LOSS, INDEX_LOSS, Mutant, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.control.options import LossOptions
    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Parts = dict[str, Callable[..., Any]]

LABELS, UPSTREAM, REDUCED = control_options.effective_labels, control_options.upstream, control_options.reduced
SUM, MEAN, WEIGHT = Options(reduction="sum"), Options(reduction="mean"), Options(weight=True)
WEIGHTED_MEAN = Options(weight=True, reduction="mean")
SMOOTH, SMOOTH_WEIGHTED_MEAN = (
    Options(label_smoothing=0.125),
    Options(label_smoothing=0.125, weight=True, reduction="mean"),
)


def smoothed(mixture: Callable[[Array, float, int], Array]) -> Parts:
    """Return effective labels whose smoothing is `mixture(q, a, n)`."""

    def labels(q: Array, kept: Array, options: LossOptions) -> Array:
        mixed = mixture(q, options.label_smoothing, q.shape[-1]) if options.label_smoothing else q
        return LABELS(mixed.astype(q.dtype), kept, replace(options, label_smoothing=0.0))

    return {"effective_labels": labels}


def weighted(change: Callable[[Array], Array]) -> Parts:
    """Return effective labels made with weights that went through `change`."""

    def labels(q: Array, kept: Array, options: LossOptions) -> Array:
        weight = None if options.weight is None else change(options.weight)
        return LABELS(q, kept, replace(options, weight=weight))

    return {"effective_labels": labels}


def weight_by_row(q: Array, kept: Array, options: LossOptions) -> Array:
    """Take the weight of the row's number instead of that of its class."""
    plain = LABELS(q, kept, replace(options, weight=None))
    if options.weight is None:
        return plain
    return plain * np.resize(options.weight.astype(q.dtype), len(q))[:, None]


def uniform_term_unweighted(q: Array, kept: Array, options: LossOptions) -> Array:
    """Weight the label's own term and not the share that smoothing spreads."""
    alone = LABELS(q, kept, replace(options, label_smoothing=0.0))
    spread = options.label_smoothing * kept[:, None] / q.shape[-1]
    return ((1 - options.label_smoothing) * alone + spread).astype(q.dtype)


def divided_by(count: Callable[[Array, Array, LossOptions], float]) -> Parts:
    """Return a mean that divides by `count(labels, kept, options)`."""
    return {"mean_divisor": count}


def reduced_as(reduction: str, instead: str) -> Parts:
    """Return a reduction that takes one for another, in the value."""

    def result(losses: Array, options: LossOptions, divisor: float) -> Array:
        taken = instead if options.reduction == reduction else options.reduction
        return REDUCED(losses, replace(options, reduction=taken), divisor)

    return {"reduced": result}


def sum_in_bfloat16(losses: Array, options: LossOptions, divisor: float) -> Array:
    """Add the losses up in bfloat16."""
    return REDUCED(losses.astype(ml_dtypes.bfloat16).astype(losses.dtype), options, divisor)


def mean_of_halves(cell: Cell, inputs: Inputs) -> Array:
    """Take the mean of two halves' means, as when gradients are accumulated."""
    if inputs.labels is None or cell.options.reduction != "mean" or cell.quantity != "value":
        return ask_control(cell, inputs)
    half = len(inputs.logits) // 2
    parts = [
        ask_control(cell, replace(inputs, logits=inputs.logits[part], labels=inputs.labels[part]))
        for part in (slice(half), slice(half, None))
    ]
    return (parts[0] + parts[1]) / parts[0].dtype.type(2)


def without(option: str, quantity: str, labels: str) -> Callable[[Cell, Inputs], Array]:
    """Return a mutant that drops an option from one quantity with one form of labels."""
    plain: dict[str, Any] = {"label_smoothing": {"label_smoothing": 0.0}, "weight": {"weight": False}}[option]

    def ask(cell: Cell, inputs: Inputs) -> Array:
        if (cell.quantity, cell.labels) != (quantity, labels):
            return ask_control(cell, inputs)
        weight = None if option == "weight" else inputs.weight
        return ask_control(replace(cell, options=replace(cell.options, **plain)), replace(inputs, weight=weight))

    return ask


OPTION_MUTANTS = [
    Mutant("sum_for_mean", "The mean is the sum.", "OPT-1", INDEX_LOSS, reduced_as("mean", "sum"), options=MEAN),
    Mutant("mean_for_sum", "The sum is the mean.", "OPT-1", INDEX_LOSS, reduced_as("sum", "mean"), options=SUM),
    Mutant(
        "mean_over_elements",
        "The mean divides by rows times classes.",
        "OPT-1",
        DISTRIBUTION_LOSS,
        divided_by(lambda labels, _kept, _options: float(labels.size)),
        options=MEAN,
    ),
    Mutant(
        "gradient_of_sum_for_mean",
        "The gradient of the mean is not divided.",
        "OPT-1",
        GRAD_INDEX_LOSS,
        {"upstream": lambda c, shape, options, divisor: UPSTREAM(c, shape, options, float(divisor != 0))},
        options=MEAN,
    ),
    Mutant(
        "gradient_of_mean_without_cotangent",
        "The gradient of a reduced loss takes the upstream gradient as 1.",
        "OPT-1",
        GRAD_INDEX_LOSS,
        {
            "upstream": lambda c, shape, options, divisor: UPSTREAM(
                c if options.reduction == "none" else np.ones_like(c), shape, options, divisor
            )
        },
        options=MEAN,
    ),
    Mutant(
        "sum_in_bfloat16",
        "The losses are added up in bfloat16.",
        "OPT-1",
        INDEX_LOSS,
        {"reduced": sum_in_bfloat16},
        options=SUM,
    ),
    Mutant(
        "weighted_mean_over_rows",
        "The weighted mean divides by the rows.",
        "OPT-2",
        INDEX_LOSS,
        divided_by(lambda _labels, kept, _options: float(kept.sum())),
        options=WEIGHTED_MEAN,
    ),
    Mutant(
        "weighted_mean_of_halves",
        "The mean is that of two halves' means.",
        "OPT-2",
        INDEX_LOSS,
        ask=mean_of_halves,
        options=WEIGHTED_MEAN,
    ),
    Mutant(
        "weight_by_row",
        "The weight is that of the row's number.",
        "OPT-2",
        INDEX_LOSS,
        {"effective_labels": weight_by_row},
        options=WEIGHT,
    ),
    Mutant("weight_twice", "The weight is applied twice.", "OPT-2", INDEX_LOSS, weighted(np.square), options=WEIGHT),
    Mutant(
        "weight_of_next_class",
        "The weight is that of the next class.",
        "OPT-2",
        INDEX_LOSS,
        weighted(lambda weight: np.roll(weight, 1)),
        options=WEIGHT,
    ),
    Mutant(
        "weights_normalised",
        "The weights are divided by their mean.",
        "OPT-2",
        INDEX_LOSS,
        weighted(lambda weight: weight / weight.mean()),
        options=WEIGHT,
    ),
    Mutant(
        "weight_dropped_for_distributions",
        "Distributions take no weight.",
        "OPT-2",
        DISTRIBUTION_LOSS,
        ask=without("weight", "value", "distributions"),
        options=WEIGHT,
    ),
    Mutant(
        "weight_dropped_from_gradient",
        "The gradient takes no weight.",
        "OPT-2",
        GRAD_INDEX_LOSS,
        ask=without("weight", "grad_logits", "indices"),
        options=WEIGHT,
    ),
    Mutant(
        "smoothing_over_others",
        "Smoothing spreads its share over the other classes, a/(n - 1) each.",
        "OPT-4",
        INDEX_LOSS,
        smoothed(lambda q, a, n: (1 - a) * q + a * (1 - q) / (n - 1)),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_loses_mass",
        "Smoothing gives a/n to the other classes and 1 - a to the label: together less than 1.",
        "OPT-4",
        INDEX_LOSS,
        smoothed(lambda q, a, n: np.where(q == 1, 1 - a, a / n)),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_of_a_shard",
        "Smoothing spreads its share over the first half of the classes, one shard of two.",
        "OPT-4",
        INDEX_LOSS,
        smoothed(lambda q, a, n: (1 - a) * q + np.where(np.arange(n) < n // 2, a / (n // 2), 0)),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_twice",
        "Smoothing is applied twice.",
        "OPT-4",
        INDEX_LOSS,
        smoothed(lambda q, a, n: (1 - a) * ((1 - a) * q + a / n) + a / n),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_dropped",
        "Smoothing does nothing.",
        "OPT-4",
        INDEX_LOSS,
        smoothed(lambda q, _a, _n: q),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_dropped_for_distributions",
        "Distributions are not smoothed.",
        "OPT-4",
        DISTRIBUTION_LOSS,
        ask=without("label_smoothing", "value", "distributions"),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_dropped_from_gradient",
        "The gradient is that of the loss without smoothing.",
        "OPT-4",
        GRAD_INDEX_LOSS,
        ask=without("label_smoothing", "grad_logits", "indices"),
        options=SMOOTH,
    ),
    Mutant(
        "smoothing_unweighted",
        "The share that smoothing spreads takes no weight.",
        "OPT-4",
        INDEX_LOSS,
        {"effective_labels": uniform_term_unweighted},
        options=SMOOTH_WEIGHTED_MEAN,
    ),
]
