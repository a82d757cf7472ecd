"""ONNX's reference evaluator: the one-operator models of the ONNX Runtime adapter, run in NumPy by onnx itself.

https://onnx.ai/onnx/api/reference.html: "it is not intended to be used for production", but shows what an operator
means, and backends are tested against it. It computes values; gradients are operators of ONNX Runtime's own domain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.frameworks.onnx_reference.dialect import documented
from logitproof_adapters.frameworks.onnxruntime.models import ENTRIES, SPELLINGS, TYPES, filled
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.numpy_build import simd_extensions
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_adapters.sources.unsupported import NOT_ASKED

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

PROGRAM = """def f({arguments}):
    {model}
    return ReferenceEvaluator(model).run(None, {{{feed}}})[0]"""


class OnnxReferenceAdapter(NumpyArrays, SourceAdapter):
    """Asks onnx.reference.ReferenceEvaluator."""

    name = "onnx_reference"
    dialects = documented()
    modes = ("eager",)
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")
    imports = "import numpy as np\nimport onnx.parser\nfrom onnx.reference import ReferenceEvaluator"
    report = "print(result.dtype, result.tolist())"
    entries = ENTRIES
    spellings = SPELLINGS

    def __init__(self) -> None:
        import onnx.parser  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - likewise

        super().__init__(np=np, onnx=onnx, ReferenceEvaluator=ReferenceEvaluator)
        self._version = onnx.__version__

    def describe(self) -> Description:
        """Return the versions of ONNX and of NumPy, which computes, and the SIMD extensions found."""
        return Description("ONNX reference", self._version, {"numpy": np.__version__, "simd": simd_extensions()})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the evaluator has no such cell, or None."""
        reasons = {
            f"ONNX has no operator for {cell.op} of {cell.labels}": cell.labels == "distributions",
            "SoftmaxCrossEntropyLoss smoothes no labels": cell.options.label_smoothing != 0,
            "the reference evaluator differentiates nothing": cell.quantity != "value",
            f"{NOT_ASKED}the models are spelled in float16, float32 and float64": cell.format not in TYPES,
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return filled(PROGRAM, cell, axis, ndim)
