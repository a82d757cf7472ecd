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
