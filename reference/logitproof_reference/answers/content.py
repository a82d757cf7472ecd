"""The digest of a request: equal digests mean equal answers, to the bit."""

from __future__ import annotations

import platform
from dataclasses import fields
from functools import cache
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from logitproof_reference.oracle.request import Request

BYTES = 32
"""Length of a digest."""

COMPUTED_BY = ("vocabulary", "numerics", "oracle", "bounds")
"""The sub-packages whose code decides an answer."""


def content_of(request: Request) -> bytes:
    """Return the digest of a request: its op, quantity, arrays and options.

    Numbers count, not formats: rows of bfloat16 are rows of float32, and have one exact answer.
    """
    digest = blake2b(f"{request.op} {request.quantity} {request.divisor}".encode(), digest_size=BYTES)
    options = {field.name: getattr(request.options, field.name) for field in fields(request.options)}
    given = {"labels": request.labels, "cotangent": request.cotangent, "tangent": request.tangent, **options}
    for name, part in {"logits": request.logits, **given}.items():
        if isinstance(part, np.ndarray):
            array = part if part.dtype.kind == "i" else part.astype(np.float64, copy=False)
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        else:
            digest.update(f"{name} {part!r}".encode())
    return digest.digest()


def key_of(content: bytes, *words: object) -> str:
    """Return the name under which what the words say of a content is kept, for this version of the code."""
    return blake2b(content + " ".join([version(), *map(repr, words)]).encode(), digest_size=BYTES).hexdigest()


@cache
def version() -> str:
    """Return a digest of the code that computes answers."""
    digest = blake2b(digest_size=BYTES)
    package = Path(__file__).resolve().parents[1]
    for path in sorted(path for part in COMPUTED_BY for path in (package / part).glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def machine() -> str:
    """Return what NumPy chooses its exp and log by, which bounds call: their last bits differ; no exact answer's do."""
    core = import_module("numpy._core._multiarray_umath")  # NumPy tells it nowhere else without printing
    found: dict[str, bool] = getattr(core, "__cpu_features__", {})
    return " ".join([np.__version__, platform.machine(), *sorted(name for name, present in found.items() if present)])
