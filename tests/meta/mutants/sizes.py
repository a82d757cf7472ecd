"""Mutants that are wrong for some sizes, some bits, or some place of the class axis only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.control import softmax as control
from logitproof_reference.vocabulary.cells import Options
from meta.mutants.gradients import plain_grad_softmax
from meta.mutants.mutant import (
    DISTRIBUTION_LOSS,
    GRAD_INDEX_LOSS,
    GRAD_LABELS,
    GRAD_LOG_SOFTMAX,
    GRAD_SIGMOID_LOSS,
    GRAD_SOFTMAX,
    HVP_LOG_SUM_EXP,
    INDEX_LOSS,
    JVP_LOG_SUM_EXP,
    LOG_SOFTMAX,
    SIGMOID_LOSS,
    SOFTMAX,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Query = Callable[[Cell, Inputs], Array]

WEIGHTED, SPATIAL = Options(weight=True), Options(ignore_index=0, reduction="mean", weight=True)
SOFTMAX_OF = control.softmax


def with_bits_of_bfloat16(name: str) -> Query:
    """Return a mutant that takes one of its inputs in bfloat16."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        given = getattr(inputs, name)
        if given is None or given.dtype.kind in "iu":
            return ask_control(cell, inputs)
        changed: dict[str, Any] = {name: given.astype(ml_dtypes.bfloat16).astype(given.dtype)}
        return ask_control(cell, replace(inputs, **changed))

    return ask


def where(applies: Callable[[Cell, Inputs], bool], change: Callable[[Array], Array]) -> Query:
    """Return a mutant whose answers are changed where something applies."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        answer = ask_control(cell, inputs)
        return change(answer).astype(answer.dtype) if applies(cell, inputs) else answer

    return ask


def rows_of(inputs: Inputs) -> int:
    """Return how many rows there are."""
    return inputs.logits.size // max(inputs.logits.shape[inputs.axis], 1)


def two_classes_by_sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-d)) of the difference of two logits, which overflows, and its rest to one."""
    if x.shape[-1] != 2:
        return SOFTMAX_OF(x)
    first = 1 / (1 + np.exp(x[..., 1:] - x[..., :1]))
    return np.concatenate([first, 1 - first], axis=-1)


def labels_rolled_past_1024(cell: Cell, inputs: Inputs) -> Array:
    """Take every label from the row before where there are more than 1,024."""
    if inputs.labels is None or rows_of(inputs) <= 1024:
        return ask_control(cell, inputs)
    return ask_control(cell, replace(inputs, labels=np.roll(inputs.labels, 1, axis=0)))


def last_nan_lost(answer: Array) -> Array:
    """Make the NaNs of the last row 0."""
    if not answer.ndim or not len(answer):
        return answer
    changed = answer.copy()
    changed[-1] = np.nan_to_num(changed[-1], posinf=np.inf, neginf=-np.inf)
    return changed


def ignored_class_0_kept(cell: Cell, inputs: Inputs) -> Array:
    """Take an ignored class 0 for no ignored class, as `if ignore_index:` does."""
    index = cell.options.ignore_index or None
    return ask_control(replace(cell, options=replace(cell.options, ignore_index=index)), inputs)


def ignored_by_last_axis_alone(cell: Cell, inputs: Inputs) -> Array:
    """Ignore no row where the class axis is not the last."""
    options = cell.options if cell.axis == "last" else replace(cell.options, ignore_index=None)
    return ask_control(replace(cell, options=options), inputs)


def zero_weights_taken_for_1(cell: Cell, inputs: Inputs) -> Array:
    """Take a weight of 0 for none, as `weight or 1` does."""
    if inputs.weight is None:
        return ask_control(cell, inputs)
    weight = np.where(inputs.weight == 0, 1, inputs.weight).astype(inputs.weight.dtype)
    return ask_control(cell, replace(inputs, weight=weight))


def mean_of_1024_rows(cell: Cell, inputs: Inputs) -> Array:
    """Divide a mean by no more than 1,024."""
    answer = ask_control(cell, inputs)
    is_mean = cell.options.reduction == "mean" and cell.labels == "distributions"
    return answer * answer.dtype.type(max(rows_of(inputs) / 1024, 1)) if is_mean else answer


def total_in_bfloat16(x: Array) -> Array:
    """Return the sum, rounded to bfloat16 at every step."""
    total = x[..., :1]
    for j in range(1, x.shape[-1]):
        total = (total + x[..., j : j + 1]).astype(ml_dtypes.bfloat16).astype(x.dtype)
    return total


SIZE_MUTANTS = [
    *(
        Mutant(
            f"{name}_summed_in_bfloat16",
            "Sums of float16 numbers are rounded to bfloat16 at every step.",
            clause,
            question,
            {"total": total_in_bfloat16, "grad_softmax": plain_grad_softmax},
            format="float16",
            profile="full",
        )
        for name, clause, question in (
            ("gradient", "GRD-2", GRAD_SOFTMAX),
            ("label_gradient", "GLB-2", GRAD_LABELS),
            ("tangent", "JVP-2", JVP_LOG_SUM_EXP),
            ("hessian", "HVP-2", HVP_LOG_SUM_EXP),
        )
    ),
    Mutant(
        "two_classes_by_sigmoid",
        "Two classes are answered by a sigmoid and its rest to one: a small probability cancels.",
        "VAL-1",
        SOFTMAX,
        {"softmax": two_classes_by_sigmoid},
    ),
    Mutant(
        "row_alone_squeezed",
        "A single row is taken for a vector of rows, and every loss but the first is 0.",
        "VAL-1",
        SIGMOID_LOSS,
        ask=where(lambda _, inputs: rows_of(inputs) == 1, lambda answer: answer * np.arange(answer.shape[-1]) // 9),
    ),
    Mutant(
        "row_alone_unscaled",
        "The gradient of a single row forgets its upstream gradient.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        ask=where(lambda _, inputs: rows_of(inputs) == 1, np.sign),
    ),
    Mutant(
        "labels_rolled_past_1024",
        "In batches of more than 1,024 rows each label is that of the row before.",
        "VAL-1",
        INDEX_LOSS,
        ask=labels_rolled_past_1024,
    ),
    Mutant(
        "last_nan_lost",
        "NaN in the last row becomes 0.",
        "EXT-1",
        LOG_SOFTMAX,
        ask=where(lambda *_: True, last_nan_lost),
    ),
    Mutant(
        "labels_in_bfloat16",
        "Distributions are taken in bfloat16.",
        "VAL-1",
        DISTRIBUTION_LOSS,
        ask=with_bits_of_bfloat16("labels"),
    ),
    Mutant(
        "cotangent_in_bfloat16",
        "The upstream gradient is taken in bfloat16.",
        "GRD-1",
        GRAD_LOG_SOFTMAX,
        ask=with_bits_of_bfloat16("cotangent"),
    ),
    Mutant(
        "sigmoid_labels_in_bfloat16",
        "The sigmoid loss takes its labels in bfloat16.",
        "GRD-1",
        GRAD_SIGMOID_LOSS,
        ask=with_bits_of_bfloat16("labels"),
    ),
    Mutant(
        "tangent_in_bfloat16",
        "The tangent is taken in bfloat16.",
        "JVP-1",
        JVP_LOG_SUM_EXP,
        ask=with_bits_of_bfloat16("tangent"),
    ),
    Mutant(
        "ignored_class_0_kept",
        "An ignored class 0 is taken for none.",
        "OPT-3",
        INDEX_LOSS,
        ask=ignored_class_0_kept,
        options=SPATIAL,
    ),
    Mutant(
        "ignored_by_last_axis_alone",
        "With the class axis in the middle no row is ignored.",
        "OPT-3",
        GRAD_INDEX_LOSS,
        ask=ignored_by_last_axis_alone,
        axis="middle",
        options=SPATIAL,
    ),
    Mutant(
        "zero_weights_taken_for_1",
        "A class weight of 0 counts as 1.",
        "OPT-2",
        INDEX_LOSS,
        ask=zero_weights_taken_for_1,
        options=WEIGHTED,
    ),
    Mutant(
        "mean_of_1024_rows",
        "A mean divides by no more than 1,024.",
        "OPT-1",
        DISTRIBUTION_LOSS,
        ask=mean_of_1024_rows,
        options=Options(reduction="mean"),
        profile="full",
    ),
]
