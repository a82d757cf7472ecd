"""The dialect of Liger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import INDICES, Dialect
from logitproof_adapters.frameworks.torch.dialect import documented as documented_of_torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what Liger Kernel documents of its losses."""
    return {
        (*INDICES, ""): replace(
            documented_of_torch()[(*INDICES, "")],
            documentation="https://linkedin.github.io/Liger-Kernel/Low-Level-APIs/",
            function="LigerCrossEntropyLoss",
            empty_mean="zero",
            label_formats="any integer (observed)",
        )
    }
