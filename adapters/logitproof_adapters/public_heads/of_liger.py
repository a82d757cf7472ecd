"""Liger: Triton kernels, fused with the linear layer or of logits (`TRITON_INTERPRET=1` runs them without a GPU).

https://github.com/linkedin/Liger-Kernel/tree/main/src/liger_kernel/transformers/functional.py
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def fused_linear_cross_entropy(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    softcap: Any = None,
    z_loss: float = 0.0,
) -> Any:
    """`liger_fused_linear_cross_entropy`: its z-loss is `lse_square_scale`; sums as the release chooses them."""
    functional: Any = import_module("liger_kernel.transformers.functional")
    return functional.liger_fused_linear_cross_entropy(
        hidden,
        weight,
        labels,
        bias,
        ignore_index=ignore_index,
        lse_square_scale=z_loss,
        label_smoothing=label_smoothing,
        reduction=reduction,
        softcap=softcap,
    )


def fused_linear_cross_entropy_in_float32(
    hidden: Any, weight: Any, labels: Any, *, bias: Any = None, reduction: str = "none", ignore_index: int = -100
) -> Any:
    """`liger_fused_linear_cross_entropy` with `accum_dtype=torch.float32`."""
    torch: Any = import_module("torch")
    functional: Any = import_module("liger_kernel.transformers.functional")
    return functional.liger_fused_linear_cross_entropy(
        hidden, weight, labels, bias, ignore_index=ignore_index, reduction=reduction, accum_dtype=torch.float32
    )


def cross_entropy(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    reduction: str = "none",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    softcap: Any = None,
    z_loss: float = 0.0,
) -> Any:
    """`liger_cross_entropy` of `F.linear`."""
    linear: Any = import_module("torch.nn.functional").linear
    functional: Any = import_module("liger_kernel.transformers.functional")
    return functional.liger_cross_entropy(
        linear(hidden, weight, bias),
        labels,
        ignore_index=ignore_index,
        lse_square_scale=z_loss,
        label_smoothing=label_smoothing,
        reduction=reduction,
        softcap=softcap,
    )


def selective_log_softmax(hidden: Any, weight: Any, labels: Any, *, temperature: float = 1.0) -> Any:
    """`fused_selective_log_softmax` of `F.linear`: forward only; it takes one position more than it has labels for."""
    torch: Any = import_module("torch")
    ops: Any = import_module("liger_kernel.ops.grpo_loss")
    logits = torch.nn.functional.linear(hidden, weight)
    one_more = torch.cat([logits, logits[-1:]])[None].contiguous()
    return -ops.fused_selective_log_softmax(one_more, labels[None].contiguous(), temperature=temperature)[0]


def grpo_loss(hidden: Any, weight: Any, labels: Any, *, temperature: float = 1.0) -> Any:
    """`selective_log_softmax`, differentiable by `triton_grpo_loss`.

    Without old log-probabilities the loss of a token of advantage 1 is -exp(log p - log p), of which one log p is
    constant: it is -1, and its derivative that of -log p.
    """
    torch: Any = import_module("torch")
    public: Any = import_module("liger_kernel.transformers.grpo_loss")
    logits = torch.nn.functional.linear(hidden, weight)
    one_more = torch.cat([logits, logits[-1:]])[None].contiguous()
    tokens = labels[None].contiguous()
    options = {"temperature": temperature, "beta": 0.0, "loss_type": "grpo", "reduce": False}
    advantage = torch.ones(1, dtype=torch.float32, device=logits.device)
    loss = public.triton_grpo_loss(one_more, None, None, tokens, advantage, **options)[0][0]
    return selective_log_softmax(hidden, weight, labels, temperature=temperature) + (loss - loss.detach())


def chunked_log_probs(hidden: Any, weight: Any, labels: Any, *, bias: Any = None, temperature: float = 1.0) -> Any:
    """Take the log-probabilities of `LigerFusedLinearGRPOLoss`, over chunks of 4,096 classes, fused with the layer."""
    losses: Any = import_module("liger_kernel.chunked_loss.fused_linear_ppo")
    chunk = losses._SELECTIVE_LOGPROB_VOCAB_CHUNK_SIZE  # noqa: SLF001 - what the loss passes on
    return -losses._ChunkedSelectiveLogProbFunction.apply(hidden, weight, labels, bias, temperature, chunk)  # noqa: SLF001
