"""The dialect of OpenVINO, which reads ONNX's losses: what ONNX documents about them, and observed behaviour."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.onnxruntime.dialect import documented as by_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Dialect, Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what ONNX documents of its losses, as OpenVINO reads them."""
    outside = "an error; -K to -1 count from the end (observed)"
    return {loss: replace(stated, out_of_range=outside) for loss, stated in by_onnx().items()}
