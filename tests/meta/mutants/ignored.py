"""Mutants of ignored rows: what they leave in losses, gradients and denominators, and which sentinels are honoured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import options as control_options
from logitproof_reference.vocabulary.cells import PLAIN, Options
from meta.mutants.mutant import GRAD_INDEX_LOSS, INDEX_LOSS, Mutant, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.control.options import LossOptions
    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Query = Callable[[Cell, Inputs], Array]

UPSTREAM, REDUCED = control_options.upstream, control_options.reduced
IGNORE = Options(ignore_index=-100)
IGNORE_255_SUM = Options(ignore_index=255, reduction="sum")
IGNORE_MEAN = Options(ignore_index=-1, reduction="mean")
IGNORE_0_WEIGHTED = Options(ignore_index=0, reduction="mean", weight=True)
IGNORE_SMOOTH = Options(ignore_index=-100, label_smoothing=0.125)
IGNORE_SMOOTH_WEIGHTED = Options(ignore_index=-100, reduction="mean", weight=True, label_smoothing=0.125)


def honouring(sentinel: Callable[[int], bool]) -> Query:
    """Return a mutant that ignores some sentinels alone, and takes others for the nearest class."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        index = cell.options.ignore_index
        if inputs.labels is None or index is None or sentinel(index):
            return ask_control(cell, inputs)
        labels = inputs.labels.clip(0, inputs.logits.shape[inputs.axis] - 1)
        counting = replace(cell, options=replace(cell.options, ignore_index=None))
        return ask_control(counting, replace(inputs, labels=labels))

    return ask


def in_ignored_rows(quantity: str, left: Callable[[Cell, Inputs], Array]) -> Query:
    """Return a mutant in whose unreduced answers ignored rows keep what `left` gives them."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        answer = ask_control(cell, inputs)
        index = cell.options.ignore_index
        if inputs.labels is None or index is None or cell.quantity != quantity or cell.is_scalar:
            return answer
        ignored = inputs.labels == index
        answer[ignored] = left(cell, inputs)[ignored]
        return answer

    return ask


def uniform_term(cell: Cell, inputs: Inputs) -> Array:
    """Return what smoothing alone adds: the loss of the uniform share."""
    share = cell.options.label_smoothing / inputs.logits.shape[-1]
    plain = replace(cell, labels="distributions", options=PLAIN)
    return ask_control(plain, replace(inputs, labels=np.full_like(inputs.logits, share), weight=None))


def probabilities(cell: Cell, inputs: Inputs) -> Array:
    """Return the softmax, the gradient of a row whose label is taken from nothing."""
    plain = replace(cell, op="softmax", labels="none", quantity="value", options=PLAIN)
    return ask_control(plain, replace(inputs, labels=None, cotangent=None, weight=None))


def ruled_out(cell: Cell, inputs: Inputs) -> Array:
    """Rule the ignored class out of the softmax too."""
    index, n = cell.options.ignore_index, inputs.logits.shape[inputs.axis]
    if index is None or not 0 <= index < n:
        return ask_control(cell, inputs)
    logits = np.where(np.arange(n) == index, -np.inf, inputs.logits).astype(inputs.logits.dtype)
    return ask_control(cell, replace(inputs, logits=logits))


def refusing(cell: Cell, inputs: Inputs) -> Array:
    """Look the weight of an ignored label up before ignoring it."""
    if cell.options.ignore_index is not None and inputs.weight is not None and inputs.labels is not None:
        inputs.weight[inputs.labels]
    return ask_control(cell, inputs)


def weight_of_ignored_counted(labels: Array, kept: Array, options: LossOptions) -> float:
    """Sum the weights of ignored labels too, where they are classes."""
    if options.weight is None or labels.dtype.kind != "i":
        return float(kept.sum())
    return float(options.weight[labels.clip(0, len(options.weight) - 1)].astype(np.float64).sum())


IGNORED_MUTANTS = [
    Mutant(
        "mean_over_all_rows",
        "The mean divides by all rows, the ignored ones too.",
        "OPT-3",
        INDEX_LOSS,
        {"mean_divisor": lambda labels, _kept, _options: float(len(labels))},
        options=IGNORE_MEAN,
    ),
    Mutant(
        "weight_of_ignored_counted",
        "The weighted mean divides by the weights of ignored labels too.",
        "OPT-3",
        INDEX_LOSS,
        {"mean_divisor": weight_of_ignored_counted},
        options=IGNORE_0_WEIGHTED,
    ),
    Mutant(
        "gradient_divided_by_all_rows",
        "The gradient of the mean divides by all rows, the value by those kept.",
        "OPT-3",
        GRAD_INDEX_LOSS,
        {"upstream": lambda c, shape, options, divisor: UPSTREAM(c, shape, options, divisor and float(shape[0]))},
        options=IGNORE_MEAN,
    ),
    Mutant(
        "ignored_rows_smoothed",
        "Smoothing adds its uniform term for ignored rows.",
        "OPT-3",
        INDEX_LOSS,
        ask=in_ignored_rows("value", uniform_term),
        options=IGNORE_SMOOTH,
    ),
    Mutant(
        "ignored_rows_uninitialised",
        "The loss of an ignored row is whatever lay in memory.",
        "OPT-3",
        INDEX_LOSS,
        ask=in_ignored_rows("value", lambda _cell, inputs: inputs.logits[:, 0]),
        options=IGNORE,
    ),
    Mutant(
        "ignored_rows_have_gradient",
        "The gradient of an ignored row is p.",
        "OPT-3",
        GRAD_INDEX_LOSS,
        ask=in_ignored_rows("grad_logits", probabilities),
        options=IGNORE,
    ),
    Mutant(
        "negative_sentinels_alone",
        "Only a negative index is ignored, a positive one is taken for the nearest class.",
        "OPT-3",
        INDEX_LOSS,
        ask=honouring(lambda index: index < 0),
        options=IGNORE_255_SUM,
    ),
    Mutant(
        "classes_never_ignored",
        "An index that is a class is not ignored.",
        "OPT-3",
        INDEX_LOSS,
        ask=honouring(lambda index: index < 0 or index >= 10),
        options=IGNORE_0_WEIGHTED,
    ),
    Mutant(
        "sentinel_is_fixed",
        "Only -100 is ignored, whatever was asked.",
        "OPT-3",
        INDEX_LOSS,
        ask=honouring(lambda index: index == -100),
        options=IGNORE_MEAN,
    ),
    Mutant(
        "ignored_class_ruled_out",
        "An ignored class leaves the softmax too.",
        "OPT-3",
        INDEX_LOSS,
        ask=ruled_out,
        options=IGNORE_0_WEIGHTED,
    ),
    Mutant(
        "ignored_label_looked_up",
        "The weight of an ignored label is looked up first, which raises.",
        "OPT-3",
        INDEX_LOSS,
        ask=refusing,
        options=IGNORE_SMOOTH_WEIGHTED,
    ),
    Mutant(
        "mean_over_nothing_is_garbage",
        "The mean over nothing is what lay in memory.",
        "OPT-5",
        INDEX_LOSS,
        {"reduced": lambda losses, options, divisor: REDUCED(losses + (divisor == 0), options, divisor or 4.0)},
        options=IGNORE_MEAN,
    ),
    Mutant(
        "mean_over_nothing_is_infinite",
        "The mean over nothing is 1/0.",
        "OPT-5",
        INDEX_LOSS,
        {
            "reduced": lambda losses, options, divisor: REDUCED(
                losses + losses.dtype.type(divisor == 0), options, divisor
            )
        },
        options=IGNORE_MEAN,
    ),
    Mutant(
        "gradient_over_nothing_is_nan",
        "The gradient of the mean over nothing is NaN.",
        "OPT-5",
        GRAD_INDEX_LOSS,
        ask=lambda cell, inputs: (
            ask_control(cell, inputs)
            + inputs.logits.dtype.type(np.nan if (inputs.labels == cell.options.ignore_index).all() else 0)
            if cell.options.reduction == "mean" and cell.quantity == "grad_logits" and inputs.labels is not None
            else ask_control(cell, inputs)
        ),
        options=IGNORE_MEAN,
    ),
]
