"""ONNX Runtime on the CPU: models of one operator, Softmax, LogSoftmax, ReduceLogSumExp or SoftmaxCrossEntropyLoss.

The models are spelled in `functions`. The eager mode runs them as written (ORT_DISABLE_ALL), the compiled
mode after every graph optimisation (ORT_ENABLE_ALL, the default). Gradients are asked of a build for training, the
last of which is onnxruntime-training-cpu 1.19.2; in others "SoftmaxCrossEntropyLossGrad(-1) is not a registered
function/op".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.frameworks.onnxruntime.dialect import documented
from logitproof_adapters.frameworks.onnxruntime.functions import ENTRIES, NODES, operator, program
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

NO_GRADIENT = {
    ("softmax", "", "float64"),
    ("softmax", "opset11", "float64"),
    ("softmax", "opset11", "float16"),
    ("log_softmax", "", "float64"),
    ("log_softmax", "opset11", "float64"),
}
"""Gradients that a build for training lacks: "Could not find an implementation for SoftmaxGrad_13(1)", and at opset 11
an expansion into operators that are newer.
"""


class OnnxruntimeAdapter(NumpyArrays, SourceAdapter):
    """Asks ONNX Runtime's CPU provider."""

    name = "onnxruntime"
    dialects = documented()
    imports = "import numpy as np\nimport onnx.parser\nimport onnxruntime"
    report = "print(result.dtype, result.tolist())"
    entries = ENTRIES

    def __init__(self) -> None:
        import onnx.parser  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        import onnxruntime  # noqa: PLC0415 - likewise
        from onnxruntime.capi import _pybind_state  # noqa: PLC0415 - likewise

        super().__init__(np=np, onnx=onnx, onnxruntime=onnxruntime)
        self._onnx, self._runtime = onnx, onnxruntime
        self._trains = hasattr(_pybind_state, "GradientGraphBuilder")

    def describe(self) -> Description:
        """Return the versions of ONNX Runtime, which says whether it is a build for training, and of ONNX."""
        build = "+training" if self._trains else ""
        return Description("ONNX Runtime", self._runtime.__version__ + build, {"onnx": self._onnx.__version__})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why ONNX Runtime has no such cell, or None."""
        is_gradient = cell.quantity == "grad_logits"
        reasons = {
            "the CPU provider has no bfloat16 kernel: Could not find an implementation for ReduceMax(13)": (
                cell.format == "bfloat16"
            ),
            f"ONNX has no operator for {cell.op} of {cell.labels}": cell.labels == "distributions",
            "SoftmaxCrossEntropyLoss smoothes no labels": cell.options.label_smoothing != 0,
            "the operators of gradients are in builds for training alone": is_gradient and not self._trains,
            f"ONNX Runtime has no operator for {cell.quantity} of {operator(cell)}": (
                (cell.quantity, operator(cell)) not in NODES
            ),
            f"ONNX Runtime has no kernel for this gradient in {cell.format}": (
                is_gradient and (cell.op, cell.entry, cell.format) in NO_GRADIENT
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return program(cell, axis, ndim)
