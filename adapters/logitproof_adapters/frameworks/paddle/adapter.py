"""PaddlePaddle: softmax, log_softmax and the losses of paddle.nn.functional, and paddle.logsumexp, by paddle.grad.

The losses are those of https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/functional/Overview_en.html;
the calls are spelled in `functions`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import absent, indexed
from logitproof_adapters.frameworks.paddle.dialect import IGNORED_LABEL, documented
from logitproof_adapters.frameworks.paddle.expressions import ENTRIES, SPELLED, call, program
from logitproof_adapters.sources.source_adapter import SourceAdapter, literal, spelled_words
from logitproof_reference.vocabulary.formats import bfloat16, is_bfloat16, name_of_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Dialect
    from logitproof_reference.vocabulary.cells import Cell


class PaddleAdapter(SourceAdapter):
    """Asks PaddlePaddle on a device: what paddle.set_device takes."""

    name = "paddle"
    dialects = documented()
    modes = ("eager", "graph")
    entries = ENTRIES
    spellings = MappingProxyType(spelled_words(SPELLED))
    one_dimension = ("softmax", "log_softmax", "log_sum_exp")  # of the losses k >= 1: "[N1, N2, ..., Nk, C]"
    imports = "import paddle\nimport paddle.nn.functional as F"
    report = 'print(str(result.dtype).rpartition(".")[2], result.tolist())'
    ignored_labels = (IGNORED_LABEL,)
    most_axes = MappingProxyType({"log_sum_exp": 4})  # paddle.logsumexp: "which have no more than 4 dimensions"
    label_columns = True  # "the shape is [N1, N2, ..., Nk] or [N1, N2, ..., Nk, 1]"
    floating_indices = True  # "the data type of label is int32, int64, float32, float64"

    def __init__(self, device: str = CPU) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Paddle's own, e.g. that no ccache is installed
            import paddle  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(paddle=paddle, F=paddle.nn.functional)
        self._paddle = paddle
        if paddle.device.get_device() == device:
            return
        try:
            self.place(device, f'paddle.set_device("{device.replace("cuda", "gpu")}")')
        except ValueError as error:
            gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
            raise absent("PaddlePaddle", device, [CPU, *indexed(["gpu"] * gpus)]) from error

    def describe(self) -> Description:
        """Return PaddlePaddle's version and device."""
        return Description("PaddlePaddle", self._paddle.__version__, {"device": self.device})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why PaddlePaddle has no such cell, or None."""
        ignored = cell.options.ignore_index
        reasons = {
            "PaddlePaddle has no forward mode but by two backward passes": cell.quantity == "jvp",
            "PaddlePaddle's gradients of softmax and losses have no gradient of their own": cell.quantity == "hvp",
            "PaddlePaddle's losses have no gradient with respect to labels": cell.quantity == "grad_labels",
            "nll_loss smoothes no labels": bool(cell.entry and cell.options.label_smoothing),
            f"label_smoothing encodes labels by one_hot, which refuses {ignored}": (
                ignored is not None and ignored < 0 and cell.options.label_smoothing != 0
            ),
            "PaddlePaddle's CPU kernels take float32 and float64": (
                self.device == CPU and cell.format in {"float16", "bfloat16"}
            ),
        }
        return super().unsupported(cell) or next((reason for reason, applies in reasons.items() if applies), None)

    def dialect(self, cell: Cell) -> Dialect:
        """Return what paddle.nn.functional documents: weights, or an ignored class, change what a mean divides by."""
        stated = super().dialect(cell)
        if cell.options.weight:
            return replace(stated, mean_over=None, unnormalized_gradient="exact")
        ignores = cell.options.ignore_index is not None and cell.options.ignore_index >= 0
        return replace(stated, mean_over=None) if ignores else stated

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        return program(cell, self.expression(cell, axis, ndim))

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged."""
        return call(cell, axis, ndim)

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor of the same numbers; NumPy's uint16 is what PaddlePaddle takes for bfloat16."""
        return self._paddle.to_tensor(array.view(np.uint16) if is_bfloat16(array.dtype) else array)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        found = np.asarray(tensor.detach())
        return found.view(bfloat16()) if tensor.dtype == self._paddle.bfloat16 else found

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f'paddle.to_tensor({literal(array)}, dtype="{name_of_dtype(array.dtype)}").reshape({list(array.shape)})'
