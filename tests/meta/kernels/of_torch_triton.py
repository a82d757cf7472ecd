"""Triton kernels under its interpreter (``TRITON_INTERPRET=1``), written before any was tried."""

from __future__ import annotations

import threading
from typing import Any

import torch
import triton
import triton.language as tl

from meta.kernels.torch_parts import LOSS, differentiated, fault, right, wide

Tensor = torch.Tensor
LARGEST = 1 << 20
LOCK = threading.Lock()


@triton.jit
def losses(  # noqa: PLR0917 - as Triton takes them
    out: Any,
    sums: Any,
    x: Any,
    y: Any,
    stride: Any,
    classes: Any,
    rows: Any,
    other: tl.constexpr,
    together: tl.constexpr,
    width: tl.constexpr,
) -> None:
    """Write each row's loss and log-sum-exp, in one pass over its blocks; `other` stands behind the row."""
    row = tl.program_id(0).to(tl.int64) * together + tl.arange(0, together)
    is_row = row < rows
    label = tl.load(y + row, mask=is_row, other=0)
    top = tl.full((together,), -float("inf"), tl.float32)
    total = tl.zeros((together,), tl.float32)
    for start in range(0, classes, width):
        column = start + tl.arange(0, width)
        inside = is_row[:, None] & (column < classes)[None, :]
        logits = tl.load(x + row[:, None] * stride + column[None, :], mask=inside, other=other).to(tl.float32)
        new = tl.maximum(top, tl.max(logits, 1))
        safe = tl.where(new == -float("inf"), 0.0, new)
        total = total * tl.exp(top - safe) + tl.sum(tl.exp(logits - safe[:, None]), 1)
        top = new
    safe = tl.where(top == -float("inf"), 0.0, top)
    picked = tl.load(x + row * stride + label, mask=is_row, other=0.0).to(tl.float32)
    tl.store(out + row, tl.log(total) - (picked - safe), mask=is_row)
    tl.store(sums + row, safe + tl.log(total), mask=is_row)


def _forward(x: Tensor, y: Tensor, other: float) -> Any:
    if x.dtype == torch.float64:
        raise TypeError("float64 is not supported")
    held, labels = x.contiguous(), y.contiguous()
    rows, n = held.shape
    out, sums = torch.empty(rows), torch.empty(rows)
    width = min(triton.next_power_of_2(n), 4096)
    together = max(1, min(1024, LARGEST // width))
    if rows:
        with LOCK:
            losses[(triton.cdiv(rows, together),)](out, sums, held, labels, n, n, rows, other, together, width)
    t = wide(x) - wide(x).amax(1, keepdim=True)
    return out.to(x.dtype), (t.exp() / t.exp().sum(1, keepdim=True), y)


def _backward(c: Tensor, p: Tensor, y: Tensor) -> Any:
    g = p.scatter_add(1, y[:, None], torch.full_like(p[:, :1], -1))
    return (g * wide(c)[:, None]).to(c.dtype), None


_MASKED = differentiated(lambda x, y: _forward(x, y, -float("inf")), _backward)
_ZEROS = differentiated(lambda x, y: _forward(x, y, 0.0), _backward)


@right(LOSS, "Triton")
def blocks_in_triton(x: Tensor, y: Tensor) -> Any:
    return _MASKED(x, y)


@fault(LOSS, "Triton")
def zeros_behind_the_row_in_triton(x: Tensor, y: Tensor) -> Any:
    return _ZEROS(x, y)
