"""A function of one's own as an adapter: of NumPy arrays, or of a framework's tensors and differentiated by it."""

from __future__ import annotations

import inspect
import re
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.contract import CPU, Description, DeviceError
from logitproof_adapters.contract.device import made_for
from logitproof_adapters.sources.kernel_claim import Claim
from logitproof_adapters.sources.kernel_head import head_kernel
from logitproof_adapters.sources.kernel_watch import Watch
from logitproof_adapters.sources.kernel_ways import AFTER_VALUE, SHAPED, WAYS, once, rolled
from logitproof_adapters.sources.numpy_arrays import NumpyArrays
from logitproof_adapters.sources.source_adapter import SourceAdapter, arguments
from logitproof_reference.vocabulary.heads import BINARY, FOCAL, HEADS, LINEAR_CROSS_ENTROPY, OF_PROBABILITIES
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.cells import Cell, Inputs

NUMPY = "numpy"
EAGER = "eager"
ONLY_OF = {
    **dict.fromkeys(("bias", "shift", "ranks", "factors", "learned"), (LINEAR_CROSS_ENTROPY,)),
    "gamma": (FOCAL,),
    "normalized": OF_PROBABILITIES,
    **dict.fromkeys(("clip", "log_floor"), (*OF_PROBABILITIES, BINARY)),
}
"""What may be declared of some ops alone."""


@dataclass(frozen=True)
class Kernel:
    """A function that claims to compute an op, and what its author declares of it.

    Attributes
    ----------
    function : callable
        Takes logits of shape (rows, classes), then the labels if the op has any; returns the op's value, one number a
        row for log-sum-exp and the losses. Arrays of NumPy, or tensors of `framework`.
    op : str
        One of `logitproof_reference.vocabulary.ops.OPS`, or of `vocabulary.heads.HEADS`.
    labels : str
        ``indices``, ``distributions`` or ``none``; empty for the usual ones of the op.
    framework : str
        Name of the adapter whose tensors the function takes, and which differentiates it.
    gradient : callable or None
        For NumPy, which differentiates nothing: takes what `function` takes and then the upstream gradient, shaped
        like the value; returns the vector-Jacobian product, shaped like the logits.
    backward : callable or None
        In the place of `gradient`: `function` returns its value and then what it saves; this takes what was saved,
        then the upstream gradient. It is also handed saved arrays with other strides, and those of a pass before the
        last.
    mode : str
        ``eager``, or another mode of the framework's adapter: ``compiled`` by it, ``vmap`` of a function of one row.
    arithmetic : Arithmetic or None
        The declared precision, by which the bound is computed; None for none.
    claim : Claim
        What else is declared.
    asked : tuple of str
        The quantities that a framework differentiates it for; empty for ``value`` and ``grad_logits``.
    forbidden : tuple of str
        Functions that it must not call, e.g. ``torch.softmax``; see `kernel_watch`.

    Raises
    ------
    ValueError
        A name is not known, or things do not go together.
    """

    function: Callable[..., Any]
    op: str
    labels: str = ""
    framework: str = NUMPY
    gradient: Callable[..., Any] | None = None
    arithmetic: Arithmetic | None = None
    claim: Claim = field(default_factory=Claim)
    asked: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    backward: Callable[..., Any] | None = None
    mode: str = EAGER

    def __post_init__(self) -> None:
        asked_of = HEADS.get(self.op) or OPS.get(self.op)
        if asked_of is None:
            raise ValueError(f'op "{self.op}" is not known; known: {", ".join([*OPS, *HEADS])}')
        kinds = asked_of.label_kinds
        object.__setattr__(self, "labels", self.labels or kinds[0])
        if self.labels not in kinds:
            raise ValueError(f'labels "{self.labels}" do not go with {self.op}; it takes {" or ".join(kinds)}')
        if self.backward is not None and (self.gradient is not None or self.op in HEADS):
            raise ValueError("backward stands in the place of a gradient, and a fused head has a gradient alone")
        if self.mode != EAGER and (self.framework == NUMPY or self.op in HEADS):
            raise ValueError(f'mode "{self.mode}" is for functions of logits as tensors of a framework')
        if self.gradient is not None and self.framework != NUMPY:
            raise ValueError(f"gradient is for functions of NumPy arrays: {self.framework} differentiates by itself")
        if self.framework != NUMPY and self.framework not in FRAMEWORKS:
            raise ValueError(f'framework "{self.framework}" is not known; known: {", ".join(FRAMEWORKS)}')
        if self.claim.where and self.op in HEADS:
            raise ValueError(f"where is for functions of logits, not for {self.op}")
        if only := [name for name, ops in ONLY_OF.items() if name in self.claim.declared and self.op not in ops]:
            raise ValueError(f"{only[0]} is declared of {' or '.join(ONLY_OF[only[0]])}, not of {self.op}")
        head = HEADS.get(self.op)
        known = (*head.gradients(*self.claim.differentiated), *head.second) if head else tuple(OPS[self.op].formulas)
        if unknown := [one for one in self.asked if one not in known]:
            raise ValueError(f'quantity "{unknown[0]}" is not one of {self.op}; it has {", ".join(known)}')

    @property
    def name(self) -> str:
        """The function's name as an adapter's: ``[a-z][a-z0-9_]*``."""
        found = getattr(self.function, "__name__", type(self.function).__name__)
        plain = re.sub(r"[^a-z0-9_]+", "_", found.lower()).strip("_")
        return plain if re.match("[a-z]", plain) else f"kernel_{plain}".rstrip("_")

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be asked of it."""
        differentiable = self.framework != NUMPY or self.gradient is not None or self.backward is not None
        head = HEADS.get(self.op)
        second = head.second if head and self.framework != NUMPY else ()
        of_op = (*head.gradients(*self.claim.differentiated), *second) if head else ("value", "grad_logits")
        return self.asked or (of_op if differentiable else ("value",))


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
    """What every adapter of a kernel answers alike; stands before the adapter of its framework."""

    _kernel: Kernel
    _functions: dict[Any, Any]

    @property
    def arithmetic(self) -> Arithmetic | None:
        """The declared precision."""
        return self._kernel.arithmetic

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the kernel is not asked a cell, or None."""
        kernel, claim = self._kernel, self._kernel.claim
        reasons = {
            f"the kernel is a {kernel.op} with labels {kernel.labels}": (cell.op, cell.labels)
            != (kernel.op, kernel.labels),
            f"the kernel is asked in {kernel.mode} mode": cell.mode != kernel.mode,
            f"the kernel is asked with the class axis {claim.class_axis}": cell.axis != claim.class_axis,
            "a kernel is asked with the options it declares": cell.options != claim.options
            or cell.entry not in _ENTRIES,
            "the kernel has no backward of its own": bool(cell.entry) and cell.entry in SAVED and not kernel.backward,
            f"arrays of {kernel.framework} have no strides": cell.entry == "saved_strided"
            and kernel.framework not in STRIDED,
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
        claim = self._kernel.claim
        arrays = {
            "weight": ("weight=w", claim.weight),
            "pos_weight": ("pos_weight=pw", claim.pos_weight),
            "where": ("where=m", claim.where),
        }
        given = given + [spelled for spelled, is_declared in arrays.values() if is_declared]
        return f"{name}({', '.join([*given, *(f'{key}={one!r}' for key, one in claim.keywords(function).items())])})"

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

_ENTRIES = frozenset({*WAYS, AFTER_VALUE, *SAVED})


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
    """Return the framework's adapter with the kernel in the place of its own functions."""
    if kernel.mode not in base.modes:
        raise ValueError(f'mode "{kernel.mode}" is none of {kernel.framework}; it has {", ".join(base.modes)}')
    functions = {"kernel": kernel.function, "backward": kernel.backward}
    asking = made_for(type("FrameworkKernel", (KernelQuestions, base), {"modes": (kernel.mode,)}), device)
    asking._kernel = kernel  # noqa: SLF001  the class was made here
    asking._namespace.update(functions)  # noqa: SLF001  likewise
    asking.name = kernel.name
    given = [imported(function, name) for name, function in functions.items() if function is not None]
    asking.imports = "\n".join([asking.imports, *given])
    adapter: SourceAdapter = asking
    return adapter
