"""Faults of PyTorch kernels in numbers, blocks and shapes, written before any was tried; one of them is none."""

from __future__ import annotations

from typing import Any

import torch

from meta.kernels.torch_parts import (
    LOSS,
    differentiated,
    fault,
    gradient,
    log_softmax,
    log_sum_exp,
    loss,
    right,
    shifted,
    wide,
)

Tensor = torch.Tensor
BLOCK, TILE, PARTS, LARGEST, GRID, SPLIT = 1024, 1536, 8, 4096, 65535, 32768
LOG2_E = torch.tensor(1.4426950408889634)
LN_2 = torch.tensor(0.6931471805599453, dtype=torch.float64)


def _softmax(x: Tensor) -> Any:
    p = torch.softmax(wide(x), 1).to(x.dtype)
    return p, (p,)


def _in_its_format(c: Tensor, p: Tensor) -> Tensor:
    return p * (c - (p * c).sum(1, keepdim=True))


_IN_ITS_FORMAT = differentiated(_softmax, _in_its_format)


@right("softmax", "half")
def backward_in_the_format_of_the_logits(x: Tensor) -> Any:
    """Return softmax; written as faulty, but each step rounds once and PyTorch sums in float32: accuracy grade B."""
    return _IN_ITS_FORMAT(x)


@fault("log_sum_exp", "half")
def online_total_kept_in_the_format_of_the_logits(x: Tensor) -> Tensor:
    top, total = torch.full_like(x[:, 0], -torch.inf), torch.zeros_like(x[:, 0])
    for block in x.split(BLOCK, 1):
        new = torch.maximum(top, block.amax(1)).detach()
        safe = wide(torch.where(new == -torch.inf, 0, new))
        part = (wide(block) - safe[:, None]).exp().sum(1)
        total = (wide(total) * (wide(top) - safe).exp() + part).to(x.dtype)
        top = new
    return (wide(torch.where(top == -torch.inf, 0, top)) + wide(total).log()).to(x.dtype)


@fault("log_softmax", "float64")
def powers_of_two_with_a_constant_in_float32(x: Tensor) -> Tensor:
    t = shifted(x) * LOG2_E
    return ((t - torch.exp2(t).sum(1, keepdim=True).log2()) * LN_2).to(x.dtype)


@fault("softmax", "float64")
def double_computed_in_single(x: Tensor) -> Tensor:
    return log_softmax(x.float()).exp().to(x.dtype)


@fault("softmax", "shift")
def maximum_of_the_batch_and_empty_sums_repeated(x: Tensor) -> Tensor:
    w = wide(x)
    e = (w - w.detach().max()).exp() if w.numel() else w
    total = e.sum(1, keepdim=True)
    return torch.where(total == 0, torch.softmax(w, 1), e / total).to(x.dtype)


@fault(LOSS, "labels")
def classes_counted_in_the_format_of_the_logits(x: Tensor, y: Tensor) -> Tensor:
    at = torch.arange(x.shape[1], dtype=x.dtype) == y[:, None].to(x.dtype)
    t = shifted(x)
    return (t.exp().sum(1).log() - torch.where(at, t, 0).sum(1)).to(x.dtype)


@fault("log_sum_exp", "ties")
def all_classes_at_the_maximum_left_out_of_log1p(x: Tensor) -> Tensor:
    w = wide(x)
    top = w.amax(1, keepdim=True)
    rest = torch.where(w == top, 0, (w - top.detach()).exp()).sum(1)
    return (top[:, 0] + rest.log1p()).to(x.dtype)


@fault(LOSS, "approximation")
def sum_of_the_largest_terms_alone(x: Tensor, y: Tensor) -> Tensor:
    t = shifted(x)
    largest = t.topk(min(LARGEST, x.shape[1]), 1).values
    return (largest.exp().sum(1).log() - t.gather(1, y[:, None])[:, 0]).to(x.dtype)


@fault("log_sum_exp", "infinite blocks")
def blocks_at_minus_infinity_skipped_if_they_are_so_in_all_rows(x: Tensor) -> Tensor:
    w = wide(x)
    top, total = torch.full_like(w[:, 0], -torch.inf), torch.zeros_like(w[:, 0])
    for block in w.split(BLOCK, 1):
        if bool((block == -torch.inf).all()):
            continue
        new = torch.maximum(top, block.amax(1)).detach()
        total = total * (top - new).exp() + (block - new[:, None]).exp().sum(1)
        top = new
    return (top + total.log()).to(x.dtype)


@fault("softmax", "nan")
def nan_taken_for_a_masked_row(x: Tensor) -> Tensor:
    return torch.nan_to_num(torch.softmax(wide(x), 1)).to(x.dtype)


@fault("softmax", "mask", where=True)
def masked_classes_at_the_least_number(x: Tensor, where: Tensor) -> Tensor:
    w = wide(x)
    return torch.softmax(w.masked_fill(~where, torch.finfo(x.dtype).min), 1).to(x.dtype)


@fault("log_softmax", "rows")
def rows_past_the_grid_not_written(x: Tensor) -> Tensor:
    found = torch.zeros_like(x)
    found[:GRID] = log_softmax(x[:GRID]).to(x.dtype)
    return found


@fault("log_sum_exp", "tail")
def tail_dropped_by_unfold(x: Tensor) -> Tensor:
    if x.shape[1] < TILE:
        return log_sum_exp(x).to(x.dtype)
    return log_sum_exp(log_sum_exp(x.unfold(1, TILE, TILE))).to(x.dtype)


@fault(LOSS, "labels")
def label_looked_for_in_equal_chunks(x: Tensor, y: Tensor) -> Tensor:
    t = shifted(x)
    parts = t.chunk(PARTS, 1)
    size = max(x.shape[1] // PARTS, 1)
    picked = torch.zeros_like(t[:, 0])
    for number, part in enumerate(parts):
        inside = (y // size).clamp(max=len(parts) - 1) == number
        at = (y - number * size).clamp(0, part.shape[1] - 1)
        picked = torch.where(inside, part.gather(1, at[:, None])[:, 0], picked)
    return (sum(part.exp().sum(1) for part in parts).log() - picked).to(x.dtype)


@fault("softmax", "strides")
def start_in_storage_ignored(x: Tensor) -> Tensor:
    return torch.softmax(wide(torch.as_strided(x, x.shape, x.stride(), 0)), 1).to(x.dtype)


@fault("log_softmax", "strides")
def rows_taken_for_neighbours_in_memory(x: Tensor) -> Tensor:
    rows, n = x.shape
    end = (x.storage_offset() + rows * n) * x.element_size()
    is_read = x.stride(1) == 1 and end <= x.untyped_storage().nbytes()
    return log_softmax(x.as_strided((rows, n), (n, 1), x.storage_offset()) if is_read else x).to(x.dtype)


@fault(LOSS, "reduction", reduction="mean")
def mean_of_the_means_of_chunks(x: Tensor, y: Tensor) -> Tensor:
    parts = [loss(*part).mean() for part in zip(x.split(BLOCK), y.split(BLOCK), strict=True)]
    return torch.stack(parts).mean().to(x.dtype)


@fault(LOSS, "half", reduction="sum")
def chunks_of_losses_added_in_the_format_of_the_logits(x: Tensor, y: Tensor) -> Tensor:
    total = torch.zeros((), dtype=x.dtype)
    for some, labels in zip(x.split(16), y.split(16), strict=True):
        total = total + loss(some, labels).sum().to(x.dtype)
    return total


@fault(LOSS, "blocks")
def label_of_the_last_part_of_wide_rows(x: Tensor, y: Tensor) -> Tensor:
    sums, picked = [], torch.zeros_like(wide(x[:, 0]))
    top = wide(x).detach().amax(1, keepdim=True)
    for start in range(0, x.shape[1], SPLIT):
        part = wide(x[:, start : start + SPLIT]) - top
        sums.append(part.exp().sum(1))
        own = (y - start).clamp(max=part.shape[1] - 1)
        picked = torch.where(own >= 0, part.gather(1, own.clamp(min=0)[:, None])[:, 0], 0)
    return (torch.stack(sums).sum(0).log() - picked).to(x.dtype)


def _of_narrow(x: Tensor, y: Tensor) -> Any:
    return loss(x, y).to(x.dtype), (gradient(x, y),)


_NARROW = differentiated(
    _of_narrow, lambda c, g: ((g * (c.half().float() if len(c) >= BLOCK else wide(c))[:, None]).to(c.dtype), None)
)


@fault(LOSS, "half")
def cotangent_of_many_rows_in_float16(x: Tensor, y: Tensor) -> Any:
    return _NARROW(x, y)
