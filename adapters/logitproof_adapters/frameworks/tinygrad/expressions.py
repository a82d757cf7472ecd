"""tinygrad's functions as source: what is called for an op, and how it is differentiated and run in each mode.

cross_entropy and nll_loss take the classes at axis 1, sparse_categorical_crossentropy last; where they lie elsewhere,
permute brings them there. Mode ``compiled`` is TinyJit, whose third call is the first that replays what the second
recorded.
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
    ("softmax", "none", ""): "x.softmax({axis})",
    ("log_softmax", "none", ""): "x.log_softmax({axis})",
    ("log_sum_exp", "none", ""): "x.logsumexp({axis})",
    (*INDICES, ""): "x{to_1}.cross_entropy(y, {options})",
    (*INDICES, "sparse_categorical_crossentropy"): "x{to_last}.sparse_categorical_crossentropy(y, {options})",
    (*INDICES, "nll_loss"): "x{to_1}.log_softmax(1).nll_loss(y, {options})",
    (*DISTRIBUTIONS, ""): "x{to_1}.cross_entropy(y{to_1}, {options})",
    (*SIGMOID, ""): "x.binary_crossentropy_logits(y, {options})",
}
"""Calls by op, labels and entry; the options go by the names that PyTorch gave them."""

SPELLED = {
    ("log_sum_exp", "two_class_axes"): "x.logsumexp(({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "x.logsumexp({axis}, keepdim=True)",
    ("log_sum_exp", "every_axis"): "x.logsumexp()",
}
"""Further calls by op and word of `Adapter.spellings`."""

ENTRIES = MappingProxyType({INDICES: ("sparse_categorical_crossentropy", "nll_loss")})

ANSWERS = {
    "value": "{expression}",
    "grad_logits": "{expression}.gradient(x, gradient=c)[0]",
    "grad_labels": "{expression}.gradient(y, gradient=c)[0]",
    "hvp": "{expression}.gradient(x, gradient=c)[0].gradient(x, gradient=v)[0]",
}

PROGRAMS = {
    "eager": "f = lambda {letters}: {answer}",
    "compiled": (
        "jitted = TinyJit(lambda {letters}: {answer}.realize())\n"
        "f = lambda {letters}: [jitted({letters}) for _ in range(3)][-1]"
    ),
}


def call(cell: Cell, axis: int, ndim: int) -> str:
    """Return the call that answers a cell, where the logits x have `ndim` axes and their classes lie at `axis`."""
    spelled = SPELLED.get((cell.op, cell.entry)) or EXPRESSIONS[cell.op, cell.labels, cell.entry]
    return spelled.format(
        axis=axis,
        last=ndim - 1,
        to_1=_moved(axis, 1, ndim),
        to_last=_moved(axis, ndim - 1, ndim),
        options=options_source(cell.options),
    )


def program(cell: Cell, expression: str) -> str:
    """Return source that defines ``f``."""
    answer = ANSWERS[cell.quantity].format(expression=expression)
    return PROGRAMS[cell.mode].format(letters=arguments(cell), answer=answer)


def _moved(axis: int, place: int, ndim: int) -> str:
    """Return the call that brings an axis to a place and keeps the order of the others; empty if it is there."""
    order = [other for other in range(ndim) if other != axis]
    order.insert(place, axis)
    return "" if axis == place else f".permute({', '.join(map(str, order))})"
