"""Parts of PyTorch kernels that are right, and the lists in which the corpus of PyTorch registers its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from meta.kernels.corpus import Planted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meta.kernels.corpus import Function

Tensor = torch.Tensor
LOSS = "softmax_cross_entropy"
IGNORED = -100

FAULTY: list[Planted] = []
CORRECT: list[Planted] = []


def fault(op: str, kind: str, **declared: Any) -> Callable[[Function], Function]:
    """Register a faulty kernel."""
    return _registered(FAULTY, op, kind, declared)


def right(op: str, kind: str, **declared: Any) -> Callable[[Function], Function]:
    """Register a correct kernel."""
    return _registered(CORRECT, op, kind, declared)


def _registered(kernels: list[Planted], op: str, kind: str, declared: dict[str, Any]) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        kernels.append(Planted(op, kind, function, declared=declared))
        return function

    return register


def differentiated(
    forward: Callable[..., tuple[Tensor, Sequence[Tensor]]], backward: Callable[..., Any]
) -> Callable[..., Any]:
    """Return an `autograd.Function`, applied.

    Parameters
    ----------
    forward : callable
        Of the inputs; returns the value and what is saved.
    backward : callable
        Of the cotangent and what was saved; returns one gradient an input, or None.
    """

    class Applied(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Tensor:
            value, saved = forward(*given)
            ctx.save_for_backward(*saved)
            return value

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, cotangent: Tensor) -> Any:
            return backward(cotangent, *ctx.saved_tensors)

    applied: Callable[..., Any] = Applied.apply
    return applied


def wide(x: Tensor) -> Tensor:
    """Return half formats in float32, the others as they are."""
    return x.float() if x.dtype.itemsize == 2 else x


def shifted(x: Tensor) -> Tensor:
    """Return the logits less their row's maximum, which is held constant; rows at -inf are not shifted."""
    top = wide(x).detach().amax(-1, keepdim=True)
    return wide(x) - torch.where(top == -torch.inf, 0, top)


def log_softmax(x: Tensor) -> Tensor:
    """Return log-softmax in float32 or wider."""
    t = shifted(x)
    return t - t.exp().sum(-1, keepdim=True).log()


def loss(x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of class indices in float32 or wider."""
    t = shifted(x)
    return t.exp().sum(1).log() - t.gather(1, y[:, None])[:, 0]


def log_sum_exp(x: Tensor) -> Tensor:
    """Return log-sum-exp in float32 or wider."""
    top = wide(x).detach().amax(-1)
    return torch.where(top == -torch.inf, 0, top) + shifted(x).exp().sum(-1).log()


def one_hot(y: Tensor, x: Tensor) -> Tensor:
    """Return class indices as distributions in float32 or wider."""
    return torch.zeros_like(wide(x)).scatter_(1, y[:, None], 1)


def gradient(x: Tensor, y: Tensor) -> Tensor:
    """Return softmax less the labels in float32 or wider."""
    return torch.softmax(wide(x), 1) - one_hot(y, x)
