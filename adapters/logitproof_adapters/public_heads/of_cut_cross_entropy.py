"""Apple's cut cross-entropy: `linear_cross_entropy(impl="torch_compile")`, the variant that needs no Triton.

https://github.com/apple/ml-cross-entropy
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def torch_compile(
    hidden: Any,
    weight: Any,
    labels: Any,
    *,
    reduction: str = "none",
    ignore_index: int = -100,
    softcap: Any = None,
    shift: bool = False,
) -> Any:
    """`linear_cross_entropy` by `torch.compile`."""
    package: Any = import_module("cut_cross_entropy")
    return package.linear_cross_entropy(
        hidden,
        weight,
        labels,
        ignore_index=ignore_index,
        softcap=softcap,
        reduction=reduction,
        shift=shift,
        impl="torch_compile",
    )
