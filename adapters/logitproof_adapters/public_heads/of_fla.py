"""fla-core: Triton kernels, fused with the linear layer or of logits (`TRITON_INTERPRET=1` runs them without a GPU).

https://github.com/fla-org/flash-linear-attention/tree/main/fla/modules
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
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    scale: float = 1.0,
    softcap: Any = None,
) -> Any:
    """`fused_linear_cross_entropy_loss`: a sum or a mean, in eight chunks of rows, summed in float32."""
    module: Any = import_module("fla.modules.fused_linear_cross_entropy")
    return module.fused_linear_cross_entropy_loss(
        hidden,
        labels,
        weight,
        bias,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        logit_scale=scale,
        logit_softcapping=softcap,
        reduction=reduction,
    )


def fused_linear_cross_entropy_narrow(
    hidden: Any, weight: Any, labels: Any, *, reduction: str = "mean", ignore_index: int = -100
) -> Any:
    """`fused_linear_cross_entropy_loss` in sixty-four chunks with `accumulate_grad_in_fp32=False`."""
    module: Any = import_module("fla.modules.fused_linear_cross_entropy")
    options = {"num_chunks": 64, "accumulate_grad_in_fp32": False}
    return module.fused_linear_cross_entropy_loss(
        hidden, labels, weight, ignore_index=ignore_index, reduction=reduction, **options
    )


def cross_entropy(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    bias: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    scale: float = 1.0,
    softcap: Any = None,
    z_loss: float = 0.0,
) -> Any:
    """`cross_entropy_loss` of `F.linear`: a loss per row; its second result is the z-loss, already included."""
    linear: Any = import_module("torch.nn.functional").linear
    module: Any = import_module("fla.modules.fused_cross_entropy")
    losses, _ = module.cross_entropy_loss(
        linear(hidden, weight, bias),
        labels,
        label_smoothing=label_smoothing,
        logit_scale=scale,
        lse_square_scale=z_loss,
        logit_softcapping=softcap,
        ignore_index=ignore_index,
    )
    return losses
