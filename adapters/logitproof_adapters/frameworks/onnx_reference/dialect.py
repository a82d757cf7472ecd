"""The dialect of ONNX's reference evaluator: what ONNX documents about its losses, and how the evaluator differs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.onnxruntime.dialect import documented as by_onnx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Dialect, Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what ONNX documents, with what every call of the evaluator shows."""
    formats, outside = "int32, int64; others are taken (observed)", "an error; -K to -1 count from the end (observed)"
    return {loss: replace(stated, label_formats=formats, out_of_range=outside) for loss, stated in by_onnx().items()}
