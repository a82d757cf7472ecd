"""PyTorch's own calls on the rows of a sweep, timed where they run: what a sweep is compared with. It travels."""

from __future__ import annotations

import time

from logitproof_adapters.sources.two_logits import logits_of

PIECES, COUNT = 64, 1 << 18
"""Pieces of rows, spread evenly over all 2**32, and the rows of each."""

SHIFT = 0x0012_0000
"""Of the first row of each piece from the start of its part."""

_timed = [0]


def starts() -> list[int]:
    """Return the first row of each piece."""
    return [piece * ((1 << 32) // PIECES) + SHIFT for piece in range(PIECES)]


def processor_seconds() -> float:
    """Return what this process has used."""
    return time.process_time()


def log_softmax() -> float:
    """Return the CPU time of torch.log_softmax of the next piece."""
    return _seconds("log_softmax")


def softmax() -> float:
    """Return the CPU time of torch.softmax of the next piece."""
    return _seconds("softmax")


def _seconds(name: str) -> float:
    import torch  # noqa: PLC0415 - only in a target

    logits = torch.from_numpy(logits_of(name, "float32", starts()[_timed[0] % PIECES], COUNT))
    _timed[0] += 1
    start = time.process_time()
    getattr(torch, name)(logits, 1)
    return time.process_time() - start
