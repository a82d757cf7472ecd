"""The dialect of ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.contract import INDICES, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss


def documented() -> Mapping[Loss, Dialect]:
    """Return what ONNX documents of its losses."""
    page = "https://onnx.ai/onnx/operators/onnx__"
    loss = Dialect(
        documentation=f"{page}SoftmaxCrossEntropyLoss.html",
        function="SoftmaxCrossEntropyLoss",
        takes=("reduction", "weight", "ignore_index"),
        reduction="mean",
        class_axis="1",
        label_formats="int32, int64",
        out_of_range="an error; -1 is the last class (observed)",
        ignored_index="none",
    )
    return {
        (*INDICES, ""): loss,
        (*INDICES, "opset12"): replace(loss, function="SoftmaxCrossEntropyLoss of opset 12"),
        (*INDICES, "nll_loss"): replace(
            loss, documentation=f"{page}NegativeLogLikelihoodLoss.html", function="NegativeLogLikelihoodLoss"
        ),
    }
