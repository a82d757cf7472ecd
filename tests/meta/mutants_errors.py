"""Mutants that take what they should refuse: labels out of range, of other shapes and formats, no classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from meta.mutant import DISTRIBUTION_LOSS, GRAD_INDEX_LOSS, INDEX_LOSS, LOG_SUM_EXP, Mutant, ask_control

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.cells import Inputs

    Array = NDArray[Any]
    Ask = Callable[[str, str, Inputs], Array]


def relabelled(relabel: Callable[[Array, int], Array]) -> Ask:
    """Return a mutant that makes other labels of the given ones, by class count."""

    def ask(op: str, quantity: str, inputs: Inputs) -> Array:
        labels = relabel(np.asarray(inputs.labels), inputs.logits.shape[inputs.axis])
        return ask_control(op, quantity, replace(inputs, labels=labels))

    return ask


def filled(value: float, *, whole_batch: bool = False) -> Ask:
    """Return a mutant that gives rows whose label is out of range, or all beside them, one value."""

    def ask(op: str, quantity: str, inputs: Inputs) -> Array:
        labels, classes = np.asarray(inputs.labels), inputs.logits.shape[inputs.axis]
        if labels.shape != inputs.logits.shape[:1]:
            return ask_control(op, quantity, inputs)
        wrong = (labels < 0) | (labels >= classes)
        answer = ask_control(op, quantity, replace(inputs, labels=np.where(wrong, 0, labels)))
        answer[slice(None) if whole_batch and wrong.any() else wrong] = value
        return answer

    return ask


def stretched(op: str, quantity: str, inputs: Inputs) -> Array:
    """Repeat or cut the labels to the number of rows."""
    labels = np.asarray(inputs.labels)
    shape = inputs.logits.shape[: labels.ndim]
    return ask_control(op, quantity, replace(inputs, labels=np.resize(labels, shape)))


def broadcast(op: str, quantity: str, inputs: Inputs) -> Array:
    """Stretch labels by NumPy's rules."""
    labels = np.asarray(inputs.labels)
    shape = inputs.logits.shape[: labels.ndim]
    return ask_control(op, quantity, replace(inputs, labels=np.broadcast_to(labels, shape).copy()))


def nothing_costs_nothing(op: str, quantity: str, inputs: Inputs) -> Array:
    """Take a sum over no classes for 0."""
    if inputs.logits.shape[inputs.axis]:
        return ask_control(op, quantity, inputs)
    return np.zeros(len(inputs.logits), inputs.logits.dtype)


def counted_in_their_format(labels: Array, classes: int) -> Array:
    """Find the label's place in the flat logits in the labels' own format."""
    with np.errstate(over="ignore"):
        places = np.arange(len(labels)).astype(labels.dtype) * np.array(classes).astype(labels.dtype) + labels
    return (places.astype(np.int64) - np.arange(len(labels)) * classes) % classes


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
        ask=relabelled(lambda labels, n: labels.astype(np.uint8) % n),
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
    Mutant("no_classes_cost_0", "The loss of no classes is 0.", "ERR-4", INDEX_LOSS, ask=nothing_costs_nothing),
    Mutant("no_classes_sum_to_0", "Log-sum-exp of no classes is 0.", "ERR-4", LOG_SUM_EXP, ask=nothing_costs_nothing),
    Mutant(
        "label_place_in_int8",
        "The place of the label is computed in the labels' own format.",
        "IO-6",
        INDEX_LOSS,
        ask=relabelled(counted_in_their_format),
    ),
]
