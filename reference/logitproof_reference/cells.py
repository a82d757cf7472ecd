"""The path under which adapters of third parties import `vocabulary.cells`."""

from __future__ import annotations

from .vocabulary.cells import (
    AXES,
    LABELS,
    LAYOUTS,
    MODES,
    OPS,
    PLAIN,
    PRODUCERS,
    QUANTITIES,
    REDUCES_CLASSES,
    SECOND_GRADIENT,
    SIGMOID,
    TAKES_COTANGENT,
    TAKES_VECTOR,
    Cell,
    Inputs,
    Options,
)

__all__ = [
    "AXES",
    "LABELS",
    "LAYOUTS",
    "MODES",
    "OPS",
    "PLAIN",
    "PRODUCERS",
    "QUANTITIES",
    "REDUCES_CLASSES",
    "SECOND_GRADIENT",
    "SIGMOID",
    "TAKES_COTANGENT",
    "TAKES_VECTOR",
    "Cell",
    "Inputs",
    "Options",
]
