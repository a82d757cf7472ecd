"""Kernels of PyTorch, faulty ones and correct ones, written after others had been tried and before any of these was."""

from __future__ import annotations

from typing import Any

import torch

from meta.kernels.torch_parts import (
    IGNORED,
    LOSS,
    differentiated,
    fault,
    log_softmax,
    loss,
    one_hot,
    right,
    shifted,
    wide,
)

Tensor = torch.Tensor
ROWS, BLOCK, SMOOTHING, TEMPERATURE = 64, 1024, 0.1, 0.75


class _OutsideOfTheGraph(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.probabilities = torch.softmax(wide(x), 1)
        return ctx.probabilities.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        p = ctx.probabilities
        return (p * (wide(c) - (p * wide(c)).sum(1, keepdim=True))).to(c.dtype)


@fault("softmax", "twice", quantities=("value", "grad_logits", "hvp"))
def probabilities_kept_outside_of_the_graph(x: Tensor) -> Any:
    return _OutsideOfTheGraph.apply(x)


@fault(LOSS, "rows")
def rows_behind_the_last_chunk_share_a_maximum(x: Tensor, y: Tensor) -> Tensor:
    whole = len(x) // ROWS * ROWS
    rest = wide(x[whole:])
    parts = [loss(x[:whole], y[:whole])] if whole else []
    if len(rest):
        t = rest - (rest.detach().max() if whole else rest.detach().amax(1, keepdim=True))
        parts.append(t.exp().sum(1).log() - t.gather(1, y[whole:, None])[:, 0])
    return torch.cat(parts).to(x.dtype) if parts else x[:, 0]


@fault(LOSS, "labels")
def labels_held_in_the_format_of_the_logits(x: Tensor, y: Tensor) -> Tensor:
    held = torch.stack([y.to(x.dtype), torch.ones_like(x[:, 0])])
    return loss(x, held[0].long().clamp(max=x.shape[1] - 1)).to(x.dtype)


@right("softmax", "mask", where=True, all_masked="zero")
def masked_rows_set_to_zero_behind_the_softmax(x: Tensor, where: Tensor) -> Tensor:
    """Return softmax; written as faulty, but the NaN of a masked row ends at masked_fill, whose gradient is 0 there."""
    p = torch.softmax(wide(x).masked_fill(~where, -torch.inf), 1)
    return torch.where(where.any(1, keepdim=True), p, 0).to(x.dtype)


def _cooled(x: Tensor, y: Tensor) -> Any:
    w = wide(x) / TEMPERATURE
    return loss(w, y).to(x.dtype), (torch.softmax(w, 1) - one_hot(y, x),)


_COOLED = differentiated(_cooled, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@fault(LOSS, "options", temperature=TEMPERATURE)
def temperature_missing_in_the_backward(x: Tensor, y: Tensor) -> Any:
    return _COOLED(x, y)


@fault("softmax", "class axis", class_axis="middle")
def classes_in_the_middle_reshaped(x: Tensor) -> Tensor:
    return torch.softmax(wide(x).reshape(-1, x.shape[1]), 1).reshape(x.shape).to(x.dtype)


@fault(LOSS, "options", ignore_index=IGNORED, label_smoothing=SMOOTHING, reduction="sum")
def smoothed_share_of_ignored_rows_counts(x: Tensor, y: Tensor) -> Tensor:
    logs, kept = log_softmax(x), y != IGNORED
    picked = torch.where(kept, logs.gather(1, torch.where(kept, y, 0)[:, None])[:, 0], 0)
    return (-(1 - SMOOTHING) * picked.sum() - SMOOTHING * logs.mean(1).sum()).to(x.dtype)


@fault("sigmoid_cross_entropy", "options", pos_weight=True)
def positive_weight_of_both_terms(x: Tensor, y: Tensor, pos_weight: Tensor) -> Tensor:
    w, v = wide(x), wide(y)
    return ((w.clamp(min=0) - w * v + torch.exp(-w.abs()).log1p()) * wide(pos_weight)).to(x.dtype)


def _set_at_the_label(c: Tensor, p: Tensor, y: Tensor) -> Any:
    g = p.index_put((torch.arange(len(p)), y), torch.tensor(-1.0, dtype=p.dtype))
    return (g * wide(c)[:, None]).to(c.dtype), None


_SET = differentiated(lambda x, y: (loss(x, y).to(x.dtype), (torch.softmax(wide(x), 1), y)), _set_at_the_label)


@fault(LOSS, "gradient")
def gradient_at_the_label_set_to_minus_one(x: Tensor, y: Tensor) -> Any:
    return _SET(x, y)


@fault("log_softmax", "state")
def gradients_switched_off_for_all_later_calls(x: Tensor) -> Tensor:
    if not x.requires_grad:
        torch.set_grad_enabled(False)
    return log_softmax(x).to(x.dtype)


@fault("log_sum_exp", "float64")
def total_in_the_default_format(x: Tensor) -> Tensor:
    t = shifted(x)
    total = torch.zeros(len(x))
    for block in t.split(BLOCK, 1):
        total = total + block.exp().sum(1).to(total.dtype)
    return ((wide(x)[:, 0] - t[:, 0]).nan_to_num(0.0) + total.log()).to(x.dtype)


@fault("softmax", "shift")
def shifted_by_the_mean(x: Tensor) -> Tensor:
    e = (wide(x) - wide(x).detach().mean(1, keepdim=True)).exp()
    return (e / e.sum(1, keepdim=True)).to(x.dtype)


class _Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.softmax(wide(x), 1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        p = torch.softmax(wide(ctx.saved_tensors[0]), 1)
        return (p * (wide(c) - (p * wide(c)).sum(1, keepdim=True))).to(c.dtype)


@right("softmax", "twice", quantities=("value", "grad_logits", "hvp"))
def backward_that_is_differentiated(x: Tensor) -> Any:
    return _Twice.apply(x)


@right("softmax", "class axis", class_axis="middle")
def classes_in_the_middle_moved(x: Tensor) -> Tensor:
    return torch.softmax(wide(x).movedim(1, -1), -1).movedim(-1, 1).to(x.dtype)


@right("softmax", "mask", where=True, all_masked="zero")
def masked_rows_replaced_before_the_softmax(x: Tensor, where: Tensor) -> Tensor:
    counts = where.any(1, keepdim=True)
    filled = torch.where(counts, torch.where(where, wide(x), -torch.inf), 0)
    return torch.where(counts, torch.softmax(filled, 1), 0).to(x.dtype)


@fault("sigmoid_cross_entropy", "options", pos_weight=True)
def positive_weight_of_the_first_term(x: Tensor, y: Tensor, pos_weight: Tensor) -> Tensor:
    """Return the loss; written as correct, but at 0 the derivatives of abs and clamp are not those of softplus."""
    w, v = wide(x), wide(y)
    softplus = torch.exp(-w.abs()).log1p()
    return (wide(pos_weight) * v * (softplus + (-w).clamp(min=0)) + (1 - v) * (softplus + w.clamp(min=0))).to(x.dtype)


@right(LOSS, "options", temperature=TEMPERATURE)
def divided_by_the_temperature(x: Tensor, y: Tensor) -> Tensor:
    return loss(wide(x) / TEMPERATURE, y).to(x.dtype)


@right("log_sum_exp", "blocks")
def total_of_blocks_in_float64(x: Tensor) -> Tensor:
    top = wide(x).detach().amax(1)
    total = sum(block.exp().double().sum(1) for block in shifted(x).split(BLOCK, 1))
    return (torch.where(top == -torch.inf, 0, top) + torch.as_tensor(total).log()).to(x.dtype)


def _added_at_the_label(c: Tensor, p: Tensor, y: Tensor) -> Any:
    minus_one = torch.tensor(-1.0, dtype=p.dtype)
    g = p.index_put((torch.arange(len(p)), y), minus_one, accumulate=True)
    return (g * wide(c)[:, None]).to(c.dtype), None


_ADDED = differentiated(lambda x, y: (loss(x, y).to(x.dtype), (torch.softmax(wide(x), 1), y)), _added_at_the_label)


@right(LOSS, "gradient")
def minus_one_added_at_the_label(x: Tensor, y: Tensor) -> Any:
    return _ADDED(x, y)


@right("log_softmax", "state")
def largest_taken_without_gradients(x: Tensor) -> Tensor:
    with torch.no_grad():
        top = wide(x).amax(1, keepdim=True)
    t = wide(x) - torch.where(top == -torch.inf, 0, top)
    return (t - t.exp().sum(1, keepdim=True).log()).to(x.dtype)
