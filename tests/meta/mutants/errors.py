"""Mutants that take what they should refuse: labels out of range, of other shapes and formats, no classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.cells import Options
from meta.mutants.mutant import DISTRIBUTION_LOSS, GRAD_INDEX_LOSS, INDEX_LOSS, LOG_SUM_EXP, Mutant, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]
    Query = Callable[[Cell, Inputs], Array]


def relabelled(relabel: Callable[[Array, int], Array]) -> Query:
    """Return a mutant that makes other labels of the given ones, by class count."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        if inputs.labels is None or inputs.labels.ndim == inputs.logits.ndim:
            return ask_control(cell, inputs)
        labels = relabel(np.asarray(inputs.labels), inputs.logits.shape[inputs.axis])
        return ask_control(cell, replace(inputs, labels=labels))

    return ask


def filled(value: float, *, whole_batch: bool = False) -> Query:
    """Return a mutant that gives rows whose label is out of range, or all beside them, one value."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        labels, classes = np.asarray(inputs.labels), inputs.logits.shape[inputs.axis]
        if cell.is_scalar or labels.shape != inputs.logits.shape[:1]:
            return ask_control(cell, inputs)
        wrong = ((labels < 0) | (labels >= classes)) & (labels != cell.options.ignore_index)
        answer = ask_control(cell, replace(inputs, labels=np.where(wrong, 0, labels)))
        answer[slice(None) if whole_batch and wrong.any() else wrong] = value
        return answer

    return ask


def due_shape(inputs: Inputs) -> tuple[int, ...]:
    """Return the shape that labels must have: that of the logits, for class indices without the class axis."""
    shape = inputs.logits.shape
    if inputs.labels is None or inputs.labels.ndim == len(shape):
        return shape
    return shape[: inputs.axis] + shape[inputs.axis + 1 :]


def reshaped(change: Callable[[Array, tuple[int, ...]], Array]) -> Query:
    """Return a mutant that brings labels of another shape to the due one by `change`."""

    def ask(cell: Cell, inputs: Inputs) -> Array:
        if inputs.labels is None or inputs.labels.shape == due_shape(inputs):
            return ask_control(cell, inputs)
        return ask_control(cell, replace(inputs, labels=change(inputs.labels, due_shape(inputs)).copy()))

    return ask


stretched, broadcast = reshaped(np.resize), reshaped(np.broadcast_to)


def nothing_costs_nothing(cell: Cell, inputs: Inputs) -> Array:
    """Take a sum over no classes for 0."""
    if inputs.logits.shape[inputs.axis]:
        return ask_control(cell, inputs)
    return np.zeros(len(inputs.logits) if cell.options.reduction == "none" else (), inputs.logits.dtype)


def no_classes_refused(cell: Cell, inputs: Inputs) -> Array:
    """Refuse rows without classes, whatever is asked of them."""
    if inputs.logits.shape[inputs.axis]:
        return ask_control(cell, inputs)
    raise ValueError("zero-size array to reduction operation maximum which has no identity")


def counted_in_their_format(labels: Array, classes: int) -> Array:
    """Find the label's place in the flat logits in the labels' own format."""
    if labels.ndim > 1:
        return labels
    with np.errstate(over="ignore"):
        places = np.arange(len(labels)).astype(labels.dtype) * np.array(classes).astype(labels.dtype) + labels
    return (places.astype(np.int64) - np.arange(len(labels)) * classes) % max(classes, 1)


def rounded_to_labels(cell: Cell, inputs: Inputs) -> Array:
    """Round the logits to the format of the labels, and answer in the format of the cell."""
    assert inputs.labels is not None
    rounded = inputs.logits.astype(inputs.labels.dtype).astype(inputs.logits.dtype)
    return ask_control(cell, replace(inputs, logits=rounded, labels=inputs.labels.astype(inputs.logits.dtype)))


def smoothed_by_less_than_nothing(cell: Cell, inputs: Inputs) -> Array:
    """Take label smoothing below 0 for none."""
    options = replace(cell.options, label_smoothing=max(cell.options.label_smoothing, 0.0))
    return ask_control(replace(cell, options=options), inputs)


def negative_bytes_clamped(cell: Cell, inputs: Inputs) -> Array:
    """Take labels of one byte for unsigned: what is below 0 becomes 0, the ignored index too."""
    if inputs.labels is None or inputs.labels.dtype != np.int8:
        return ask_control(cell, inputs)
    return ask_control(cell, replace(inputs, labels=inputs.labels.clip(0)))


def rounded_to_weights(cell: Cell, inputs: Inputs) -> Array:
    """Round the logits to the format of the class weights, and answer in the format of the cell."""
    if inputs.weight is None:
        return ask_control(cell, inputs)
    return ask_control(cell, replace(inputs, logits=inputs.logits.astype(inputs.weight.dtype).astype(cell.format)))


ERROR_MUTANTS = [
    Mutant(
        "label_clamped",
        "A label out of range is the nearest class.",
        "ERR-1",
        INDEX_LOSS,
        ask=relabelled(lambda labels, n: labels.clip(0, n - 1)),
    ),
    Mutant(
        "label_wrapped",
        "A label out of range is taken modulo the class count.",
        "ERR-1",
        INDEX_LOSS,
        ask=relabelled(lambda labels, n: labels % n),
    ),
    Mutant(
        "label_from_the_end",
        "Label -1 is the last class.",
        "ERR-1",
        GRAD_INDEX_LOSS,
        ask=relabelled(lambda labels, n: np.where((-n <= labels) & (labels < 0), labels + n, labels)),
    ),
    Mutant(
        "label_in_int32",
        "Labels are converted to int32 and then clamped from below.",
        "ERR-1",
        INDEX_LOSS,
        ask=relabelled(lambda labels, n: np.where(labels == labels.astype(np.int32), labels, 0)),  # noqa: ARG005 - the table's signature
    ),
    Mutant(
        "label_in_uint8",
        "Labels are converted to uint8 and taken modulo the class count.",
        "ERR-1",
        INDEX_LOSS,
        ask=relabelled(lambda labels, n: labels.astype(np.uint8).astype(np.int64) % n),
    ),
    Mutant("label_ignored", "A row whose label is out of range costs 0.", "ERR-1", INDEX_LOSS, ask=filled(0.0)),
    Mutant(
        "label_without_gradient",
        "A row whose label is out of range has gradient 0.",
        "ERR-1",
        GRAD_INDEX_LOSS,
        ask=filled(0.0),
    ),
    Mutant(
        "label_spoils_the_batch",
        "One label out of range makes every row NaN.",
        "ERR-1",
        INDEX_LOSS,
        ask=filled(np.nan, whole_batch=True),
    ),
    Mutant("labels_repeated", "Labels are repeated to the number of rows.", "ERR-2", GRAD_INDEX_LOSS, ask=stretched),
    Mutant("labels_broadcast", "One label is taken for all rows.", "ERR-2", INDEX_LOSS, ask=broadcast),
    Mutant("classes_broadcast", "Labels of one class are taken for all.", "ERR-2", DISTRIBUTION_LOSS, ask=broadcast),
    Mutant(
        "floating_labels_truncated",
        "Floating-point class indices are truncated.",
        "ERR-3",
        INDEX_LOSS,
        ask=relabelled(lambda labels, n: labels.astype(np.int64)),  # noqa: ARG005 - the table's signature
    ),
    Mutant(
        "negative_smoothing_taken",
        "Label smoothing below 0 is taken for none.",
        "ERR-3",
        INDEX_LOSS,
        ask=smoothed_by_less_than_nothing,
    ),
    Mutant(
        "ignored_byte_clamped",
        "Labels of one byte are taken for unsigned: a negative ignored index is class 0.",
        "IO-6",
        INDEX_LOSS,
        ask=negative_bytes_clamped,
        options=Options(ignore_index=-1, reduction="mean"),
    ),
    Mutant(
        "logits_in_the_weights_format",
        "Logits are rounded to the format of the class weights.",
        "IO-6",
        INDEX_LOSS,
        ask=rounded_to_weights,
        options=Options(weight=True),
    ),
    Mutant("no_classes_refused", "No classes are refused.", "ERR-5", LOG_SUM_EXP, ask=no_classes_refused),
    Mutant(
        "mean_of_no_classes_cost_0",
        "The mean over class indices of no classes is 0.",
        "ERR-4",
        INDEX_LOSS,
        ask=nothing_costs_nothing,
        options=Options(reduction="mean"),
    ),
    Mutant("no_classes_cost_0", "The loss of no classes is 0.", "ERR-4", INDEX_LOSS, ask=nothing_costs_nothing),
    Mutant("no_classes_sum_to_0", "Log-sum-exp of no classes is 0.", "ERR-4", LOG_SUM_EXP, ask=nothing_costs_nothing),
    Mutant(
        "label_place_in_int8",
        "The place of the label is computed in the labels' own format.",
        "IO-6",
        INDEX_LOSS,
        ask=relabelled(counted_in_their_format),
    ),
    Mutant(
        "logits_in_the_labels_format",
        "Logits are rounded to the format of their labels.",
        "IO-6",
        DISTRIBUTION_LOSS,
        ask=rounded_to_labels,
    ),
]
