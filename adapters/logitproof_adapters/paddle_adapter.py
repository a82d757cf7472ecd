"""PaddlePaddle: softmax, log_softmax and the losses of paddle.nn.functional, and paddle.logsumexp, by paddle.grad.

cross_entropy takes any class axis; with soft labels and without reduction it keeps that axis, of length one
(https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/functional/cross_entropy_en.html). The graph mode
is paddle.jit.to_static of the forward pass, and with it of its backward pass.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.questions import SourceAdapter, arguments, literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Dialect
    from logitproof_reference.cells import Cell, Options

EXPRESSIONS = {
    ("softmax", "none"): "F.softmax(x, axis={axis})",
    ("log_softmax", "none"): "F.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none"): "paddle.logsumexp(x, axis={axis})",
    ("softmax_cross_entropy", "indices"): "F.cross_entropy(x, y, axis={axis}, {options})",
    ("softmax_cross_entropy", "distributions"): "F.cross_entropy(x, y, axis={axis}, soft_label=True, {options}){rows}",
    ("nll_loss", "indices"): "F.nll_loss(F.log_softmax(x, axis=1), y, {options})",
    ("sigmoid_cross_entropy", "distributions"): "F.binary_cross_entropy_with_logits(x, y, {options})",
}

ANSWERS = {
    "value": "forward(x)",
    "grad_logits": "paddle.grad(forward(x), x, c)[0]",
}


def spelled(options: Options) -> str:
    """Spell options as the arguments of a loss."""
    given = {
        "reduction": repr(options.reduction),
        "weight": "w" if options.weight else "",
        "pos_weight": "pw" if options.pos_weight else "",
        "ignore_index": "" if options.ignore_index is None else str(options.ignore_index),
        "label_smoothing": str(options.label_smoothing or ""),
    }
    return ", ".join(f"{name}={value}" for name, value in given.items() if value)


class PaddleAdapter(SourceAdapter):
    """Asks PaddlePaddle on the CPU."""

    name = "paddle"
    modes = ("eager", "graph")
    imports = "import paddle\nimport paddle.nn.functional as F"
    report = 'print(str(result.dtype).removeprefix("paddle."), result.tolist())'
    ignored_labels = (-100,)  # the default of ignore_index in paddle.nn.functional.cross_entropy
    entries = {("softmax_cross_entropy", "indices"): ("nll_loss",)}  # noqa: RUF012 - never changed

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Paddle's own, e.g. that no ccache is installed
            import paddle  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(paddle=paddle, F=paddle.nn.functional)
        self._paddle = paddle

    def describe(self) -> Description:
        """Return PaddlePaddle's version and device."""
        return Description("PaddlePaddle", self._paddle.__version__, {"device": self._paddle.device.get_device()})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why PaddlePaddle has no such cell, or None."""
        reasons = {
            "PaddlePaddle's CPU kernels of softmax take float32 and float64": cell.format in {"float16", "bfloat16"},
            "PaddlePaddle has no forward mode but by two backward passes": cell.quantity == "jvp",
            "PaddlePaddle's gradient kernels of softmax and losses have no gradient of their own": cell.quantity
            == "hvp",
            "PaddlePaddle's losses have no gradient with respect to labels": cell.quantity == "grad_labels",
            "nll_loss smoothes no labels": bool(cell.entry and cell.options.label_smoothing),
            "ignore_index is not valid with the soft labels that label_smoothing makes": (
                cell.options.ignore_index is not None and cell.options.label_smoothing != 0
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
        """Return source that defines ``f``; inside, ``forward`` is what to_static makes a graph of."""
        del ndim
        rows = f".squeeze({axis})" if cell.options.reduction == "none" else ""
        key = (cell.entry or cell.op, cell.labels)
        expression = EXPRESSIONS[key].format(axis=axis, rows=rows, options=spelled(cell.options))
        forward = f"lambda x: {expression}"
        if cell.mode == "graph":
            forward = f"paddle.jit.to_static({forward})"
        wrt = "" if cell.quantity == "value" else "x.stop_gradient = False\n    "
        return f"def f({arguments(cell)}):\n    {wrt}forward = {forward}\n    return {ANSWERS[cell.quantity]}"

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor of the same numbers."""
        return self._paddle.to_tensor(array)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        return np.asarray(tensor.detach())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f'paddle.to_tensor({literal(array)}, dtype="{array.dtype}").reshape({list(array.shape)})'
