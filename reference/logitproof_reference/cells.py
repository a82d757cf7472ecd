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
    TAKES_TANGENT,
    Cell,
    Inputs,
    Options,
)

TAKES_VECTOR = TAKES_TANGENT
"""An older name."""

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
    "TAKES_TANGENT",
    "TAKES_VECTOR",
    "Cell",
    "Inputs",
    "Options",
]
