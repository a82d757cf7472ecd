"""PyTorch's functions as source: what is called for an op, and how it is differentiated and run in each mode.

CrossEntropyLoss takes the classes at axis 1; where they lie elsewhere, movedim brings them there, a view. Mode
``compiled`` is torch.compile of the forward pass, and with it of its backward pass; fullgraph=True makes a failure to
compile an error instead of a silent return to eager. Mode ``vmap`` is torch.func.vmap of the answer for one row.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES
from logitproof_adapters.sources.source_adapter import arguments
from logitproof_reference.vocabulary.ops import TAKES_TANGENT

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell, Options

EXPRESSIONS = {
    ("softmax", "none", ""): "torch.softmax(x, {axis})",
    ("log_softmax", "none", ""): "torch.log_softmax(x, {axis})",
    ("log_sum_exp", "none", ""): "torch.logsumexp(x, {axis})",
    ("softmax", "none", "dtype"): "torch.softmax(x, {axis}, dtype=torch.float64).to(x.dtype)",
    ("log_softmax", "none", "dtype"): "torch.log_softmax(x, {axis}, dtype=torch.float64).to(x.dtype)",
    ("softmax", "none", "softmin"): "torch.nn.functional.softmin(-x, {axis})",
    (*INDICES, ""): "torch.nn.CrossEntropyLoss({options})(x{to_1}, y)",
    (*INDICES, "functional"): "torch.nn.functional.cross_entropy(x{to_1}, y, {options})",
    (*INDICES, "nll_loss"): "torch.nn.functional.nll_loss(torch.log_softmax(x, {axis}){to_1}, y, {options})",
    (*DISTRIBUTIONS, ""): "torch.nn.CrossEntropyLoss({options})(x{to_1}, y{to_1})",
    (*DISTRIBUTIONS, "functional"): "torch.nn.functional.cross_entropy(x{to_1}, y{to_1}, {options})",
    ("sigmoid_cross_entropy", "distributions", ""): "torch.nn.BCEWithLogitsLoss({options})(x, y)",
}
"""Calls by op, labels and entry. Entry ``dtype`` casts "before the operation is performed" to float64."""

SPELLED = {
    ("log_sum_exp", "two_class_axes"): "torch.logsumexp(x, ({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "torch.logsumexp(x, {axis}, keepdim=True)",
    ("log_sum_exp", "given_array"): "torch.logsumexp(x, {axis}, out=x.new_zeros(2 * len(x))[::2])",
    ("softmax", "given_array"): "torch._softmax(x, {axis}, False, out=x.new_zeros(x.shape[::-1]).t())",
    ("log_softmax", "given_array"): "torch._log_softmax(x, {axis}, False, out=x.new_zeros(x.shape[::-1]).t())",
}
"""Further calls by op and word of `Adapter.spellings`; with out=, for those to whom an array is given."""

STRIDED_OUTPUTS = {
    "softmax": "torch._softmax_backward_data(c, {saved}, {axis}, x.dtype)",
    "log_softmax": "torch._log_softmax_backward_data(c, {saved}, {axis}, x.dtype)",
}
"""Word ``strided_output``: the backward kernels, which kernels and compilers call with a result that they saved."""

ENTRIES = MappingProxyType(
    {
        family: tuple(word for *of, word in EXPRESSIONS if tuple(of) == family and word)
        for family in (("softmax", "none"), ("log_softmax", "none"), INDICES, DISTRIBUTIONS)
    }
)

ANSWERS = {
    "value": "forward(x)",
    "grad_logits": "torch.autograd.grad(forward(x.requires_grad_()), x, c)[0]",
    "second_grad_logits": (
        "[torch.autograd.grad(value, x, c, retain_graph=True)[0]"
        " for value in [forward(x.requires_grad_())] for _ in range(2)][1]"
    ),
    "grad_labels": "torch.autograd.grad(forward(x, y.requires_grad_()), y, c)[0]",
    "mixed_derivative": (
        "torch.autograd.grad(torch.autograd.grad(forward(x.requires_grad_(), y.requires_grad_()), x, c,"
        " create_graph=True)[0], y, v)[0]"
    ),
    "jvp": "torch.func.jvp(forward, (x,), (v,))[1]",
    "hvp": "torch.func.jvp(lambda x: torch.func.vjp(forward, x)[1](c)[0], (x,), (v,))[1]",
}

MAPPED_ANSWERS = {
    **ANSWERS,
    "grad_logits": "torch.func.vjp(forward, x)[1](c)[0]",
    "grad_labels": "torch.func.vjp(lambda y: forward(x, y), y)[1](c)[0]",
}
"""Within torch.func.vmap derivatives are torch.func's: torch.autograd refuses a tensor that is mapped over."""


def options_source(options: Options) -> str:
    """Spell options as the arguments of a loss."""
    given = {
        "reduction": repr(options.reduction),
        "weight": "w" if options.weight else "",
        "pos_weight": "pw" if options.pos_weight else "",
        "ignore_index": "" if options.ignore_index is None else str(options.ignore_index),
        "label_smoothing": str(options.label_smoothing or ""),
    }
    return ", ".join(f"{name}={value}" for name, value in given.items() if value)


def backward_of_strided(cell: Cell, axis: int) -> str:
    """Return source that defines ``f``: the gradient from a saved result whose columns lie apart in memory."""
    call = STRIDED_OUTPUTS[cell.op].format(saved="saved", axis=axis)
    saved = f"{EXPRESSIONS[cell.op, 'none', ''].format(axis=axis)}.t().contiguous().t()"
    return f"def f(x, c):\n    saved = {saved}\n    return {call}"


def program(cell: Cell, expression: str) -> str:
    """Return source that defines ``f``; inside, ``forward`` is what is compiled."""
    letters = arguments(cell)
    others = "".join(f", {letter}={letter}" for letter in letters.split(", ") if letter in {"y", "w", "pw", "m"})
    forward = f"lambda x{others}: {expression}"
    # torch.func refuses to differentiate through a compiled forward: there the derivative is compiled whole.
    whole = cell.quantity in TAKES_TANGENT
    if cell.mode == "compiled" and not whole:
        forward = f"torch.compile({forward}, fullgraph=True)"
    decorators = {"compiled": "@torch.compile(fullgraph=True)\n" if whole else "", "vmap": "@torch.func.vmap\n"}
    answers = MAPPED_ANSWERS if cell.mode == "vmap" else ANSWERS
    head = f"{decorators.get(cell.mode, '')}def f({letters}):"
    return f"{head}\n    forward = {forward}\n    return {answers[cell.quantity]}"
