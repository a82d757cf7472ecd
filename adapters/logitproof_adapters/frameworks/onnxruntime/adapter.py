"""ONNX Runtime: models of one operator, Softmax, LogSoftmax, ReduceLogSumExp or SoftmaxCrossEntropyLoss.

The models are spelled in `functions`. The eager mode runs them as written (ORT_DISABLE_ALL), the compiled
mode after every graph optimisation (ORT_ENABLE_ALL, the default). Gradients are asked of a build for training, the
last of which is onnxruntime-training-cpu 1.19.2; in others "SoftmaxCrossEntropyLossGrad(-1) is not a registered
function/op".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent
from logitproof_adapters.frameworks.onnxruntime.dialect import documented
from logitproof_adapters.frameworks.onnxruntime.models import (
    ENTRIES,
    NO_FALLBACK,
    NODES,
    SPELLINGS,
    SUFFIX,
    TYPES,
    operation,
    operator,
    program,
    provider_of,
)
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """Asks an execution provider alone: unless told, ONNX Runtime computes on the CPU what one has no kernel for."""

    name = "onnxruntime"
    dialects = documented()
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")
    imports = "import numpy as np\nimport onnx.parser\nimport onnxruntime"
    report = "print(result.dtype, result.tolist())"
    entries = ENTRIES
    spellings = SPELLINGS

    def __init__(self, device: str = CPU) -> None:
        import onnx.parser  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        import onnxruntime  # noqa: PLC0415 - likewise
        from onnxruntime.capi import _pybind_state  # noqa: PLC0415 - likewise

        super().__init__(np=np, onnx=onnx, onnxruntime=onnxruntime)
        self._onnx, self._runtime = onnx, onnxruntime
        self._trains = hasattr(_pybind_state, "GradientGraphBuilder")
        available = onnxruntime.get_available_providers()
        self.device, self._provider = device, provider_of(device, available)
        if not self._provider:
            raise absent("ONNX Runtime", device, [name[: -len(SUFFIX)].lower() for name in reversed(available)])

    def describe(self) -> Description:
        """Return the versions of ONNX Runtime, which says whether it is a build for training, and of ONNX."""
        build = "+training" if self._trains else ""
        surroundings = {"onnx": self._onnx.__version__, "device": self.device, "provider": self._provider}
        return Description("ONNX Runtime", self._runtime.__version__ + build, surroundings)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why ONNX Runtime has no such cell, or None."""
        is_gradient = cell.quantity == "grad_logits"
        reasons = {
            "the CPU provider has no bfloat16 kernel: Could not find an implementation for ReduceMax(13)": (
                cell.format == "bfloat16" and self.device == CPU
            ),
            f"{NOT_ASKED}the models are spelled in float16, float32 and float64": cell.format not in TYPES,
            f"ONNX has no operator for {cell.op} of {cell.labels}": cell.labels == "distributions",
            "SoftmaxCrossEntropyLoss smoothes no labels": cell.options.label_smoothing != 0,
            f"ONNX Runtime has no operator for {cell.quantity} of {operator(cell)}": (
                (cell.quantity, operator(cell)) not in NODES
            ),
            "the operators of gradients are in builds for training alone": is_gradient and not self._trains,
            f"ONNX Runtime has no kernel for this gradient in {cell.format}": (
                is_gradient and (cell.op, cell.entry, cell.format) in NO_GRADIENT
            ),
        }
        reason = super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)
        return reason or (None if self.device == CPU else self._without_kernel(cell))

    def _without_kernel(self, cell: Cell) -> str | None:
        """Return that the provider lacks a kernel for a cell, or None; ONNX Runtime tells when given the model."""
        dtype = FORMATS[cell.format].dtype
        x, y, w = np.ones((2, 2), dtype), np.zeros(2, np.int64), np.ones(2, dtype)
        by_letter = {"x": x, "y": y, "w": w, "c": np.ones(x.shape if cell.has_class_axis else 2, dtype)}
        if cell.options.reduction != "none":
            by_letter["c"] = np.ones((), dtype)
        try:
            self._function(cell, 1, x)(*(by_letter[letter] for letter in arguments(cell).split(", ")))
        except Exception as error:  # noqa: BLE001 - the type differs between releases
            return f"{self._provider} has no kernel for it" if "fallback to CPU" in str(error) else None
        return None

    def operate(self, name: str, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Return what a model of one operator gives, on the provider alone."""
        model = self._onnx.parser.parse_model(operation(name, [str(array.dtype) for array in arrays]))
        options = self._runtime.SessionOptions()
        if self.device != CPU:
            options.add_session_config_entry(*NO_FALLBACK)
        session = self._runtime.InferenceSession(model.SerializeToString(), options, providers=[self._provider])
        return np.asarray(session.run(None, dict(zip("xy", arrays)))[0])

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        text = program(cell, axis, ndim, self._provider, self.device)
        if hasattr(self._onnx.helper, "np_dtype_to_tensor_dtype"):
            return text
        # Before ONNX 1.13 a table does it.
        return re.sub(r"helper\.np_dtype_to_tensor_dtype\((\w+\.dtype)\)", r"mapping.NP_TYPE_TO_TENSOR_TYPE[\1]", text)
