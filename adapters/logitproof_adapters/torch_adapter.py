"""PyTorch: torch.softmax, log_softmax, logsumexp and torch.nn.CrossEntropyLoss, differentiated by torch.autograd.

CrossEntropyLoss takes the classes at axis 1 (https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html);
where they lie elsewhere, movedim brings them there, a view. The compiled mode is torch.compile of the forward pass, and
with it of its backward pass; fullgraph=True makes a failure to compile an error instead of a silent return to eager.
"""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.contract import Description, Dialect
from logitproof_adapters.questions import SourceAdapter, arguments, behind_producer, literal
from logitproof_reference.cells import PRODUCERS, TAKES_VECTOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell, Inputs, Options

EXPRESSIONS = {
    ("softmax", "none"): "torch.softmax(x, {axis})",
    ("log_softmax", "none"): "torch.log_softmax(x, {axis})",
    ("log_sum_exp", "none"): "torch.logsumexp(x, {axis})",
    ("softmax_cross_entropy", "indices"): "torch.nn.CrossEntropyLoss({options})(x{to_1}, y)",
    ("softmax_cross_entropy", "distributions"): "torch.nn.CrossEntropyLoss({options})(x{to_1}, y{to_1})",
    ("sigmoid_cross_entropy", "distributions"): "torch.nn.BCEWithLogitsLoss({options})(x, y)",
}

NLL_LOSS = "torch.nn.NLLLoss({options})(torch.log_softmax(x, {axis}){to_1}, y)"
"""The same loss in two steps; torch.nn.functional.cross_entropy is what the module calls and needs no entry."""

ANSWERS = {
    "value": "forward(x)",
    "grad_logits": "torch.autograd.grad(forward(x.requires_grad_()), x, c)[0]",
    "grad_labels": "torch.autograd.grad(forward(x, y.requires_grad_()), y, c)[0]",
    "jvp": "torch.func.jvp(forward, (x,), (v,))[1]",
    "hvp": "torch.func.jvp(lambda x: torch.func.vjp(forward, x)[1](c)[0], (x,), (v,))[1]",
}


def spelled(options: Options) -> str:
    """Spell options as the arguments of a loss module."""
    given = {
        "reduction": repr(options.reduction),
        "weight": "w" if options.weight else "",
        "pos_weight": "pw" if options.pos_weight else "",
        "ignore_index": "" if options.ignore_index is None else str(options.ignore_index),
        "label_smoothing": str(options.label_smoothing or ""),
    }
    return ", ".join(f"{name}={value}" for name, value in given.items() if value)


NO_SMOOTHING = "NLLLoss smooths no labels; CrossEntropyLoss does"
DOCUMENTATION = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


class TorchAdapter(SourceAdapter):
    """Asks PyTorch on the CPU."""

    name = "torch"
    producers = PRODUCERS
    imports = "import torch"
    report = "print(result.dtype, result.tolist())"
    ignored_labels: tuple[int, ...] = (-100,)  # the default of ignore_index in torch.nn.CrossEntropyLoss

    entries = {("softmax_cross_entropy", "indices"): ("nll_loss",)}  # noqa: RUF012 - read only

    def __init__(self) -> None:
        import torch  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        super().__init__(torch=torch)
        self._torch = torch

    def describe(self) -> Description:
        """Return PyTorch's version, threads and SIMD level."""
        simd = self._torch.backends.cpu.get_cpu_capability()
        build = {"threads": str(self._torch.get_num_threads()), "simd": simd}
        return Description("PyTorch", self._torch.__version__, build)

    def unsupported(self, cell: Cell) -> str | None:
        """Return why PyTorch has no such cell, or None."""
        reason = super().unsupported(cell)
        if cell.entry and cell.options.label_smoothing:
            return NO_SMOOTHING
        if reason or cell.mode != "compiled":
            return reason
        from torch._inductor import config  # noqa: PLC0415 - a second; no public name tells the compiler

        found = any(shutil.which(compiler) for compiler in config.cpp.cxx if compiler)
        return None if found else "torch.compile needs a C++ compiler on the CPU; install g++ or set CXX"

    def dialect(self, cell: Cell) -> Dialect:
        """Return what the loss module documents."""
        if cell.labels != "indices":
            page = "BCEWithLogitsLoss" if cell.op == "sigmoid_cross_entropy" else "CrossEntropyLoss"
            return Dialect(documentation=f"{DOCUMENTATION}{page}.html", reduction="mean", class_axis="1")
        return Dialect(
            documentation=f"{DOCUMENTATION}{'NLLLoss' if cell.entry else 'CrossEntropyLoss'}.html",
            reduction="mean",
            class_axis="1",
            label_formats="int64",
            out_of_range="each index must lie in [0, C) or be ignored",
            ignored_index="-100",
        )

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return PyTorch's answer as it came."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, when it first compiles
            return super().evaluate(cell, inputs)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``; inside, ``forward`` is what is compiled."""
        expression = behind_producer(cell, self.expression(cell, axis, ndim))
        others = "".join(f", {letter}={letter}" for letter in arguments(cell).split(", ") if letter in {"y", "w", "pw"})
        forward = f"lambda x{others}: {expression}"
        # torch.func refuses to differentiate through a compiled forward: there the derivative is compiled whole.
        whole = cell.quantity in TAKES_VECTOR
        if cell.mode == "compiled" and not whole:
            forward = f"torch.compile({forward}, fullgraph=True)"
        decorator = "@torch.compile(fullgraph=True)\n" if cell.mode == "compiled" and whole else ""
        return f"{decorator}def f({arguments(cell)}):\n    forward = {forward}\n    return {ANSWERS[cell.quantity]}"

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call that is judged; an adapter of what is built on PyTorch overrides this alone."""
        del ndim
        to_1 = "" if axis == 1 else f".movedim({axis}, 1)"
        expression = NLL_LOSS if cell.entry else EXPRESSIONS[cell.op, cell.labels]
        return expression.format(axis=axis, to_1=to_1, options=spelled(cell.options))

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return a tensor that shares the array's memory and strides."""
        if array.dtype == ml_dtypes.bfloat16:
            return self._torch.from_numpy(array.view(np.int16)).view(self._torch.bfloat16)
        return self._torch.from_numpy(array)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return an array of the tensor's format."""
        if tensor.dtype == self._torch.bfloat16:
            return np.asarray(tensor.detach().view(self._torch.int16)).view(ml_dtypes.bfloat16)
        return np.asarray(tensor.detach())

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell the array as a tensor."""
        return f"torch.tensor({literal(array)}, dtype=torch.{array.dtype}).reshape({array.shape})"
