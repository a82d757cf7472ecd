"""The path under which third-party adapters import `vocabulary.cells`."""

from __future__ import annotations

from .vocabulary.cells import (
    AXES,
    LABELS,
    LAYOUTS,
    MODES,
    PLAIN,
    SIGMOID,
    Cell,
    Inputs,
    Options,
)
from .vocabulary.ops import MIXED_DERIVATIVE, SECOND_GRADIENT, TAKES_COTANGENT, TAKES_TANGENT
from .vocabulary.ops import OPS as _OPS
from .vocabulary.ops import QUANTITIES as _QUANTITIES
from .vocabulary.producers import PRODUCERS as _PRODUCERS

OPS = tuple(_OPS)
PRODUCERS = tuple(_PRODUCERS)
QUANTITIES = tuple(_QUANTITIES)
REDUCES_CLASSES = frozenset(name for name, op in _OPS.items() if not op.keeps_classes)
TAKES_VECTOR = TAKES_TANGENT
"""What `vocabulary.ops` and `vocabulary.producers` have now, by older names."""

__all__ = [
    "AXES",
    "LABELS",
    "LAYOUTS",
    "MIXED_DERIVATIVE",
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
