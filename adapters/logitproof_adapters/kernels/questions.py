"""The questions that are asked of a kernel: the common part of the adapters of NumPy's arrays and of tensors."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract import Dialect
from logitproof_adapters.kernels.forbidden_calls import Watch
from logitproof_adapters.kernels.kernel import EAGER, NUMPY
from logitproof_adapters.kernels.twice_backward import twice_backward
from logitproof_adapters.kernels.ways_of_calling import AFTER_VALUE, AS_IS, SHAPED, WAYS, once, rolled
from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_adapters.kernels.kernel import Kernel
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell, Inputs


def imported(function: Callable[..., Any], name: str) -> str:
    """Return the line of a repro that imports a function as `name`, or its text where no module holds it."""
    module, found = getattr(function, "__module__", "__main__"), getattr(function, "__qualname__", "")
    if module != "__main__" and found.isidentifier():
        return f"from {module} import {found} as {name}"
    try:
        text = inspect.getsource(function).rstrip()
    except (OSError, TypeError):
        return f"# {name}: {function!r}"
    return f"{text}\n{name} = {found}" if found.isidentifier() else f"# {name}:\n# " + text.replace("\n", "\n# ")


class KernelQuestions:
    """The common part of all adapters of kernels; a mixin before the adapter of the framework.

    What a framework states of its own functions (one row without a batch, labels that are broadcast, further
    spellings, its dialect) nobody states of a kernel, which takes logits of shape (rows, classes).
    """

    _kernel: Kernel
    _functions: dict[Any, Any]
    _namespace: dict[str, Any]
    entries: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType({})
    spellings: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    most_axes: Mapping[str, int] = MappingProxyType({})
    producers: tuple[str, ...] = ()
    broadcast_labels: tuple[str, ...] = ()
    ignored_labels: tuple[int, ...] = ()
    one_dimension: tuple[str, ...] = ()
    zero_dimensions: tuple[str, ...] = ()
    floating_indices = label_columns = mixed_derivatives = False
    is_compiled_later = False
    """Whether it is asked otherwise than as it is, past the first shapes."""

    def dialect(self, cell: Cell) -> Dialect:
        """Return a dialect that documents nothing."""
        del cell
        return Dialect()

    @property
    def arithmetic(self) -> Arithmetic | None:
        """The declared precision."""
        return self._kernel.arithmetic

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the kernel is not asked a cell, or None."""
        kernel, declaration = self._kernel, self._kernel.declaration
        reasons = {
            f"the kernel is a {kernel.op} with labels {kernel.labels}": (cell.op, cell.labels)
            != (kernel.op, kernel.labels),
            f"the kernel is asked in {kernel.mode} mode": cell.mode != kernel.mode,
            f"the kernel is asked with the class axis {declaration.class_axis}": cell.axis != declaration.class_axis,
            "a kernel is asked with the options it declares": cell.options != declaration.options
            or cell.entry not in _ENTRIES,
            "the kernel has no backward of its own": bool(cell.entry) and cell.entry in SAVED and not kernel.backward,
            f"arrays of {kernel.framework} have no strides": cell.entry == "saved_strided"
            and kernel.framework not in STRIDED,
            "the kernel is always called as it is": cell.entry == AS_IS and not self.is_compiled_later,
            f"of this kernel there is {' and '.join(kernel.quantities)}": cell.quantity not in kernel.quantities,
        }
        return next((reason for reason, applies in reasons.items() if applies), None)

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call of the kernel."""
        del axis, ndim
        value = "" if self._kernel.backward is None else "[0]"
        return self._call("kernel", ["x"] if cell.labels == "none" else ["x", "y"], self._kernel.function) + value

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``: by a backward of its own where there is one."""
        asked: Any = super()
        if self._kernel.backward is None or cell.quantity == "value":
            text: str = asked.source(cell, axis, ndim)
            is_twice = (self._kernel.framework, self._kernel.mode, cell.quantity) == ("torch", EAGER, "hvp")
            return text + twice_backward(arguments(cell), self.expression(cell, axis, ndim)) if is_twice else text
        given = [letter for letter in arguments(cell).split(", ") if letter in {"x", "y"}]
        forward, other = (
            self._call("kernel", [logits, *given[1:]], self._kernel.function) for logits in (given[0], f"-{given[0]}")
        )
        strided = STRIDED.get(self._kernel.framework, "")
        answer = SAVED[cell.entry].format(forward=forward, other=other, strided=strided)
        return f"f = lambda {arguments(cell)}: {answer}"

    def _call(self, name: str, given: list[str], function: Callable[..., Any]) -> str:
        """Spell a call with what is declared, as far as the function takes it by name."""
        declaration = self._kernel.declaration
        arrays = {
            "weight": ("weight=w", declaration.weight),
            "pos_weight": ("pos_weight=pw", declaration.pos_weight),
            "where": ("where=m", declaration.where),
        }
        given = given + [spelled for spelled, is_declared in arrays.values() if is_declared]
        return (
            f"{name}({', '.join([*given, *(f'{key}={one!r}' for key, one in declaration.keywords(function).items())])})"
        )

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's answer as it came, called in the way that the cell's entry names."""
        asked: Any = super()
        with Watch(self._kernel.forbidden) if self._kernel.forbidden else nullcontext():
            answer: NDArray[Any] = (asked.evaluate if cell.entry in SAVED else self._in_a_way)(cell, inputs)
            return answer

    def _in_a_way(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        own: Any = self
        call = self._caller(cell, inputs)
        arrays = list(inputs.arrays().values())
        if cell.entry in SHAPED:
            return SHAPED[cell.entry](call, own.array, arrays, inputs.axis)
        if cell.entry == AS_IS:
            return once(call, own.array, arrays)
        if cell.entry != AFTER_VALUE:
            return WAYS[cell.entry](call, own.array, arrays)
        call(arrays)
        others = replace(inputs, cotangent=None)
        self._caller(replace(cell, quantity="value"), others)(rolled(list(others.arrays().values())))
        return once(call, own.array, arrays)

    def _caller(self, cell: Cell, inputs: Inputs) -> Callable[[list[NDArray[Any]]], Any]:
        """Return what calls the kernel with arrays of NumPy."""
        own: Any = self
        plain = replace(cell, entry="")

        def call(arrays: list[NDArray[Any]]) -> Any:
            key = (plain, inputs.axis, arrays[0].shape, arrays[0].dtype)
            if key not in self._functions:
                self._functions[key] = own._function(plain, inputs.axis, arrays[0])  # noqa: SLF001 - of the adapter that this is a part of
            return self._functions[key](*map(own.tensor, arrays))

        return call


SAVED = {
    "": "backward(*{forward}[1:], c)",
    "saved_strided": 'backward(*({strided} if getattr(one, "ndim", 0) else one for one in {forward}[1:]), c)',
    "saved_kept": "(lambda saved: ({other}, backward(*saved, c))[1])({forward}[1:])",
}
"""How a backward is called, by the word of a way: with what was saved; with every second place of arrays twice as long;
after another forward pass."""

STRIDED = {NUMPY: "np.repeat(one, 2, -1)[..., ::2]", "torch": "one.repeat_interleave(2, -1)[..., ::2]"}
"""The same numbers in every second place, where arrays have strides."""

_ENTRIES = frozenset({*WAYS, AFTER_VALUE, AS_IS, *SAVED})
