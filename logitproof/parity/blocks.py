"""Rows of a comparison, taken in blocks, so that memory does not grow with the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.parity.request import Request

BLOCK = 1 << 20
"""Numbers of a block: some 4 MiB of float32 a side."""


@dataclass(frozen=True)
class Block:
    """Some rows of everything that is given."""

    a: NDArray[Any]
    b: NDArray[Any]
    logits: NDArray[Any] | None
    tokens: NDArray[np.int64] | None


def blocks(request: Request) -> Iterator[tuple[int, Block]]:
    """Yield the index of the first row and the rows."""
    rows = max(1, BLOCK // max(request.classes, 1))
    streams = [one.blocks(rows) if one is not None else None for one in (request.a, request.b, request.logits)]
    for start in range(0, request.a.shape[0], rows):
        a, b, logits = (next(stream) if stream is not None else None for stream in streams)
        tokens = None if request.tokens is None else request.tokens[start : start + rows]
        assert a is not None
        assert b is not None
        if not request.is_whole and tokens is not None:  # of a side with every class, the sampled one
            a, b = (one[np.arange(len(one)), tokens] if one.ndim == 2 else one for one in (a, b))
        yield start, Block(a, b, logits, tokens)
