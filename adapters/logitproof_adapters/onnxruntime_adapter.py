"""ONNX Runtime on the CPU: models of one operator, Softmax, LogSoftmax, ReduceLogSumExp or SoftmaxCrossEntropyLoss.

A model is ONNX text (https://onnx.ai/onnx/repo-docs/Syntax.html). The operators are those of opset 13; the entry
opset11 is the release before the axis of Softmax and LogSoftmax changed its meaning, nll_loss NegativeLogLikelihoodLoss
of LogSoftmax. Losses take the classes at axis 1; where they lie elsewhere, Transpose brings them there. The eager mode
runs the model as written (ORT_DISABLE_ALL), the compiled mode after every graph optimisation (ORT_ENABLE_ALL, the
default).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.questions import SourceAdapter, arguments, literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell, Options

NODES = {
    "softmax": "z = Softmax <axis={axis}> (x)",
    "log_softmax": "z = LogSoftmax <axis={axis}> (x)",
    "log_sum_exp": "z = ReduceLogSumExp <axes=[{axis}], keepdims=0> (x)",
    "softmax_cross_entropy": "{to_1}z = SoftmaxCrossEntropyLoss <{options}> ({logits}, {labels})",
    "nll_loss": "{to_1}p = LogSoftmax <axis=1> ({logits}) z = NegativeLogLikelihoodLoss <{options}> (p, {labels})",
}
TYPES = {"float16": "float16", "float32": "float", "float64": "double"}
LEVELS = {"eager": "ORT_DISABLE_ALL", "compiled": "ORT_ENABLE_ALL"}
SOFTMAX = ("softmax", "log_softmax")

SOURCE = '''model = onnx.parser.parse_model("""
<ir_version: 8, opset_import: ["" : {opset}]>
answer ({inputs}) => ({type}[{shape}] z) {{ {nodes} }}
""")
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{level}
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
f = lambda {arguments}: session.run(None, {{{feed}}})[0]'''


def spelled(options: Options) -> str:
    """Spell options as the attributes of a loss."""
    ignored = "" if options.ignore_index is None else f", ignore_index={options.ignore_index}"
    return f'reduction="{options.reduction}"{ignored}'


class OnnxruntimeAdapter(SourceAdapter):
    """Asks ONNX Runtime's CPU provider."""

    name = "onnxruntime"
    imports = "import numpy as np\nimport onnx.parser\nimport onnxruntime"
    report = "print(result.dtype, result.tolist())"
    entries = {  # noqa: RUF012 - the contract's attribute, never changed
        ("softmax", "none"): ("opset11",),
        ("log_softmax", "none"): ("opset11",),
        ("softmax_cross_entropy", "indices"): ("nll_loss",),
    }

    def __init__(self) -> None:
        import onnx.parser  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        import onnxruntime  # noqa: PLC0415 - likewise

        super().__init__(np=np, onnx=onnx, onnxruntime=onnxruntime)
        self._onnx, self._runtime = onnx, onnxruntime

    def describe(self) -> Description:
        """Return the versions of ONNX Runtime and of ONNX."""
        return Description("ONNX Runtime", self._runtime.__version__, {"onnx": self._onnx.__version__})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why ONNX Runtime has no such cell, or None."""
        reasons = {
            "onnxruntime runs models and differentiates none": cell.quantity != "value",
            "the CPU provider has no bfloat16 kernel: Could not find an implementation for ReduceMax(13)": (
                cell.format == "bfloat16"
            ),
            f"ONNX has no operator for {cell.op} of {cell.labels}": cell.labels == "distributions",
            "SoftmaxCrossEntropyLoss smoothes no labels": cell.options.label_smoothing != 0,
            "before opset 13 Softmax runs over all axes from the given one on": (
                cell.entry == "opset11" and cell.axis != "last"
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        loss = cell.labels != "none"
        axes = [f"d{place}" for place in range(ndim)]
        rows = ", ".join(axes[:axis] + axes[axis + 1 :])
        letters = arguments(cell).split(", ")
        shapes = {"x": ", ".join(axes), "y": rows, "w": axes[axis]}
        order = [place for place in range(ndim) if place != axis]
        order.insert(1, axis)
        moved = loss and axis != 1
        node = NODES[cell.entry if cell.entry in NODES else cell.op].format(
            axis=axis,
            to_1=f"xt = Transpose <perm={order}> (x) " if moved else "",
            logits="xt" if moved else "x",
            labels=", ".join(letters[1:]),
            options=spelled(cell.options),
        )
        kind = TYPES[cell.format]
        scalar = loss and cell.options.reduction != "none"
        return SOURCE.format(
            opset=11 if cell.entry == "opset11" else 13,
            inputs=", ".join(f"{'int64' if name == 'y' else kind}[{shapes[name]}] {name}" for name in letters),
            type=kind,
            shape="" if scalar else rows if cell.op not in SOFTMAX else shapes["x"],
            nodes=node,
            level=LEVELS[cell.mode],
            arguments=", ".join(letters),
            feed=", ".join(f'"{name}": {name}' for name in letters),
        )

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return the array itself."""
        return array

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return the array, or the NumPy scalar, itself."""
        return np.asarray(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as an array."""
        return f'np.array({literal(array)}, "{array.dtype}").reshape({array.shape})'
