"""How kernels of JAX are asked: one program for a value and its derivative, past the first shapes of a format."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from logitproof_adapters.kernels.questions import KernelQuestions
from logitproof_adapters.kernels.ways_of_calling import AS_IS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

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
