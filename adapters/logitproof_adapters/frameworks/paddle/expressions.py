"""PaddlePaddle's functions as source: what is called for an op, and how it is differentiated and run in each mode.

cross_entropy takes any class axis; with soft labels and without reduction it keeps that axis, of length one. nll_loss
takes the classes at axis 1; where they lie elsewhere, moveaxis brings them there. Mode ``graph`` is
paddle.jit.to_static of the forward pass, and with it of its backward pass.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID
from logitproof_adapters.frameworks.torch.expressions import options_source
from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

EXPRESSIONS = {
    ("softmax", "none", ""): "F.softmax(x, axis={axis})",
    ("log_softmax", "none", ""): "F.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none", ""): "paddle.logsumexp(x, axis={axis})",
    (*INDICES, ""): "F.cross_entropy(x, y, axis={axis}, {options})",
    (*INDICES, "nll_loss"): "F.nll_loss(F.log_softmax(x, axis={axis}){to_1}, y, {options})",
    (*DISTRIBUTIONS, ""): "F.cross_entropy(x, y, axis={axis}, soft_label=True, {options}){rows}",
    (*SIGMOID, ""): "F.binary_cross_entropy_with_logits(x, y, {options})",
}
"""Calls by op, labels and entry; the options go by the names that PyTorch gave them."""

SPELLED = {
    ("log_sum_exp", "two_class_axes"): "paddle.logsumexp(x, axis=[{axis}, {last}])",
    ("log_sum_exp", "kept_axis"): "paddle.logsumexp(x, axis={axis}, keepdim=True)",
    ("log_sum_exp", "every_axis"): "paddle.logsumexp(x)",
}
"""Further calls by op and word of `Adapter.spellings`."""

ENTRIES = MappingProxyType({INDICES: ("nll_loss",)})

PROGRAMS = {
    "value": "def f({letters}):\n    return ({forward})(x)",
    "grad_logits": ("def f({letters}):\n    x.stop_gradient = False\n    return paddle.grad(({forward})(x), x, c)[0]"),
}
FORWARD = {"eager": "lambda x: {call}", "graph": "paddle.jit.to_static(lambda x: {call})"}


def call(cell: Cell, axis: int, ndim: int) -> str:
    """Return the call that answers a cell, where the logits x have `ndim` axes and their classes lie at `axis`."""
    spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op, cell.labels, cell.entry]
    return spelled.format(
        axis=axis,
        last=ndim - 1,
        to_1="" if axis == 1 else f".moveaxis({axis}, 1)",
        rows=f".squeeze({axis})" if cell.options.reduction == "none" else "",
        options=options_source(cell.options),
    )


def program(cell: Cell, expression: str) -> str:
    """Return source that defines ``f``."""
    forward = FORWARD[cell.mode].format(call=expression)
    return PROGRAMS[cell.quantity].format(letters=arguments(cell), forward=forward)
