"""Mutants that are wrong in one mode alone, where eager mode is right: mapped over rows, or traced to a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from meta.mutants.mutant import GRAD_INDEX_LOSS, INDEX_LOSS, SOFTMAX, Mutant, ask_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]

SHARES = control.shares


def maximum_of_all_rows(x: Array) -> Array:
    """Take the maximum of the batch, as a reduction that loses the mapped axis."""
    return np.broadcast_to(x.max(), (*x.shape[:-1], 1))


def first_cotangent_for_all(cell: Cell, inputs: Inputs) -> Array:
    """Read the cotangent as one that is not mapped over."""
    assert inputs.cotangent is not None
    first = np.broadcast_to(inputs.cotangent[:1], inputs.cotangent.shape)
    return ask_control(cell, replace(inputs, cotangent=first))


def in_float32(cell: Cell, inputs: Inputs) -> Array:
    """Answer in float32, whatever the format."""
    return ask_control(cell, inputs).astype(np.float32)


def nan_where_labels_are_short(cell: Cell, inputs: Inputs) -> Array:
    """Answer NaN if there are fewer labels than rows."""
    rows = inputs.logits.shape[0]
    if inputs.labels is not None and len(inputs.labels) < rows:
        return np.full(rows, np.nan, inputs.logits.dtype)
    return ask_control(cell, inputs)


MODE_MUTANTS = [
    Mutant(
        "vmap_maximum_of_batch",
        "Mapped over rows, the maximum is that of the batch.",
        "EXT-7",
        INDEX_LOSS,
        {"top": maximum_of_all_rows},
        mode="vmap",
    ),
    Mutant(
        "vmap_cotangent_not_mapped",
        "Mapped over rows, each gradient is scaled by the first row's cotangent.",
        "GRD-1",
        GRAD_INDEX_LOSS,
        ask=first_cotangent_for_all,
        mode="vmap",
        profile="full",
    ),
    Mutant(
        "vmap_takes_bad_label",
        "Mapped over rows, a label out of range, which eager mode refuses, is answered.",
        "MOD-3",
        INDEX_LOSS,
        program="print('float32', [2.25])",
        mode="vmap",
        profile="full",
    ),
    Mutant(
        "vmap_makes_bad_label_nan",
        "Mapped over rows, a label out of range, which eager mode refuses, makes its row NaN.",
        "MOD-4",
        INDEX_LOSS,
        program="print('float32', [float('nan')])",
        mode="vmap",
        profile="full",
    ),
    Mutant(
        "compiled_fills_short_labels",
        "Compiled, labels of too few rows, which eager mode refuses, make every loss NaN.",
        "MOD-4",
        INDEX_LOSS,
        ask=nan_where_labels_are_short,
        mode="compiled",
    ),
    Mutant(
        "graph_clips",
        "Within a graph, probabilities are clipped before the logarithm.",
        "VAL-1",
        INDEX_LOSS,
        {"log_softmax": lambda x: np.log(np.clip(SHARES(x), 1e-7, 1 - 1e-7)).astype(x.dtype)},
        mode="graph",
    ),
    Mutant(
        "graph_in_float32",
        "Within a graph, bfloat16 is answered in float32.",
        "MOD-3",
        SOFTMAX,
        ask=in_float32,
        mode="graph",
        format="bfloat16",
        profile="full",
    ),
]
