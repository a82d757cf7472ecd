"""Correct kernels of PyTorch, of different algorithms, written before any was tried; one of them is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch.utils.checkpoint import checkpoint

from meta.kernels.torch_parts import (
    IGNORED,
    LOSS,
    differentiated,
    fault,
    gradient,
    log_softmax,
    log_sum_exp,
    loss,
    one_hot,
    right,
    shifted,
    wide,
)

Tensor = torch.Tensor
BLOCK, ROWS, THREADS, SMOOTHING, PENALTY, CAP = 1024, 512, 4, 0.1, 1e-3, 20.0


def _online(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's maximum, 0 where no class counts, and the sum of the powers of what lies below it."""
    w = wide(x)
    top, total = torch.full_like(w[:, 0], -torch.inf), torch.zeros_like(w[:, 0])
    for block in w.split(BLOCK, 1):
        new = torch.maximum(top, block.amax(1))
        safe = torch.where(new == -torch.inf, 0, new)
        total = total * (top - safe).exp() + (block - safe[:, None]).exp().sum(1)
        top = new
    return torch.where(top == -torch.inf, 0, top), total


def _one_pass(x: Tensor, y: Tensor) -> Any:
    top, total = _online(x)
    value = total.log() - (wide(x).gather(1, y[:, None])[:, 0] - top)
    return value.to(x.dtype), (x, y, top, total)


def _recomputed(c: Tensor, x: Tensor, y: Tensor, top: Tensor, total: Tensor) -> Any:
    found = torch.empty_like(wide(x))
    for start in range(0, x.shape[1], BLOCK):
        part = (wide(x[:, start : start + BLOCK]) - top[:, None]).exp() / total[:, None]
        found[:, start : start + BLOCK] = part
    found.scatter_add_(1, y[:, None], torch.full_like(found[:, :1], -1))
    return found.mul_(wide(c)[:, None]).to(c.dtype), None


_ONLINE = differentiated(_one_pass, _recomputed)


@right(LOSS, "online, recomputed")
def online_loss_with_a_recomputed_backward(x: Tensor, y: Tensor) -> Any:
    return _ONLINE(x, y)


@right(LOSS, "checkpointed")
def chunks_of_rows_checkpointed(x: Tensor, y: Tensor) -> Tensor:
    parts = [
        checkpoint(loss, some, labels, use_reentrant=False)
        for some, labels in zip(x.split(ROWS), y.split(ROWS), strict=True)
    ]
    return torch.cat(parts).to(x.dtype)


@right("log_sum_exp", "compensated")
def compensated_sum_of_blocks(x: Tensor) -> Tensor:
    terms = shifted(x).exp()
    total, lost = torch.zeros_like(terms[:, 0]), torch.zeros_like(terms[:, 0])
    for block in terms.split(BLOCK, 1):
        part = block.sum(1) - lost
        new = total + part
        lost = (new - total) - part
        total = new
    top = wide(x).detach().amax(1)
    return (torch.where(top == -torch.inf, 0, top) + total.log()).to(x.dtype)


def _two_passes(x: Tensor) -> Any:
    p = shifted(x).exp()
    p /= p.sum(1, keepdim=True)
    return p.to(x.dtype), (p,)


_TWO_PASSES = differentiated(_two_passes, lambda c, p: (p * (wide(c) - (p * wide(c)).sum(1, keepdim=True))).to(c.dtype))


@right("softmax", "two passes")
def two_passes_and_the_saved_probabilities(x: Tensor) -> Any:
    return _TWO_PASSES(x)


@right("log_softmax", "base 2")
def powers_of_two(x: Tensor) -> Tensor:
    t = shifted(x)
    return (t - torch.exp2(t * 1.4426950408889634).sum(1, keepdim=True).log2() * 0.6931471805599453).to(x.dtype)


@fault(LOSS, "log1p")
def one_class_at_the_maximum_left_out_of_log1p(x: Tensor, y: Tensor) -> Tensor:
    """Return the loss; written as correct, but the gradient at the largest logit lacks its probability."""
    t = shifted(x)
    rest = t.exp().scatter(1, wide(x).argmax(1, keepdim=True), 0)
    return (rest.sum(1).log1p() - t.gather(1, y[:, None])[:, 0]).to(x.dtype)


@right("softmax", "float64")
def in_double_rounded_once(x: Tensor) -> Tensor:
    return torch.softmax(x.double(), 1).to(x.dtype)


@right("log_sum_exp", "sorted")
def added_from_the_least(x: Tensor) -> Tensor:
    ordered = wide(x).sort(1).values
    top = ordered[:, -1].detach()
    safe = torch.where(top == -torch.inf, 0, top)
    return (safe + (ordered - safe[:, None]).exp().cumsum(1)[:, -1].log()).to(x.dtype)


@right("log_sum_exp", "log domain")
def tree_of_logaddexp(x: Tensor) -> Tensor:
    w = wide(x)
    while w.shape[1] > 1:
        half = w.shape[1] // 2
        w = torch.cat([torch.logaddexp(w[:, :half], w[:, half : 2 * half]), w[:, 2 * half :]], 1)
    return w[:, 0].to(x.dtype)


@right("log_sum_exp", "log domain")
def last_of_the_cumulative(x: Tensor) -> Tensor:
    return torch.logcumsumexp(wide(x), 1)[:, -1].to(x.dtype)


def _scaled(c: Tensor, g: Tensor) -> Any:
    return (g if bool((c == 1).all()) else g * wide(c)[:, None]).to(c.dtype), None


_IN_FORWARD = differentiated(lambda x, y: (loss(x, y).to(x.dtype), (gradient(x, y),)), _scaled)


@right(LOSS, "gradient in forward")
def gradient_of_the_forward_pass_scaled_unless_by_one(x: Tensor, y: Tensor) -> Any:
    return _IN_FORWARD(x, y)


class _Functional(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.softmax(wide(x), -1).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        p = torch.softmax(wide(ctx.saved_tensors[0]), -1)
        return (p * (wide(c) - (p * wide(c)).sum(-1, keepdim=True))).to(c.dtype)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Any:
        p = torch.softmax(wide(ctx.saved_tensors[0]), -1)
        return (p * (wide(tangent) - (p * wide(tangent)).sum(-1, keepdim=True))).to(tangent.dtype)


@right("softmax", "transforms", quantities=("value", "grad_logits", "jvp", "hvp"))
def for_transforms_of_functions(x: Tensor) -> Any:
    return _Functional.apply(x)


_COMPILED = torch.compile(log_softmax, backend="aot_eager", dynamic=True)


@right("log_softmax", "compiled")
def traced_and_differentiated_ahead_of_time(x: Tensor) -> Any:
    return _COMPILED(x).to(x.dtype)


def _in_numpy(x: Tensor) -> Any:
    w = wide(x).detach().numpy()
    with np.errstate(all="ignore"):
        top = w.max(1, keepdims=True)
        e = np.exp(w - np.where(np.isneginf(top), 0, top).astype(w.dtype))
        p = e / e.sum(1, keepdims=True)
    return torch.from_numpy(p).to(x.dtype), (torch.from_numpy(p),)


def _of_numpy(c: Tensor, p: Tensor) -> Tensor:
    shares, g = p.numpy(), wide(c).numpy()
    with np.errstate(all="ignore"):
        return torch.from_numpy(shares * (g - np.einsum("ij,ij->i", shares, g)[:, None])).to(c.dtype)


_NUMPY = differentiated(_in_numpy, _of_numpy)


@right("softmax", "of NumPy")
def both_passes_in_numpy(x: Tensor) -> Any:
    return _NUMPY(x)


def _of_a_row(x: Tensor, y: Tensor) -> Tensor:
    t = x - x.detach().amax()
    return t.exp().sum().log() - t.gather(0, y[None])[0]


@right(LOSS, "vmap")
def mapped_over_the_rows(x: Tensor, y: Tensor) -> Tensor:
    return torch.vmap(_of_a_row)(wide(x), y).to(x.dtype) if len(x) else loss(x, y).to(x.dtype)


def _sigmoid_loss(x: Tensor, y: Tensor) -> Any:
    w, v = wide(x), wide(y)
    value = w.clamp(min=0) - w * v + torch.exp(-w.abs()).log1p()
    return value.to(x.dtype), (torch.sigmoid(w) - v,)


_SIGMOID = differentiated(_sigmoid_loss, lambda c, g: ((g * wide(c)).to(c.dtype), None))


@right("sigmoid_cross_entropy", "backward of its own")
def sigmoid_less_the_label(x: Tensor, y: Tensor) -> Any:
    return _SIGMOID(x, y)


@right("softmax", "mask", where=True, all_masked="zero")
def masked_rows_at_zero(x: Tensor, where: Tensor) -> Tensor:
    t = shifted(torch.where(where, wide(x), -torch.inf))
    e = t.exp()
    total = e.sum(1, keepdim=True)
    return (e / torch.where(where.any(1, keepdim=True), total, 1)).to(x.dtype)


@right(LOSS, "options", ignore_index=IGNORED, weight=True, reduction="mean", label_smoothing=SMOOTHING)
def weights_smoothing_and_ignored_rows(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    kept = y != IGNORED
    own, of_class = torch.where(kept, y, 0), wide(weight)
    logs = log_softmax(x)
    picked = -logs.gather(1, own[:, None])[:, 0] * of_class[own]
    smoothed = -(logs * of_class).sum(1) / x.shape[1]
    rows = torch.where(kept, (1 - SMOOTHING) * picked + SMOOTHING * smoothed, 0)
    return (rows.sum() / torch.where(kept, of_class[own], 0).sum()).to(x.dtype)


def _with_both(x: Tensor, y: Tensor) -> Any:
    slope = torch.tanh(wide(x) / CAP)
    capped = CAP * slope
    logs = log_sum_exp(capped)
    value = loss(capped, y) + PENALTY * logs.square()
    p = torch.softmax(capped, 1)
    of_capped = p * (1 + 2 * PENALTY * logs[:, None]) - one_hot(y, x)
    return value.to(x.dtype), (of_capped * (1 - slope) * (1 + slope),)


_BOTH = differentiated(_with_both, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@right(LOSS, "options", softcap=CAP, z_loss=PENALTY)
def softcap_and_z_loss_with_a_backward(x: Tensor, y: Tensor) -> Any:
    return _BOTH(x, y)


@right(LOSS, "reduction", reduction="mean", ignore_index=IGNORED)
def sums_of_chunks_divided_once(x: Tensor, y: Tensor) -> Tensor:
    total, kept = torch.zeros((), dtype=torch.float64), y != IGNORED
    for some, labels, counts in zip(x.split(ROWS), y.split(ROWS), kept.split(ROWS), strict=True):
        rows = loss(some, torch.where(counts, labels, 0))
        total = total + torch.where(counts, rows, 0).double().sum()
    return (total / kept.sum()).to(x.dtype)


def _soft(x: Tensor, q: Tensor) -> Any:
    logs = log_softmax(x)
    value = -torch.where(q == 0, 0, wide(q) * logs).sum(1)
    return value.to(x.dtype), (logs, wide(q))


def _of_both(c: Tensor, logs: Tensor, q: Tensor) -> Any:
    g = wide(c)[:, None]
    return (g * (logs.exp() * q.sum(1, keepdim=True) - q)).to(c.dtype), (-g * logs).to(c.dtype)


_SOFT = differentiated(_soft, _of_both)


@right(LOSS, "labels", labels="distributions", quantities=("value", "grad_logits", "grad_labels"))
def gradients_of_logits_and_labels(x: Tensor, q: Tensor) -> Any:
    return _SOFT(x, q)


@right(LOSS, "result in float32", result_format="float32", format="bfloat16")
def loss_of_half_logits_in_single(x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(x.float(), y, reduction="none")


@right("log_softmax", "in place")
def shifted_in_place_in_a_copy(x: Tensor) -> Tensor:
    t = wide(x).clone()
    t -= torch.where((top := t.detach().amax(1, keepdim=True)) == -torch.inf, 0, top)
    return (t - t.exp().sum(1, keepdim=True).log()).to(x.dtype)


@right("softmax", "threads")
def rows_shared_among_threads(x: Tensor) -> Tensor:
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda some: torch.softmax(wide(some), 1), x.tensor_split(THREADS)))
    return torch.cat(parts).to(x.dtype)


@right("log_softmax", "class axis", class_axis="first")
def classes_first(x: Tensor) -> Tensor:
    return F.log_softmax(wide(x), 0).to(x.dtype)
