"""Mutants that read the wrong label, or the right one wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from meta.mutants.mutant import DISTRIBUTION_LOSS, INDEX_LOSS, Mutant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

TOTAL, CROSS_ENTROPY = control.total, control.cross_entropy


def relabelled(change: Callable[[Array, int], Array]) -> Callable[[Array, Array], Array]:
    """Return the loss of class indices that went through `change(labels, n)`."""
    return lambda x, labels: CROSS_ENTROPY(x, change(labels, x.shape[-1]) if labels.dtype.kind == "i" else labels)


def redistributed(change: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """Return the loss of distributions that went through `change`."""
    return lambda x, q: CROSS_ENTROPY(x, q if q.dtype.kind == "i" else change(q).astype(q.dtype))


def narrow_labels(labels: Array, n: int) -> Array:
    """Keep labels in int8: 128 and more become negative, which count from the end."""
    return labels.astype(np.int8).astype(np.int64) % n


LABEL_MUTANTS = [
    Mutant(
        "next_class",
        "The label reads the class after it.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": relabelled(lambda labels, n: (labels + 1) % n)},
    ),
    Mutant(
        "last_label_clamped",
        "A label at the last class reads the one before.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": relabelled(lambda labels, n: np.minimum(labels, max(n - 2, 0)))},
    ),
    Mutant(
        "label_of_another_row",
        "Each row reads the label of the row before.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": relabelled(lambda labels, _n: np.roll(labels, 1))},
    ),
    Mutant(
        "labels_in_int8",
        "Labels are kept in int8.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": relabelled(narrow_labels)},
    ),
    Mutant(
        "labels_in_float16",
        "Labels pass through float16: beyond 2,048 the odd ones are lost.",
        "VAL-1",
        INDEX_LOSS,
        {
            "cross_entropy": relabelled(
                lambda labels, n: np.minimum(labels.astype(np.float16).astype(np.float64), n - 1).astype(np.int64)
            )
        },
    ),
    Mutant(
        "labels_normalised",
        "Distributions are divided by their sum before the loss.",
        "VAL-1",
        DISTRIBUTION_LOSS,
        {"cross_entropy": redistributed(lambda q: q / np.maximum(TOTAL(q), 0.25))},
    ),
    Mutant(
        "only_the_heaviest_label",
        "A distribution counts at its heaviest class only.",
        "VAL-1",
        DISTRIBUTION_LOSS,
        {"cross_entropy": redistributed(lambda q: np.where(q == q.max(axis=-1, keepdims=True), q, 0))},
    ),
    Mutant(
        "loss_zero_when_saturated",
        "The loss is 0 once the label's probability is above 0.999.",
        "VAL-1",
        INDEX_LOSS,
        {"cross_entropy": lambda x, labels: np.where((loss := CROSS_ENTROPY(x, labels)) < 1e-3, 0, loss)},
    ),
]
