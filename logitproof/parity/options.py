"""The options of `logitproof parity`, and the request built from them."""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof.errors import UsageError, refuse_unknown
from logitproof.parity.files import is_file_name, stored_array
from logitproof.parity.request import Request, checked
from logitproof.parity.sides import DrawnLogits, framework_side
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.parity.files import Source

MOST_TOKENS = 1 << 31
"""Sampled tokens are held in memory; longer files are refused."""


@dataclass(frozen=True)
class ParityOptions:
    """The words; see `logitproof parity --help`."""

    a: str
    b: str
    logits: str | None = None
    tokens: str | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    rows: int = 64
    classes: int = 32_000
    format: str = "float32"
    seed: int = 0
    within: float | None = None


@contextmanager
def opened(asked: ParityOptions) -> Iterator[Request]:
    """Give the checked request; evaluators of frameworks end with it.

    Raises
    ------
    UsageError
        A file cannot be read, or things do not go together.
    """
    refuse_unknown("format", (asked.format,), FORMATS)
    if asked.within is not None and not (asked.within >= 0.0 and math.isfinite(asked.within)):
        raise UsageError(f"within is {asked.within}; it must be a number of nats, 0 or more")
    computes = [word for word in (asked.a, asked.b) if not is_file_name(word)]
    if computes and asked.temperature != 1.0:
        raise UsageError("a framework computes log-softmax of the logits as they are: leave --temperature out")
    logits = stored_array(asked.logits) if asked.logits else None
    if computes and logits is None:
        logits = DrawnLogits(asked.rows, asked.classes, asked.format, asked.seed)
    tokens = None if asked.tokens is None else _integers(stored_array(asked.tokens))
    with ExitStack() as stack:
        sides: list[Source] = []
        for word in (asked.a, asked.b):
            if is_file_name(word):
                sides.append(stored_array(word))
                continue
            assert logits is not None
            side = framework_side(word, logits)
            stack.enter_context(side.adapter)
            sides.append(side)
        yield checked(Request(sides[0], sides[1], logits, tokens, asked.temperature, asked.top_k, asked.top_p))


def _integers(source: Source) -> NDArray[np.int64]:
    """Return the tokens."""
    if source.dtype.kind not in "iu" or len(source.shape) != 1 or source.shape[0] > MOST_TOKENS:
        raise UsageError(f"{source.label} holds {source.dtype} of shape {source.shape}; tokens are integers (tokens,)")
    return np.concatenate([block.astype(np.int64) for block in source.blocks(1 << 20)])
