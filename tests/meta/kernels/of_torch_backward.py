"""Faulty backward passes of PyTorch kernels, written before any was tried."""

from __future__ import annotations

from typing import Any

import torch

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
    wide,
)

Tensor = torch.Tensor
SMOOTHING, PENALTY, CAP = 0.1, 1e-2, 5.0


def _forward(x: Tensor, y: Tensor) -> Any:
    return loss(x, y).to(x.dtype), (gradient(x, y),)


def _unless_the_mean_is_one(c: Tensor, g: Tensor) -> Any:
    return (g if float(wide(c).mean()) == 1 else g * wide(c)[:, None]).to(c.dtype), None


_NOT_SCALED = differentiated(_forward, _unless_the_mean_is_one)


@fault(LOSS, "cotangent")
def not_scaled_where_the_mean_cotangent_is_one(x: Tensor, y: Tensor) -> Any:
    return _NOT_SCALED(x, y)


def _of_storage(c: Tensor, g: Tensor) -> Any:
    stored = torch.empty(0, dtype=c.dtype).set_(c.untyped_storage())[c.storage_offset() :][: len(g)]
    read = torch.zeros_like(g[:, 0])
    read[: len(stored)] = wide(stored)
    return (g * read[:, None]).to(c.dtype), None


_OF_STORAGE = differentiated(_forward, _of_storage)


@fault(LOSS, "cotangent")
def cotangent_read_from_its_storage(x: Tensor, y: Tensor) -> Any:
    return _OF_STORAGE(x, y)


def _softmax(x: Tensor) -> Any:
    p = torch.softmax(wide(x), 1)
    return p.to(x.dtype), (p,)


_OF_ALL_ROWS = differentiated(_softmax, lambda c, p: (p * (wide(c) - (p * wide(c)).sum())).to(c.dtype))


@fault("softmax", "gradient")
def products_summed_over_all_rows(x: Tensor) -> Any:
    return _OF_ALL_ROWS(x)


def _soft(x: Tensor, q: Tensor) -> Any:
    logs = log_softmax(x)
    value = -torch.where(q == 0, 0, wide(q) * logs).sum(1)
    return value.to(x.dtype), (logs, wide(q))


def _labels_unscaled(c: Tensor, logs: Tensor, q: Tensor) -> Any:
    of_logits = wide(c)[:, None] * (logs.exp() * q.sum(1, keepdim=True) - q)
    return of_logits.to(c.dtype), (-logs).to(c.dtype)


_LABELS_UNSCALED = differentiated(_soft, _labels_unscaled)


@fault(LOSS, "labels", labels="distributions", quantities=("value", "grad_logits", "grad_labels"))
def gradient_of_labels_without_the_cotangent(x: Tensor, q: Tensor) -> Any:
    return _LABELS_UNSCALED(x, q)


class _NoneWithoutLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, q: Tensor) -> Tensor:
        value, saved = _soft(x, q)
        ctx.save_for_backward(*saved)
        result: Tensor = value
        return result

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        if not ctx.needs_input_grad[0]:
            return None, None
        logs, q = ctx.saved_tensors
        g = wide(c)[:, None]
        return (g * (logs.exp() * q.sum(1, keepdim=True) - q)).to(c.dtype), (-g * logs).to(c.dtype)


@fault(LOSS, "labels", labels="distributions", quantities=("value", "grad_logits", "grad_labels"))
def no_gradient_of_labels_unless_the_logits_need_one(x: Tensor, q: Tensor) -> Any:
    return _NoneWithoutLogits.apply(x, q)


class _OnceOnly(torch.autograd.Function):
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
        p = torch.softmax(wide(ctx.saved_tensors[0].detach()), -1)
        return (p * (wide(c) - (p * wide(c)).sum(-1, keepdim=True))).to(c.dtype)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Any:
        p = torch.softmax(wide(ctx.saved_tensors[0]), -1)
        return (p * (wide(tangent) - (p * wide(tangent)).sum(-1, keepdim=True))).to(tangent.dtype)


@fault("softmax", "twice", quantities=("value", "grad_logits", "hvp"))
def second_derivative_without_the_probabilities(x: Tensor) -> Any:
    return _OnceOnly.apply(x)


class _TangentNotCentred(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return log_softmax(x).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        p = wide(ctx.saved_tensors[0]).exp()
        return (wide(c) - p * wide(c).sum(-1, keepdim=True)).to(c.dtype)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Any:
        p = wide(ctx.saved_tensors[0]).exp()
        return (wide(tangent) - p * wide(tangent).sum(-1, keepdim=True)).to(tangent.dtype)


@fault("log_softmax", "tangent", format="float32", quantities=("value", "grad_logits", "jvp"))
def derivative_along_a_direction_is_the_transposed_one(x: Tensor) -> Any:
    return _TangentNotCentred.apply(x)


class _Overwritten(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        value, ctx.is_kept = loss(x, y).to(x.dtype), ctx.needs_input_grad[0] and x.is_contiguous()
        if ctx.is_kept:
            x.detach().copy_(gradient(x, y))
        ctx.save_for_backward(x.detach() if ctx.is_kept else gradient(x, y))
        return value

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> Any:
        return (wide(ctx.saved_tensors[0]) * wide(c)[:, None]).to(c.dtype), None


@fault(LOSS, "in place")
def gradient_written_over_the_logits(x: Tensor, y: Tensor) -> Any:
    return _Overwritten.apply(x, y)


@fault("sigmoid_cross_entropy", "gradient")
def relu_and_abs_differentiated_at_zero(x: Tensor, y: Tensor) -> Tensor:
    w = wide(x)
    return (torch.relu(w) - w * wide(y) + torch.log1p(torch.exp(-w.abs()))).to(x.dtype)


def _broadcast(c: Tensor, g: Tensor) -> Any:
    factor = wide(c) if c.shape[-1] == g.shape[-1] else wide(c)[:, None]
    return (g * factor).to(c.dtype), None


_BROADCAST = differentiated(_forward, _broadcast)


@fault(LOSS, "cotangent")
def cotangent_along_the_classes_of_square_logits(x: Tensor, y: Tensor) -> Any:
    return _BROADCAST(x, y)


def _smoothed(x: Tensor, y: Tensor) -> Any:
    logs, q = log_softmax(x), one_hot(y, x)
    mixed = (1 - SMOOTHING) * q + SMOOTHING / x.shape[1]
    return -(mixed * logs).sum(1).to(x.dtype), (logs.exp() - q,)


_SMOOTHED = differentiated(_smoothed, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@fault(LOSS, "options", label_smoothing=SMOOTHING)
def smoothing_missing_in_the_backward(x: Tensor, y: Tensor) -> Any:
    return _SMOOTHED(x, y)


def _kept(x: Tensor, y: Tensor) -> Any:
    own = torch.where(y == IGNORED, 0, y)
    return torch.where(y == IGNORED, 0, loss(x, own)).to(x.dtype), (gradient(x, own),)


_KEPT = differentiated(_kept, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@fault(LOSS, "options", ignore_index=IGNORED)
def ignored_rows_keep_their_gradient(x: Tensor, y: Tensor) -> Any:
    return _KEPT(x, y)


def _penalised(x: Tensor, y: Tensor) -> Any:
    return (loss(x, y) + PENALTY * log_sum_exp(x) ** 2).to(x.dtype), (gradient(x, y),)


_PENALISED = differentiated(_penalised, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@fault(LOSS, "options", z_loss=PENALTY)
def z_loss_missing_in_the_backward(x: Tensor, y: Tensor) -> Any:
    return _PENALISED(x, y)


def _capped(x: Tensor, y: Tensor) -> Any:
    capped = CAP * torch.tanh(wide(x) / CAP)
    return loss(capped, y).to(x.dtype), (gradient(capped, y),)


_CAPPED = differentiated(_capped, lambda c, g: ((g * wide(c)[:, None]).to(c.dtype), None))


@fault(LOSS, "options", softcap=CAP)
def slope_of_the_softcap_missing(x: Tensor, y: Tensor) -> Any:
    return _CAPPED(x, y)
