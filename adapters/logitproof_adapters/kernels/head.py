"""A kernel of several operands: fused with the linear layer before it, or a function of two sets of logits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import CPU, Description, keeps_graph
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_reference.vocabulary.heads import HEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.kernels.kernel import Kernel
    from logitproof_reference.vocabulary.cells import Cell, Inputs


class Beside(NamedTuple):
    """The arguments without a gradient: labels, if any, and a tensor of factors by keyword."""

    labels: list[Any]
    factors: dict[str, Any]


class HeadKernel:
    """Asks a kernel of hidden states (rows, width), a weight (classes, width) and class indices, or of logits.

    Fulfils `Adapter`. `Inputs.logits` holds the hidden states, `Inputs.projection` the weight, `Inputs.bias` the bias
    and `Inputs.factors` the factors, which it takes by these keywords where they are declared.
    Of a function of logits, `Inputs.projection` holds those of a target.
    """

    modes = ("eager",)

    def __init__(self, kernel: Kernel, arrays: Any) -> None:
        self._kernel = kernel
        self._arrays = arrays
        self.name = kernel.name
        self.arithmetic = kernel.arithmetic
        self.keeps_graph = keeps_graph(arrays)

    def describe(self) -> Description:
        """Return the kernel's name and the version of what runs it."""
        if isinstance(self._arrays, NumpyArrays) and not hasattr(self._arrays, "describe"):
            return Description(self.name, "0", {"numpy": np.__version__})
        found: Description = self._arrays.describe()
        return found

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the kernel is not asked a cell, or None."""
        if (cell.op, cell.labels, cell.mode) != (self._kernel.op, self._kernel.labels, "eager"):
            return f"the kernel is a {self._kernel.op} with labels {self._kernel.labels}, asked in eager mode"
        if cell.quantity not in self._kernel.quantities:
            return f"of this kernel there is {' and '.join(self._kernel.quantities)}"
        return None

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's loss, or one of its gradients, as it came."""
        given = [inputs.logits, inputs.projection, *(getattr(inputs, name) for name in self._optional)]
        operands = [self._arrays.tensor(array) for array in given if array is not None]
        labels = [] if inputs.labels is None else [self._arrays.tensor(inputs.labels)]
        is_constant = inputs.factors is not None and "factors" not in self._optional
        factors = {"factors": self._arrays.tensor(inputs.factors)} if is_constant else {}
        beside = Beside(labels, factors)
        cotangent = None if inputs.cotangent is None else self._arrays.tensor(inputs.cotangent)
        with np.errstate(all="ignore"):
            if cell.quantity == "value":
                answer = self._call(*operands, beside=beside)
            elif cell.quantity in VALUES:
                answer = _VALUES[self._kernel.framework](self, operands, beside, is_tracked=cell.quantity == TRACKED)
            elif cell.quantity.startswith(ALONE):
                ask = _GRADIENTS[self._kernel.framework]
                answer = ask(self, operands, beside, cotangent, alone=self._position(cell.quantity[len(ALONE) :]))[0]
            elif cell.quantity.startswith(SECOND):
                assert inputs.tangent is not None
                along = [self._arrays.tensor(one) for one in _split(inputs.tangent, given)]
                differentiate = _SECOND[self._kernel.framework]
                answer = differentiate(self, operands, beside, (cotangent, along))[self._position(cell.quantity)]
            else:
                ask = _GRADIENTS[self._kernel.framework]
                wanted = cell.quantity.partition(TWICE)[2] or cell.quantity
                passes = 1 if wanted == cell.quantity else 2
                answer = ask(self, operands, beside, cotangent, passes)[self._position(wanted)]
        array: NDArray[Any] = self._arrays.array(answer)
        return array

    @property
    def _optional(self) -> list[str]:
        """Operands behind the first two, by keyword: those that are declared."""
        return [name for name in HEADS[self._kernel.op].optional if name in self._kernel.declaration.differentiated]

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return nothing: the arrays of a linear layer are no text."""
        del cell, inputs
        return ""

    def _position(self, quantity: str) -> int:
        """Return which of the gradients a quantity is."""
        row = HEADS[self._kernel.op]
        names = [name for name in (*row.operands, *self._optional) if name != "labels"]
        return names.index(quantity.partition("_")[2])

    def _call(self, *operands: Any, beside: Beside) -> Any:
        keywords = self._kernel.declaration.keywords(self._kernel.function)
        optional = dict(zip(self._optional, operands[2:]))  # noqa: B905
        return self._kernel.function(*operands[:2], *beside.labels, **optional, **beside.factors, **keywords)

    def by_function(self, operands: Sequence[Any], beside: Beside, cotangent: Any, passes: int = 1) -> Any:
        """Return the gradients, as the gradient of a kernel of NumPy arrays has them, which keeps no graph."""
        assert self._kernel.gradient is not None
        assert passes == 1
        keywords = self._kernel.declaration.keywords(self._kernel.gradient)
        optional = dict(zip(self._optional, operands[2:]))  # noqa: B905
        found = self._kernel.gradient(
            *operands[:2], *beside.labels, cotangent, **optional, **beside.factors, **keywords
        )
        return found if isinstance(found, (tuple, list)) else (found,)

    def value_of_torch(self, operands: Sequence[Any], beside: Beside, *, is_tracked: bool) -> Any:
        """Return the loss of operands that all require a gradient, or under `torch.no_grad`."""
        torch = import_module("torch")
        with torch.set_grad_enabled(is_tracked):
            return self._call(*(one.clone().requires_grad_(is_tracked) for one in operands), beside=beside).detach()

    def value_of_jax(self, operands: Sequence[Any], beside: Beside, *, is_tracked: bool) -> Any:
        """Return the loss that jax.vjp returns beside the gradients, or that of a call without them."""
        if not is_tracked:
            return self._call(*operands, beside=beside)
        return import_module("jax").vjp(lambda *given: self._call(*given, beside=beside), *operands)[0]

    def by_torch(
        self, operands: Sequence[Any], beside: Beside, cotangent: Any, passes: int = 1, alone: int | None = None
    ) -> Any:
        """Return the gradients of the last backward pass by torch.autograd, or that of one operand alone.

        A row that a shift leaves without a loss has no upstream gradient.
        """
        torch = import_module("torch")
        given = [one.clone().requires_grad_(alone in (None, at)) for at, one in enumerate(operands)]
        leaves = [one for one in given if one.requires_grad]
        loss = self._call(*given, beside=beside)
        upstream = cotangent.to(loss.dtype).reshape(-1)[: loss.numel()].reshape(loss.shape)
        before = [torch.autograd.grad(loss, leaves, upstream, retain_graph=True) for _ in range(passes - 1)]
        found = torch.autograd.grad(loss, leaves, upstream)
        del before  # until here, so that the passes do not share memory
        return found

    def by_jax(
        self, operands: Sequence[Any], beside: Beside, cotangent: Any, passes: int = 1, alone: int | None = None
    ) -> Any:
        """Return the gradients of the last backward pass by jax.vjp, or that of one operand alone."""
        jax = import_module("jax")
        first, last = (0, len(operands)) if alone is None else (alone, alone + 1)

        def call(*given: Any) -> Any:
            return self._call(*operands[:first], *given, *operands[last:], beside=beside)

        loss, pull_back = jax.vjp(call, *operands[first:last])
        upstream = cotangent.astype(loss.dtype).reshape(-1)[: loss.size].reshape(loss.shape)
        return [pull_back(upstream) for _ in range(passes)][-1]

    def by_torch_twice(self, operands: Sequence[Any], beside: Beside, given: tuple[Any, Sequence[Any]]) -> Any:
        """Return the derivatives of the inner product of gradients and directions, by torch.autograd."""
        torch = import_module("torch")
        cotangent, along = given
        leaves = [one.clone().requires_grad_() for one in operands]
        loss = self._call(*leaves, beside=beside)
        upstream = cotangent.to(loss.dtype).reshape(-1)[: loss.numel()].reshape(loss.shape)
        gradients = torch.autograd.grad(loss, leaves, upstream, create_graph=True)
        return torch.autograd.grad(gradients, leaves, along)

    def by_jax_twice(self, operands: Sequence[Any], beside: Beside, upstream: tuple[Any, Sequence[Any]]) -> Any:
        """Return the same by jax.vjp of jax.vjp."""
        jax = import_module("jax")
        cotangent, along = upstream

        def gradients(*given: Any) -> Any:
            loss, pull_back = jax.vjp(lambda *arrays: self._call(*arrays, beside=beside), *given)
            return pull_back(cotangent.astype(loss.dtype).reshape(-1)[: loss.size].reshape(loss.shape))

        _, pull_back = jax.vjp(gradients, *operands)
        return pull_back(tuple(along))


SECOND = "hvp_"
"""What a quantity's name begins with that is a second derivative."""

TWICE = "second_"
"""What a quantity's name begins with that is the gradient of a second backward pass through one graph."""

TRACKED, UNTRACKED = "tracked_value", "untracked_value"
VALUES = (TRACKED, UNTRACKED)
"""The value beside gradients of every operand, as in training, and without them (`torch.no_grad`), as in evaluation."""

ALONE = "alone_"
"""What a quantity's name begins with that is the gradient by an operand where the others are frozen."""

_VALUES: dict[str, Callable[..., Any]] = {"torch": HeadKernel.value_of_torch, "jax": HeadKernel.value_of_jax}

_SECOND: dict[str, Callable[..., Any]] = {"torch": HeadKernel.by_torch_twice, "jax": HeadKernel.by_jax_twice}

_GRADIENTS: dict[str, Callable[..., Any]] = {
    "numpy": HeadKernel.by_function,
    "torch": HeadKernel.by_torch,
    "jax": HeadKernel.by_jax,
}
"""How a kernel's framework differentiates it."""


def _split(tangent: NDArray[Any], given: Sequence[NDArray[Any] | None]) -> list[NDArray[Any]]:
    """Return a direction as one array for each operand; it holds their numbers one behind another."""
    operands = [one for one in given if one is not None]
    ends = np.cumsum([one.size for one in operands])
    parts = np.split(np.ascontiguousarray(tangent).reshape(-1), ends[:-1])
    return [part.reshape(one.shape) for part, one in zip(parts, operands)]  # noqa: B905


def head_kernel(kernel: Kernel, device: str = CPU) -> HeadKernel:
    """Return the adapter of a fused kernel.

    Raises
    ------
    ValueError
        Its framework is none that differentiates such kernels here.
    """
    if kernel.framework not in _GRADIENTS:
        known = ", ".join(_GRADIENTS)
        raise ValueError(f"{kernel.op} is asked of kernels of {known}; {kernel.framework} is not among them")
    if kernel.framework == "numpy":
        return HeadKernel(kernel, NumpyArrays())
    module, _, name = FRAMEWORKS[kernel.framework].adapter_spec.partition(":")
    base = getattr(import_module(module), name)
    return HeadKernel(kernel, base() if device == CPU else base(device))
