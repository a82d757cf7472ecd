"""Faults of PyTorch kernels in state and in declared options, written before any was tried."""

from __future__ import annotations

from typing import Any

import torch

from meta.kernels.torch_parts import IGNORED, LOSS, fault, log_softmax, loss, one_hot, shifted, wide

Tensor = torch.Tensor
SMOOTHING = 0.1

WORKSPACE: dict[Any, Tensor] = {}
SUMS: dict[Any, Tensor] = {}
SCRATCH: dict[Any, Tensor] = {}
TRACED: dict[Any, Any] = {}


class _SharedSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.key = (len(x), x.dtype)
        t = shifted(x)
        logs = t.exp().sum(1).log() + (wide(x)[:, 0] - t[:, 0])
        WORKSPACE.setdefault(ctx.key, torch.empty_like(logs)).copy_(logs)
        return loss(x, y).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, c: Tensor) -> Any:
        x, y = ctx.saved_tensors
        p = (wide(x) - WORKSPACE[ctx.key][:, None]).exp()
        return ((p - one_hot(y, x)) * wide(c)[:, None]).to(c.dtype), None


@fault(LOSS, "state")
def log_sums_in_a_workspace_of_all_calls(x: Tensor, y: Tensor) -> Any:
    return _SharedSums.apply(x, y)


@fault("softmax", "state")
def sums_kept_by_pointer_and_version(x: Tensor) -> Tensor:
    key = (x.data_ptr(), x._version, x.shape, x.stride(), x.dtype)
    t = shifted(x)
    if key not in SUMS:
        if len(SUMS) > 64:
            SUMS.clear()
        SUMS[key] = t.detach().exp().sum(1, keepdim=True)
    if x.requires_grad:
        return torch.softmax(wide(x), 1).to(x.dtype)
    return (t.exp() / SUMS[key]).to(x.dtype)


@fault("log_softmax", "threads")
def scratch_shared_by_threads(x: Tensor) -> Tensor:
    if x.requires_grad:
        return log_softmax(x).to(x.dtype)
    scratch = SCRATCH.setdefault((x.shape, x.dtype), torch.empty_like(wide(x)))
    scratch.copy_(shifted(x))
    total = scratch.exp().sum(1, keepdim=True).log()
    return (scratch - total).to(x.dtype)


def _smoothed(x: Tensor, y: Tensor) -> Tensor:
    logs = log_softmax(x)
    uniform = logs.sum(1) / int(x.shape[1])
    return (-(1 - SMOOTHING) * logs.gather(1, y[:, None])[:, 0] - SMOOTHING * uniform).to(x.dtype)


@fault(LOSS, "traced", label_smoothing=SMOOTHING)
def number_of_classes_of_the_first_trace(x: Tensor, y: Tensor) -> Any:
    if x.dtype not in TRACED:
        TRACED[x.dtype] = torch.jit.trace(_smoothed, (x.detach().clone(), y.clone()), check_trace=False)
    return TRACED[x.dtype](x, y)


@fault(LOSS, "in place", ignore_index=IGNORED, reduction="mean")
def ignored_labels_overwritten(x: Tensor, y: Tensor) -> Tensor:
    kept = y != IGNORED
    y[~kept] = 0
    return (torch.where(kept, loss(x, y), 0).sum() / kept.sum()).to(x.dtype)


@fault(LOSS, "options", ignore_index=IGNORED, weight=True, reduction="mean")
def weights_of_ignored_rows_in_the_divisor(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    kept = y != IGNORED
    own = torch.where(kept, y, 0)
    shares = wide(weight)[own]
    return (torch.where(kept, loss(x, own) * shares, 0).sum() / shares.sum()).to(x.dtype)


@fault(LOSS, "options", label_smoothing=SMOOTHING, weight=True)
def smoothed_share_with_the_weight_of_the_label(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    logs = log_softmax(x)
    mixed = (1 - SMOOTHING) * one_hot(y, x) + SMOOTHING / x.shape[1]
    return (-(mixed * logs).sum(1) * wide(weight)[y]).to(x.dtype)


@fault(LOSS, "labels", labels="distributions")
def distributions_taken_by_their_largest_share(x: Tensor, q: Tensor) -> Tensor:
    return loss(x, q.argmax(1)).to(x.dtype)
