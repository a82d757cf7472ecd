"""Kernels of PyTorch, faulty ones and correct ones, written before any was tried."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from meta.kernels.corpus import Planted

LOSS = "softmax_cross_entropy"
IGNORED, BLOCK, CHUNK = -100, 1024, 16
Tensor = torch.Tensor


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype.itemsize == 2 else x


def _value(x: Tensor, y: Tensor) -> Tensor:
    w = _wide(x)
    t = w - w.amax(1, keepdim=True).detach()
    return t.exp().sum(1).log() - t.gather(1, y[:, None])[:, 0]


def _gradient(x: Tensor, y: Tensor) -> Tensor:
    g = torch.softmax(_wide(x), 1)
    return g.scatter_add(1, y[:, None], torch.full_like(g[:, :1], -1))


class _ScaledInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.gradient = _gradient(x, y)
        return _value(x, y).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        return ctx.gradient.mul_(_wide(c)[:, None]).to(c.dtype), None


def saved_gradient_scaled_in_place(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor = _ScaledInPlace.apply(x, y)
    return found


class _Saved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(_gradient(x, y))
        return _value(x, y).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, c: Tensor) -> Any:
        return (ctx.saved_tensors[0] * _wide(c)[:, None]).to(c.dtype), None


def gradient_saved_in_the_forward_pass(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor = _Saved.apply(x, y)
    return found


class _OfNeighbours(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        rows, n = x.shape
        reach = x.storage_offset() + (rows - 1) * abs(x.stride(0)) + n
        fits = reach <= x.untyped_storage().nbytes() // x.element_size()
        read = x.as_strided((rows, n), (x.stride(0), 1)) if fits else x
        p = torch.softmax(_wide(read), 1)
        ctx.save_for_backward(p)
        return p.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        (p,), g = ctx.saved_tensors, _wide(c)
        return (p * (g - (p * g).sum(1, keepdim=True))).to(c.dtype)


def classes_taken_for_neighbours_in_memory(x: Tensor) -> Tensor:
    found: Tensor = _OfNeighbours.apply(x)
    return found


class _WithoutItsLogSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, q: Tensor) -> Tensor:
        logs = torch.log_softmax(_wide(x), 1)
        ctx.save_for_backward(x, q, logs)
        return -torch.where(q == 0, 0, _wide(q) * logs).sum(1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        x, q, logs = ctx.saved_tensors
        g, w = _wide(c)[:, None], _wide(x)
        of_logits = g * (logs.exp() * _wide(q).sum(1, keepdim=True) - _wide(q))
        return of_logits.to(x.dtype), (g * (w.amax(1, keepdim=True) - w)).to(q.dtype)


def gradient_of_labels_without_the_log_sum(x: Tensor, q: Tensor) -> Tensor:
    found: Tensor = _WithoutItsLogSum.apply(x, q)
    return found


class _MeanOfKept(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        kept = y != IGNORED
        own = torch.where(kept, y, 0)
        ctx.save_for_backward(torch.where(kept[:, None], _gradient(x, own), 0))
        return (torch.where(kept, _value(x, own), 0).sum() / kept.sum()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        (g,) = ctx.saved_tensors
        return (g * _wide(c) / len(g)).to(c.dtype), None


def gradient_of_the_mean_over_ignored_rows_too(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor = _MeanOfKept.apply(x, y)
    return found


def last_partial_block_not_rescaled(x: Tensor) -> Tensor:
    w = _wide(x)
    top, total = torch.full_like(w[:, 0], -torch.inf), torch.zeros_like(w[:, 0])
    for start in range(0, w.shape[1], BLOCK):
        block = w[:, start : start + BLOCK]
        new = torch.maximum(top, block.amax(1)).detach()
        safe = torch.where(new == -torch.inf, 0, new)
        scale = (top - safe).exp() if block.shape[1] == BLOCK or not start else torch.ones_like(safe)
        total = total * scale + (block - safe[:, None]).exp().sum(1)
        top = new
    return (torch.where(top.isinf(), 0, top) + total.log()).to(x.dtype)


class _OfWideRowsInHalf(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        p = torch.softmax(_wide(x), 1)
        ctx.save_for_backward(p.to(torch.float16) if x.shape[1] > 65536 else p, y)
        return _value(x, y).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        p, y = ctx.saved_tensors
        g = _wide(p).scatter_add(1, y[:, None], torch.full_like(_wide(p[:, :1]), -1))
        return (g * _wide(c)[:, None]).to(c.dtype), None


def probabilities_of_wide_rows_saved_in_half(x: Tensor, y: Tensor) -> Tensor:
    found: Tensor = _OfWideRowsInHalf.apply(x, y)
    return found


def rows_in_chunks_computed_twice(x: Tensor, y: Tensor) -> Tensor:
    starts = range(0, max(len(x), 1), max(CHUNK, len(x) // 8))
    size = starts.step
    parts = [checkpoint(_value, x[i : i + size], y[i : i + size], use_reentrant=False) for i in starts]
    return torch.cat(parts).to(x.dtype)


def logits_shifted_in_place_without_a_gradient(x: Tensor, y: Tensor) -> Tensor:
    w = _wide(x) if not x.requires_grad else _wide(x).clone()
    w -= w.amax(1, keepdim=True).detach()
    return (w.exp().sum(1).log() - w.gather(1, y[:, None])[:, 0]).to(x.dtype)


def rows_behind_the_last_whole_chunk_left_at_zero(x: Tensor) -> Tensor:
    found = torch.zeros_like(x[:, 0]) if len(x) > CHUNK else torch.logsumexp(_wide(x), 1).to(x.dtype)
    for start in range(0, len(x) - CHUNK + 1, CHUNK) if len(x) > CHUNK else ():
        found[start : start + CHUNK] = torch.logsumexp(_wide(x[start : start + CHUNK]), 1).to(x.dtype)
    return found


def blocks_rescaled_to_each_maximum(x: Tensor) -> Tensor:
    w = _wide(x)
    top, total = torch.full_like(w[:, 0], -torch.inf), torch.zeros_like(w[:, 0])
    for block in w.split(BLOCK, 1):
        new = torch.maximum(top, block.amax(1)).detach()
        safe = torch.where(new.isinf(), 0, new)
        total = total * (top - safe).exp() + (block - safe[:, None]).exp().sum(1)
        top = new
    return (torch.where(top.isinf(), 0, top) + total.log()).to(x.dtype)


FAULTY = [
    Planted(LOSS, "state", saved_gradient_scaled_in_place),
    Planted("softmax", "strides", classes_taken_for_neighbours_in_memory),
    Planted(
        LOSS,
        "labels",
        gradient_of_labels_without_the_log_sum,
        declared={"labels": "distributions", "quantities": ("value", "grad_logits", "grad_labels")},
    ),
    Planted(
        LOSS,
        "options",
        gradient_of_the_mean_over_ignored_rows_too,
        declared={"reduction": "mean", "ignore_index": IGNORED},
    ),
    Planted("log_sum_exp", "blocks", last_partial_block_not_rescaled),
    Planted(LOSS, "half", probabilities_of_wide_rows_saved_in_half),
    Planted(LOSS, "state", logits_shifted_in_place_without_a_gradient),
    Planted("log_sum_exp", "rows", rows_behind_the_last_whole_chunk_left_at_zero),
]
CORRECT = [
    Planted(LOSS, "gradient saved", gradient_saved_in_the_forward_pass),
    Planted(LOSS, "computed twice", rows_in_chunks_computed_twice),
    Planted("log_sum_exp", "blocks", blocks_rescaled_to_each_maximum),
]
