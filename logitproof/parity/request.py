"""The inputs of a comparison, and whether they fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.parity.files import Source


@dataclass(frozen=True)
class Request:
    """What is compared.

    Attributes
    ----------
    a, b : Source
        Log-probabilities: of the sampled token (tokens,), or of every class (tokens, classes).
    logits : Source or None
        What both were to be computed from (tokens, classes).
    tokens : int array (tokens,) or None
        The sampled tokens.
    temperature : float
        By which the logits are to be divided, once.
    top_k : int
        The classes that sampling keeps; 0 for all.
    top_p : float
        The share of probability that sampling keeps; 1 for all.
    """

    a: Source
    b: Source
    logits: Source | None = None
    tokens: NDArray[np.int64] | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    @property
    def is_whole(self) -> bool:
        """Whether both sides have every class."""
        return len(self.a.shape) == len(self.b.shape) == 2

    @property
    def classes(self) -> int:
        """Classes of a row; 0 if nothing says."""
        return next((one.shape[1] for one in (self.a, self.b, self.logits) if one and len(one.shape) == 2), 0)


def checked(request: Request) -> Request:
    """Return the request if its parts go together.

    Raises
    ------
    UsageError
        Shapes differ, tokens are missing or out of range, a number is out of its domain.
    """
    _check_shapes(request)
    _check_tokens(request)
    if not (request.temperature > 0.0 and np.isfinite(request.temperature)):
        raise UsageError(f"temperature is {request.temperature}; it must be a positive number")
    if request.top_k < 0 or not 0.0 < request.top_p <= 1.0:
        raise UsageError("top-k must not be negative, and top-p must lie in (0, 1]")
    return request


def _check_shapes(request: Request) -> None:
    a, b, logits = request.a, request.b, request.logits
    for one in filter(None, (b, logits)):
        if one.shape[0] != a.shape[0]:
            raise UsageError(f"{a.label} has {a.shape[0]:,} tokens, {one.label} has {one.shape[0]:,}: compare the same")
        if len(one.shape) == 2 and one.shape[1] != request.classes:
            raise UsageError(f"{one.label} has {one.shape[1]:,} classes, another file has {request.classes:,}")
    for one in filter(None, (a, b, logits)):
        if one.dtype.kind in "iu":
            raise UsageError(f"{one.label} holds integers; log-probabilities are floating-point numbers")
    if logits is not None and len(logits.shape) != 2:
        raise UsageError(f"{logits.label} has shape {logits.shape}; logits are (tokens, classes)")


def _check_tokens(request: Request) -> None:
    a, b, tokens = request.a, request.b, request.tokens
    needs_tokens = not request.is_whole and (request.logits is not None or len(a.shape) != len(b.shape))
    if needs_tokens and tokens is None:
        raise UsageError("one side has the log-probability of one token: name the tokens that were sampled (--tokens)")
    if tokens is not None and tokens.shape != a.shape[:1]:
        raise UsageError(f"there are {tokens.size:,} tokens (--tokens) for {a.shape[0]:,} rows")
    if tokens is not None and request.classes and not ((tokens >= 0) & (tokens < request.classes)).all():
        raise UsageError(f"a token is out of range: tokens lie in [0, {request.classes})")
