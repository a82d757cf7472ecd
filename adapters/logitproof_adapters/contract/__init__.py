"""What an adapter is and states of its framework; everything a third party needs is imported from here."""

from __future__ import annotations

from .adapter import (
    Adapter,
    Description,
    broadcast_labels,
    declared_arithmetic,
    dialect,
    entries,
    floating_indices,
    foresee,
    ignored_labels,
    keeps_graph,
    label_columns,
    mixed_derivatives,
    most_axes,
    negative_strides,
    one_dimension,
    producers,
    quick_rows,
    run_alone,
    run_program,
)
from .device import CPU, DeviceError
from .dialect import DISTRIBUTIONS, INDICES, SIGMOID, Dialect, Loss

__all__ = [
    "CPU",
    "DISTRIBUTIONS",
    "INDICES",
    "SIGMOID",
    "Adapter",
    "Description",
    "DeviceError",
    "Dialect",
    "Loss",
    "broadcast_labels",
    "declared_arithmetic",
    "dialect",
    "entries",
    "floating_indices",
    "foresee",
    "ignored_labels",
    "keeps_graph",
    "label_columns",
    "mixed_derivatives",
    "most_axes",
    "negative_strides",
    "one_dimension",
    "producers",
    "quick_rows",
    "run_alone",
    "run_program",
]
