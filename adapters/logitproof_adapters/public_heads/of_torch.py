"""PyTorch: cross-entropy after a linear layer, and `linear_cross_entropy`, whole and in chunks.

https://docs.pytorch.org/docs/main/generated/torch.nn.functional.linear_cross_entropy.html
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def reference(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    scale: float = 1.0,
    temperature: float = 1.0,
    factors: Any = None,
    divides: bool = False,
) -> Any:
    """`F.cross_entropy` of `F.linear`, times or over what is declared: nothing fused."""
    functional: Any = import_module("torch.nn.functional")
    logits = functional.linear(hidden, weight, bias)
    logits = logits if scale == 1.0 else logits * scale
    logits = logits if temperature == 1.0 else logits / temperature
    if factors is not None:
        logits = logits / factors if divides else logits * factors
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return functional.cross_entropy(logits, labels, **options)


def _fused(chunks: Any, given: Any, options: Any) -> Any:
    hidden, weight, labels, bias = given
    functional: Any = import_module("torch.nn.functional")
    return functional.linear_cross_entropy(hidden, weight, labels, linear_bias=bias, options=chunks, **options)


def linear_cross_entropy(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """`F.linear_cross_entropy` with its reference path."""
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return _fused(None, (hidden, weight, labels, bias), options)


def in_chunks(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """`F.linear_cross_entropy` with chunks of 16 rows, sums as the release chooses them."""
    torch: Any = import_module("torch")
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=16)
    return _fused(chunks, (hidden, weight, labels, bias), options)


def in_chunks_compact(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """`F.linear_cross_entropy` with chunks of 16 rows and the sums of `acc_policy="compact"`."""
    torch: Any = import_module("torch")
    options = {"reduction": reduction, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=16, acc_policy="compact")
    return _fused(chunks, (hidden, weight, labels, bias), options)
