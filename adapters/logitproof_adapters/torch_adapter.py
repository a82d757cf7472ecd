"""PyTorch: torch.softmax, log_softmax, logsumexp and torch.nn.CrossEntropyLoss, differentiated by torch.autograd.

CrossEntropyLoss takes the classes at axis 1 (https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html);
elsewhere they are moved there by movedim, a view. Compiled mode is torch.compile of the forward pass, which compiles
the backward pass of a gradient too; fullgraph makes it an error, not a silent return to eager, where it cannot.
"""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from logitproof_adapters.contract import Description
from logitproof_adapters.literals import literal
from logitproof_adapters.scope import not_wrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cells import Cell, Inputs

EXPRESSIONS = {
    "softmax": "torch.softmax(x, {axis})",
    "log_softmax": "torch.log_softmax(x, {axis})",
    "log_sum_exp": "torch.logsumexp(x, {axis})",
    "softmax_cross_entropy": 'torch.nn.CrossEntropyLoss(reduction="none")({x}, {y})',
}
"""What is asked, as its users write it: evaluated as it stands here, and printed so by `repro`."""


def function(cell: Cell, axis: int) -> str:
    """Spell what is under test as a function of logits x and labels y."""
    moved = "{}" if axis == 1 else f"{{}}.movedim({axis}, 1)"
    y = moved if cell.labels == "distributions" else "{}"
    expression = EXPRESSIONS[cell.op].format(axis=axis, x=moved.format("x"), y=y.format("y"))
    return f"lambda x, y: {expression}"


class TorchAdapter:
    """Asks PyTorch on the CPU."""

    name = "torch"
    modes = ("eager", "compiled")

    def __init__(self) -> None:
        import torch  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        self._torch = torch
        self._functions: dict[tuple[Cell, int], Any] = {}

    def describe(self) -> Description:
        """Return PyTorch's version, threads and SIMD level."""
        build = {"threads": self._torch.get_num_threads(), "simd": self._torch.backends.cpu.get_cpu_capability()}
        return Description("PyTorch", self._torch.__version__, {key: str(value) for key, value in build.items()})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why PyTorch has no such cell, or None."""
        reason = not_wrapped(cell, self.modes)
        if reason is None and cell.mode == "compiled" and not self._has_compiler():
            reason = "torch.compile needs a C++ compiler on the CPU and found none; install g++ or set CXX"
        return reason

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return PyTorch's answer in the format it came in."""
        tensors = {name: self._tensor(array) for name, array in inputs.arrays().items()}
        wanted = {"grad_logits": "logits", "grad_labels": "labels"}.get(cell.quantity)
        if wanted:
            tensors[wanted].requires_grad_()
        result = self._function(cell, inputs.axis)(tensors["logits"], tensors.get("labels"))
        if wanted:
            (result,) = self._torch.autograd.grad(result, tensors[wanted], tensors["cotangent"])
        return self._array(result.detach())

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a program that prints PyTorch's answer."""
        wanted = {"grad_logits": "x", "grad_labels": "y"}.get(cell.quantity)
        compiled = ["f = torch.compile(f, fullgraph=True)"] if cell.mode == "compiled" else []
        tensors = [
            f"{letter} = torch.tensor({literal(array)}, dtype=torch.{array.dtype}).reshape({array.shape})"
            for letter, array in zip("xyc", (inputs.logits, inputs.labels, inputs.cotangent), strict=True)
            if array is not None
        ]
        call = "f(x, y)" if inputs.labels is not None else "f(x, None)"
        grad = f"torch.autograd.grad({call}, {wanted}, c)[0]" if wanted else call
        return "\n".join(
            [
                "from math import inf, nan",
                "import torch",
                *tensors,
                f"f = {function(cell, inputs.axis)}",
                *compiled,
                *([f"{wanted}.requires_grad_()"] if wanted else []),
                f"result = {grad}",
                "print(result.dtype, result.tolist())",
            ]
        )

    def _function(self, cell: Cell, axis: int) -> Any:
        if (cell, axis) not in self._functions:
            # A lambda of its own for each cell: torch.compile caps the recompilations of one code object.
            eager = eval(function(cell, axis), {"torch": self._torch})  # noqa: S307 - our own table
            self._functions[cell, axis] = self._compiled(eager) if cell.mode == "compiled" else eager
        return self._functions[cell, axis]

    def _compiled(self, eager: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, while it imports its compiler
            import torch._inductor.compile_fx  # noqa: F401, PLC0415 - seconds, and only compiled cells need it
        return self._torch.compile(eager, fullgraph=True)

    def _has_compiler(self) -> bool:
        from torch._inductor import config  # noqa: PLC0415 - only compiled cells need it

        return any(shutil.which(name) for name in config.cpp.cxx if name)

    def _tensor(self, array: NDArray[Any]) -> Any:
        if array.dtype == ml_dtypes.bfloat16:
            return self._torch.from_numpy(array.view(np.int16)).view(self._torch.bfloat16)
        return self._torch.from_numpy(array)

    def _array(self, tensor: Any) -> NDArray[Any]:
        if tensor.dtype == self._torch.bfloat16:
            return np.asarray(tensor.view(self._torch.int16).numpy()).view(ml_dtypes.bfloat16)
        return np.asarray(tensor.numpy())
