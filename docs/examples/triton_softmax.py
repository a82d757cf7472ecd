"""Softmax in Triton, a program for a few rows, with a backward pass of its own.

Check it on a machine without a GPU (Triton's interpreter runs it with NumPy)::

    TRITON_INTERPRET=1 logitproof check triton_softmax:softmax --op softmax --framework torch --widest 257

Try a fault: load what lies past the row with ``other=0.0`` in place of ``-float("inf")``.
"""

import threading

import torch
import triton
import triton.language as tl

LARGEST = 1 << 20
"""Most elements of a block in Triton."""

LOCK = threading.Lock()
"""Triton's interpreter is not made for threads; compiled kernels need no lock."""

FORMATS = (torch.float16, torch.bfloat16, torch.float32)


@triton.jit
def forward_kernel(out, x, rows, classes, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Write the softmax of `ROWS` rows; computes in float32."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, WIDTH)[None, :]
    inside = (row < rows) & (column < classes)
    place = row.to(tl.int64) * classes + column
    logits = tl.load(x + place, mask=inside, other=-float("inf")).to(tl.float32)
    e = tl.exp(logits - tl.max(logits, axis=1)[:, None])
    tl.store(out + place, e / tl.sum(e, axis=1)[:, None], mask=inside)


@triton.jit
def backward_kernel(out, p, cotangent, rows, classes, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """Write p (c - sum p c) of `ROWS` rows."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, WIDTH)[None, :]
    inside = (row < rows) & (column < classes)
    place = row.to(tl.int64) * classes + column
    shares = tl.load(p + place, mask=inside, other=0.0).to(tl.float32)
    c = tl.load(cotangent + place, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + place, shares * (c - tl.sum(shares * c, axis=1)[:, None]), mask=inside)


def launch(kernel, *tensors):
    """Call a kernel on contiguous tensors; return what it writes."""
    held = [tensor.contiguous() for tensor in tensors]
    out = torch.empty_like(held[0])
    rows, classes = out.shape
    width = triton.next_power_of_2(classes)
    together = max(1, min(1024, LARGEST // width))
    if rows:
        with LOCK:
            kernel[(triton.cdiv(rows, together),)](out, *held, rows, classes, together, width)
    return out


class Softmax(torch.autograd.Function):
    """The operation, and its derivative from the shares that it saves in float32."""

    @staticmethod
    def forward(ctx, x):
        """Return the softmax of the rows."""
        if x.dtype not in FORMATS:
            raise TypeError(f"{x.dtype} is not supported")
        shares = launch(forward_kernel, x.float())
        ctx.save_for_backward(shares)
        return shares.to(x.dtype)

    @staticmethod
    def backward(ctx, cotangent):
        """Return the vector-Jacobian product."""
        (shares,) = ctx.saved_tensors
        return launch(backward_kernel, shares, cotangent.float()).to(cotangent.dtype)


def softmax(x):
    """Return the softmax of each row."""
    return Softmax.apply(x)
