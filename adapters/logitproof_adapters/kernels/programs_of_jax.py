"""How kernels of JAX are asked: past the first shapes of a format by one program for the value and its derivative."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from logitproof_adapters.kernels.questions import KernelQuestions
from logitproof_adapters.kernels.ways_of_calling import AS_IS
from logitproof_adapters.sources.source_adapter import arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

APART = 6
"""Shapes of logits in each format of which a compiled function and its derivative are programs of their own."""

BOTH = "both"
"""The mode of a cell whose source is a program of two answers."""

IN_BOTH = ("value", "grad_logits")
"""What one program answers, of a kernel that is asked for both."""

PROGRAM = """\
value = {value}
gradient = {gradient}
both = lambda {taken}: (value({value_of}), gradient({taken}))
step = jax.jit(both{options})
ones = lambda like: np.ones(like.shape, like.dtype)
f = lambda {asked}: step({given})[{place}]"""

ANY_COTANGENT = "ones(jax.eval_shape(value, {value_of}))"
"""The upstream gradient that is handed over where the value is asked, which does not depend on it."""

ROUNDING = {"xla_allow_excess_precision": False}

MOST_EQUATIONS = 200
"""Of a traced answer; one with more, as of a loop over blocks in Python, is not compiled for each shape."""


class OneProgram(KernelQuestions):
    """Asks a function that jax.jit has compiled: past the first shapes with its derivative in one program.

    ``function(x)`` and ``jax.vjp(function, x)`` compile three programs for each shape; ``jax.jit`` of both is one, as a
    training step is. The value in it is the function's own, not that of the forward pass of a ``jax.custom_vjp``.
    What one program keeps for another is rounded to its format between them, and need not be within one: the first
    shapes, those of the matrix among them, are asked by programs of their own, and so are ways of calling, and shapes
    in which the function has a value and no derivative.
    """

    _apart: dict[str, set[tuple[int, ...]]]
    imports: str
    _is_called_in_a_way = False
    options = ""
    """What jax.jit is told besides the function."""

    @cached_property
    def _alone(self) -> set[tuple[str, tuple[int, ...]]]:
        """Formats and shapes in which the program of two could not be made."""
        return set()

    @cached_property
    def _steps(self) -> WeakValueDictionary[Any, Any]:
        """The programs of two by cell, class axis and shape of the logits, as long as a function needs them."""
        return WeakValueDictionary()

    def _spelled(self, cell: Cell, logits: NDArray[Any]) -> Cell:
        """Return the cell in whose mode the source is written."""
        if self._is_apart(cell, logits):
            return cell
        if self._is_in_both(cell, logits):
            return replace(cell, mode=BOTH)
        return cell if cell.quantity == "value" else replace(cell, mode="compiled")

    def _is_apart(self, cell: Cell, logits: NDArray[Any]) -> bool:
        """Whether a shape is one of the first of its format."""
        apart = self._apart.setdefault(cell.format, set())
        if len(apart) < APART:
            apart.add(logits.shape)
        return logits.shape in apart

    def _is_in_both(self, cell: Cell, logits: NDArray[Any]) -> bool:
        """Whether a program of two answers a cell: of a kernel that is asked for both."""
        if self._is_called_in_a_way or cell.entry or (cell.format, logits.shape) in self._alone:
            return False
        return cell.quantity in IN_BOTH and set(IN_BOTH) <= set(self._kernel.quantities)

    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``."""
        if cell.mode != BOTH:
            text = self._plain_source(cell, axis, ndim)
            return f"{text[:-1]}{self.options})" if cell.mode == "compiled" else text
        apart = [replace(cell, quantity=quantity, mode="eager") for quantity in IN_BOTH]
        value, gradient = (self._plain_source(one, axis, ndim)[len("f = ") :] for one in apart)
        value_of, taken = map(arguments, apart)
        ones = ANY_COTANGENT.format(value_of=value_of)
        of_value = ", ".join(ones if letter == "c" else letter for letter in taken.split(", "))
        return PROGRAM.format(
            value=value,
            gradient=gradient,
            value_of=value_of,
            taken=taken,
            options=self.options,
            asked=arguments(cell),
            given=of_value if cell.quantity == "value" else taken,
            place=IN_BOTH.index(cell.quantity),
        )

    def _plain_source(self, cell: Cell, axis: int, ndim: int) -> str:
        text: str = super().source(cell, axis, ndim)
        return text

    def _in_a_way(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        self._is_called_in_a_way = True
        try:
            return super()._in_a_way(cell, inputs)
        finally:
            self._is_called_in_a_way = False

    def _function(self, cell: Cell, axis: int, *arrays: NDArray[Any]) -> Any:
        spelled = self._spelled(cell, arrays[0])
        if not self._may_fail(spelled):
            return self._program(spelled, axis, *arrays)
        made: list[Any] = []

        def function(*tensors: Any) -> Any:
            if not made:
                made.append(self._tried(spelled, axis, arrays, tensors) or self._function(cell, axis, *arrays))
            return made[0](*tensors)

        return function

    def _may_fail(self, spelled: Cell) -> bool:
        """Whether a program is tried, and another one asked where it cannot be made."""
        return spelled.mode == BOTH

    def _program(self, spelled: Cell, axis: int, *arrays: NDArray[Any]) -> Any:
        """Return what the source defines; two answers of one program share it."""
        asked: Any = super()
        found = asked._function(spelled, axis, *arrays)  # noqa: SLF001 - of the adapter that this is a part of
        if spelled.mode == BOTH:
            key = (replace(spelled, quantity="value"), axis, arrays[0].shape)
            found.__globals__["step"] = self._steps.setdefault(key, found.__globals__["step"])
        return found

    def _tried(self, spelled: Cell, axis: int, arrays: tuple[NDArray[Any], ...], tensors: tuple[Any, ...]) -> Any:
        """Return the function of a program; None, from now on in this shape, where it cannot be made."""
        try:
            found = self._program(spelled, axis, *arrays)
            if self._is_short(found, spelled, tensors):
                found(*tensors)
                return found
        except Exception:  # noqa: BLE001, S110 - what the kernel raises by itself counts
            pass
        self._alone.add((spelled.format, arrays[0].shape))
        return None

    def _is_short(self, found: Any, spelled: Cell, tensors: tuple[Any, ...]) -> bool:
        """Whether a program is worth being compiled: what somebody has compiled is."""
        del found, spelled, tensors
        return True

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program that calls the kernel as it was asked."""
        asked: Any = super()
        spelled = self._spelled(cell, inputs.logits)
        text: str = asked.repro(spelled, inputs)
        return text.replace(self.imports, f"import numpy as np\n{self.imports}", 1) if spelled.mode == BOTH else text


class LaterCompiled(OneProgram):
    """Asks a function that its author has not compiled; past the first shapes as jax.jit compiles it.

    Else each of its operations is compiled for each shape, which takes three times as long as one program. It is called
    as it is where it cannot be traced, where it has more than `MOST_EQUATIONS`, and in ways of calling, since it may
    keep something between calls. Its results are rounded as often as without a compiler, and what it makes of no
    argument is made at once: if it keeps that, it is no tracer.
    """

    is_compiled_later = True
    options = f", compiler_options={ROUNDING}"

    def _spelled(self, cell: Cell, logits: NDArray[Any]) -> Cell:
        """Return the cell in whose mode the source is written."""
        is_plain = self._is_called_in_a_way or cell.entry == AS_IS or (cell.format, logits.shape) in self._alone
        if is_plain or self._is_apart(cell, logits):
            return cell
        return replace(cell, mode=BOTH if self._is_in_both(cell, logits) else "compiled")

    def _in_a_way(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        self._alone.add((cell.format, inputs.logits.shape))
        return super()._in_a_way(cell, inputs)

    def _may_fail(self, spelled: Cell) -> bool:
        return spelled.mode in {BOTH, "compiled"}

    def _tried(self, spelled: Cell, axis: int, arrays: tuple[NDArray[Any], ...], tensors: tuple[Any, ...]) -> Any:
        jax, plain = self._namespace["jax"], self._namespace

        def kernel(*given: Any, **declared: Any) -> Any:
            with jax.ensure_compile_time_eval():
                return self._kernel.function(*given, **declared)

        self._namespace = {**plain, "kernel": kernel}
        try:
            return super()._tried(spelled, axis, arrays, tensors)
        finally:
            self._namespace = plain

    def _is_short(self, found: Any, spelled: Cell, tensors: tuple[Any, ...]) -> bool:
        """Whether a program has at most `MOST_EQUATIONS` an answer."""
        is_both = spelled.mode == BOTH
        plain = _without_jit(found) if is_both else found.__wrapped__
        equations = self._namespace["jax"].make_jaxpr(plain)(*tensors).eqns
        return len(equations) <= MOST_EQUATIONS * (len(IN_BOTH) if is_both else 1)


def _without_jit(found: Any) -> Any:
    """Return the ``f`` of a `PROGRAM` as it is without a compiler: what that is told is told at the outermost alone."""
    scope = found.__globals__
    return FunctionType(found.__code__, {**scope, "step": scope["both"]})
