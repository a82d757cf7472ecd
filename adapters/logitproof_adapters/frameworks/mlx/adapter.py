"""MLX: mx.softmax, mx.logsumexp and the losses of mlx.nn, differentiated by mx.vjp and mx.jvp.

The losses take the class axis and return the unreduced loss by default; their weights are those of rows, not of classes
(https://ml-explore.github.io/mlx/build/html/python/nn/losses.html). The compiled mode is mx.compile of the whole.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent, parted
from logitproof_adapters.frameworks.mlx.dialect import documented
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments, literal, spelled_words
from logitproof_adapters.sources.unsupported import NOT_ASKED
from logitproof_reference.vocabulary.cells import SIGMOID
from logitproof_reference.vocabulary.formats import bfloat16, is_bfloat16, name_of_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Options

EXPRESSIONS = {
    "softmax": "mx.softmax(x, axis={axis})",
    "log_softmax": "nn.log_softmax(x, axis={axis})",
    "log_sum_exp": "mx.logsumexp(x, axis={axis})",
    "softmax_cross_entropy": "nn.losses.cross_entropy(x, y, axis={axis}{options})",
    "sigmoid_cross_entropy": "nn.losses.binary_cross_entropy(x, y{options})",
}

SPELLED = {
    ("softmax", "two_class_axes"): "mx.softmax(x, axis=[{axis}, {last}])",
    ("softmax", "every_axis"): "mx.softmax(x)",
    ("log_sum_exp", "two_class_axes"): "mx.logsumexp(x, axis=[{axis}, {last}])",
    ("log_sum_exp", "kept_axis"): "mx.logsumexp(x, axis={axis}, keepdims=True)",
    ("log_sum_exp", "every_axis"): "mx.logsumexp(x)",
}
"""Further calls by op and word of `Adapter.spellings`."""

ANSWERS = {
    "value": "{expression}",
    "grad_logits": "mx.vjp(lambda x: {expression}, [x], [c])[1][0]",
    "grad_labels": "mx.vjp(lambda y: {expression}, [y], [c])[1][0]",
    "jvp": "mx.jvp(lambda x: {expression}, [x], [v])[1][0]",
    "hvp": "mx.jvp(lambda x: mx.vjp(lambda x: {expression}, [x], [c])[1][0], [x], [v])[1][0]",
}


def options_source(options: Options) -> str:
    """Spell options as the arguments of a loss."""
    smoothing = f", label_smoothing={options.label_smoothing}" if options.label_smoothing else ""
    return f'{smoothing}, reduction="{options.reduction}"'


class MlxAdapter(SourceAdapter):
    """Asks MLX on a device: ``cpu`` or ``gpu``."""

    name = "mlx"
    dialects = documented()
    negative_strides = False  # mx.array: "Cannot convert DLPack arrays with negative strides to mlx array"
    spellings = MappingProxyType(spelled_words(SPELLED))
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")
    imports = "import mlx.core as mx\nimport mlx.nn as nn\nimport numpy as np"
    report = 'mx.eval(result)\nprint(str(result.dtype).removeprefix("mlx.core."), result.tolist())'

    def __init__(self, device: str = CPU) -> None:
        import mlx.core as mx  # noqa: PLC0415 - an adapter imports its framework here and nowhere else
        from mlx import nn  # noqa: PLC0415 - likewise

        super().__init__(mx=mx, nn=nn)
        self._mx = mx
        kind, index = parted(device.replace("cuda", "gpu"))
        if (kind, index) == (CPU, 0) and mx.default_device() == mx.Device(mx.cpu, 0):
            return
        try:
            self.place(device, f"mx.set_default_device(mx.Device(mx.DeviceType.{kind}, {index}))")
            mx.eval(mx.ones(1) + 1)
        except (AttributeError, RuntimeError, ValueError) as error:
            raise absent("MLX", device, self._devices()) from error

    def _devices(self) -> list[str]:
        return [CPU, *(["gpu"] if self._mx.metal.is_available() or self._has_cuda() else [])]

    def _has_cuda(self) -> bool:
        return hasattr(self._mx, "cuda") and bool(self._mx.cuda.is_available())

    def describe(self) -> Description:
        """Return MLX's version and device."""
        return Description("MLX", self._mx.__version__, {"device": self.device})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why MLX has no such cell, or None."""
        weights = cell.options.weight or cell.options.pos_weight
        reasons = {
            f"{NOT_ASKED}mlx.nn.losses.cross_entropy has the derivative of labels that sum to 1 and stay so": (
                cell.quantity == "grad_labels" and cell.op != SIGMOID
            ),
            "MLX has float64 on the CPU alone": cell.format == "float64" and parted(self.device)[0] != CPU,
            "mlx.nn.losses weigh rows, not classes": weights,
            "mlx.nn.losses.cross_entropy ignores no index": cell.options.ignore_index is not None,
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        expression = self.expression(cell, axis, ndim)
        answer = f"lambda {arguments(cell)}: " + ANSWERS[cell.quantity].format(expression=expression)
        return f"f = mx.compile({answer})" if cell.mode == "compiled" else f"f = {answer}"

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged."""
        spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op]
        return spelled.format(axis=axis, last=ndim - 1, options=options_source(cell.options))

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return an MLX array of the same numbers; without a dtype, float64 would become float32."""
        if is_bfloat16(array.dtype):  # its bits, which need no ml_dtypes
            return self._mx.array(array.view(np.uint16)).view(self._mx.bfloat16)
        dtype = self._mx.bool_ if array.dtype.kind == "b" else getattr(self._mx, array.dtype.name)
        return self._mx.array(array, dtype=dtype)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the result's format; NumPy's view of a bfloat16 array needs its bits."""
        self._mx.eval(tensor)  # an error of the evaluation is lost now and then where NumPy is the first to ask for it
        if tensor.dtype == self._mx.bfloat16:
            return np.array(tensor.view(self._mx.uint16)).view(bfloat16())
        return np.array(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as an MLX array, by way of NumPy's float64: MLX rounds Python numbers to float32 first."""
        return f"mx.array(np.array({literal(array)}), dtype=mx.{name_of_dtype(array.dtype)}).reshape({array.shape})"
