"""The path under which third-party adapters import `sources.source_adapter`."""

from __future__ import annotations

from .sources.source_adapter import (
    LETTERS,
    PRODUCED,
    SourceAdapter,
    arguments,
    behind_producer,
    literal,
    place_of_classes,
)

__all__ = [
    "LETTERS",
    "PRODUCED",
    "SourceAdapter",
    "arguments",
    "behind_producer",
    "literal",
    "place_of_classes",
]
