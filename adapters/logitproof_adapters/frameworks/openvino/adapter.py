"""OpenVINO: the one-operator models of the ONNX Runtime adapter, read and compiled for the CPU.

https://docs.openvino.ai/2026/openvino-workflow/model-preparation/convert-model-onnx.html. It computes values alone. A
model is compiled as its users compile it, with the device's defaults: there is one mode.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.frameworks.onnxruntime.models import ENTRIES, SPELLINGS, TYPES, filled
from logitproof_adapters.frameworks.openvino.dialect import documented
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_adapters.sources.unsupported import NOT_ASKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell

PROGRAM = """def f({arguments}):
    {model}
    read = core.read_model(io.BytesIO(model.SerializeToString()))
    return core.compile_model(read, "CPU")({{{feed}}})[0]"""


class OpenvinoAdapter(NumpyArrays, SourceAdapter):
    """Asks OpenVINO's CPU plugin."""

    name = "openvino"
    dialects = documented()
    modes = ("eager",)
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")
    imports = "import io\nimport numpy as np\nimport onnx.parser\nimport openvino\ncore = openvino.Core()"
    report = "print(result.dtype, result.tolist())"
    entries = ENTRIES
    spellings = SPELLINGS

    def __init__(self) -> None:
        import onnx.parser  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        import openvino  # noqa: PLC0415 - likewise

        self._core = openvino.Core()
        super().__init__(np=np, io=io, onnx=onnx, core=self._core)
        self._version = str(openvino.__version__)
        self._onnx = str(onnx.__version__)

    def describe(self) -> Description:
        """Return the versions of OpenVINO and of ONNX, and the formats that the processor is said to compute in."""
        capabilities = " ".join(self._core.get_property(CPU.upper(), "OPTIMIZATION_CAPABILITIES"))
        return Description("OpenVINO", self._version.partition("-")[0], {"onnx": self._onnx, "simd": capabilities})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why OpenVINO has no such cell, or None."""
        reasons = {
            f"ONNX has no operator for {cell.op} of {cell.labels}": cell.labels == "distributions",
            f"{NOT_ASKED}ONNX' losses smooth no labels, and OpenVINO leaves out attributes that they do not have": (
                cell.options.label_smoothing != 0
            ),
            "OpenVINO differentiates nothing": cell.quantity != "value",
            f"{NOT_ASKED}the CPU plugin computes float64 in float32": cell.format == "float64",
            f"{NOT_ASKED}the models are spelled in float16 and float32": cell.format not in TYPES,
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return filled(PROGRAM, cell, axis, ndim)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of its own: the result's memory is that of the compiled model."""
        return np.array(tensor)
