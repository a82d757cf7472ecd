"""The adapter of a kernel: of NumPy arrays, or of a framework's tensors, with the framework's differentiation."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import CPU, Description, DeviceError, Dialect
from logitproof_adapters.contract.device import made_for
from logitproof_adapters.kernels.forbidden_calls import Watch
from logitproof_adapters.kernels.head import head_kernel
from logitproof_adapters.kernels.kernel import EAGER, NUMPY
from logitproof_adapters.kernels.ways_of_calling import AFTER_VALUE, AS_IS, SHAPED, WAYS, once, rolled
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_reference.vocabulary.heads import HEADS

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
            return text
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


APART = 6
"""Shapes of logits in each format of which a compiled function and its derivative are programs of their own."""


class OneProgram(KernelQuestions):
    """Asks a function that jax.jit has compiled: past the first shapes its derivative is one program with it.

    ``jax.vjp(function, x)`` compiles two programs for each shape, ``jax.jit`` of it one, as a training step does. What
    the first keeps for the second is rounded to its format between them, and need not be within one: the first shapes,
    those of the matrix among them, are asked by two.
    """

    _apart: dict[str, set[tuple[int, ...]]]

    def _spelled(self, cell: Cell, logits: NDArray[Any]) -> Cell:
        """Return the cell in whose mode the source is written."""
        return cell if cell.quantity == "value" or self._is_apart(cell, logits) else replace(cell, mode="compiled")

    def _is_apart(self, cell: Cell, logits: NDArray[Any]) -> bool:
        """Whether a shape is one of the first of its format."""
        apart = self._apart.setdefault(cell.format, set())
        if len(apart) < APART:
            apart.add(logits.shape)
        return logits.shape in apart

    def _function(self, cell: Cell, axis: int, *arrays: NDArray[Any]) -> Any:
        asked: Any = super()
        return asked._function(self._spelled(cell, arrays[0]), axis, *arrays)  # noqa: SLF001 - of the adapter that this is a part of

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program that calls the kernel as it was asked."""
        asked: Any = super()
        text: str = asked.repro(self._spelled(cell, inputs.logits), inputs)
        return text


ROUNDING = {"xla_allow_excess_precision": False}

MOST_EQUATIONS = 200
"""Of a traced function; one with more, as of a loop over blocks in Python, is not compiled for each shape."""


class LaterCompiled(OneProgram):
    """Asks a function that its author has not compiled; past the first shapes as jax.jit compiles it.

    Else each of its operations is compiled for each shape, which takes three times as long as one program. It is called
    as it is where it cannot be traced, where it has more than `MOST_EQUATIONS`, and in ways of calling, since it may
    keep something between calls. Its results are rounded as often as without a compiler, and what it makes of no
    argument is made at once: if it keeps that, it is no tracer.
    """

    is_compiled_later = True
    _is_called_in_a_way = False

    @cached_property
    def _plain(self) -> set[tuple[str, tuple[int, ...]]]:
        """Formats and shapes in which it is called as it is."""
        return set()

    def _spelled(self, cell: Cell, logits: NDArray[Any]) -> Cell:
        """Return the cell in whose mode the source is written."""
        is_plain = self._is_called_in_a_way or cell.entry == AS_IS or (cell.format, logits.shape) in self._plain
        return cell if is_plain or self._is_apart(cell, logits) else replace(cell, mode="compiled")

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``; a compiler may keep more digits between operations if it is not told."""
        text = super().source(cell, axis, ndim)
        return f"{text[:-1]}, compiler_options={ROUNDING})" if cell.mode == "compiled" else text

    def _in_a_way(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        self._plain.add((cell.format, inputs.logits.shape))
        self._is_called_in_a_way = True
        try:
            return super()._in_a_way(cell, inputs)
        finally:
            self._is_called_in_a_way = False

    def _function(self, cell: Cell, axis: int, *arrays: NDArray[Any]) -> Any:
        if self._spelled(cell, arrays[0]) is cell:
            return super()._function(cell, axis, *arrays)
        made: list[Any] = []

        def function(*tensors: Any) -> Any:
            if not made:
                compiled = self._compiled(cell, axis, arrays, tensors)
                made.append(compiled or self._function(cell, axis, *arrays))
            return made[0](*tensors)

        return function

    def _compiled(self, cell: Cell, axis: int, arrays: tuple[NDArray[Any], ...], tensors: tuple[Any, ...]) -> Any:
        """Return the compiled function; None, from now on in this shape, where it is called as it is."""
        jax, plain = self._namespace["jax"], self._namespace

        def kernel(*given: Any, **declared: Any) -> Any:
            with jax.ensure_compile_time_eval():
                return self._kernel.function(*given, **declared)

        self._namespace = {**plain, "kernel": kernel}
        try:
            found = super()._function(cell, axis, *arrays)
            if len(jax.make_jaxpr(found.__wrapped__)(*tensors).eqns) <= MOST_EQUATIONS:
                found(*tensors)
                return found
        except Exception:  # noqa: BLE001, S110 - what it raises without a compiler counts
            pass
        finally:
            self._namespace = plain
        self._plain.add((cell.format, arrays[0].shape))
        return None


class NumpyKernel(KernelQuestions, NumpyArrays, SourceAdapter):
    """Asks a function of NumPy arrays."""

    modes = ("eager",)
    report = 'print(result.dtype, result.astype("float64").tolist())'

    def __init__(self, kernel: Kernel) -> None:
        functions = {"kernel": kernel.function, "gradient": kernel.gradient, "backward": kernel.backward}
        super().__init__(np=np, **functions)
        self._kernel = kernel
        self.name = kernel.name
        given = [imported(function, name) for name, function in functions.items() if function is not None]
        self.imports = "\n".join(["import ml_dtypes", "import numpy as np", *given])

    def describe(self) -> Description:
        """Return the kernel's name and NumPy's version."""
        return Description(self._kernel.name, "0", {"numpy": np.__version__})

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the kernel's answer as it came; its results are judged, not NumPy's warnings."""
        with np.errstate(all="ignore"):
            return super().evaluate(cell, inputs)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        asked = arguments(cell)
        if cell.quantity == "value":
            return f"f = lambda {asked}: {self.expression(cell, axis, ndim)}"
        if self._kernel.gradient is None:
            return super().source(cell, axis, ndim)
        given = [letter for letter in asked.split(", ") if letter not in {"w", "pw", "m"}]
        return f"f = lambda {asked}: {self._call('gradient', given, self._kernel.gradient)}"


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


def adapter_of(kernel: Kernel, device: str = CPU) -> Any:
    """Return the adapter that asks a kernel, of tensors on a device.

    Raises
    ------
    DeviceError
        There is no such device, or nothing can be put there.
    ImportError
        The kernel's framework is not installed.
    ValueError
        Its adapter does not ask by source, so that there is no place for a kernel.
    """
    if kernel.op in HEADS:
        return head_kernel(kernel, device)
    if kernel.framework == NUMPY:
        if device != CPU:
            raise DeviceError(f'device "{device}": arrays of NumPy lie on the CPU; name the framework of its tensors')
        return NumpyKernel(kernel)
    module, _, name = FRAMEWORKS[kernel.framework].adapter_spec.partition(":")
    base = getattr(import_module(module), name)
    if not issubclass(base, SourceAdapter) or not hasattr(base, "expression"):
        reason = f"{kernel.framework} has no tensors that a kernel could take; name the framework of its tensors"
        raise ValueError(reason)
    return _on(base, kernel, device)


def _on(base: type[SourceAdapter], kernel: Kernel, device: str) -> SourceAdapter:
    """Return the framework's adapter with the kernel in place of its own functions."""
    if kernel.mode not in base.modes:
        raise ValueError(f'mode "{kernel.mode}" is none of {kernel.framework}; it has {", ".join(base.modes)}')
    functions = {"kernel": kernel.function, "backward": kernel.backward}
    common: type[KernelQuestions] = KernelQuestions
    if kernel.framework == "jax" and kernel.mode == EAGER and kernel.backward is None:
        common = OneProgram if hasattr(kernel.function, "lower") else LaterCompiled
    asking = made_for(type("FrameworkKernel", (common, base), {"modes": (kernel.mode,), "_apart": {}}), device)
    asking._kernel = kernel  # noqa: SLF001  the class was made here
    asking._namespace.update(functions)  # noqa: SLF001  likewise
    asking.name = kernel.name
    given = [imported(function, name) for name, function in functions.items() if function is not None]
    asking.imports = "\n".join([asking.imports, *given])
    adapter: SourceAdapter = asking
    return adapter
