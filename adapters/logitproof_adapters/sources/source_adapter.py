"""Calls a framework by source text: `evaluate` executes it, `repro` prints it with its inputs."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract import CPU, Dialect
from logitproof_adapters.contract.process_memory import resident, return_memory
from logitproof_adapters.sources.literals import literal as literal  # noqa: PLC0414 - adapters take it from here
from logitproof_adapters.sources.unsupported import not_wrapped
from logitproof_reference.vocabulary.formats import name_of_dtype
from logitproof_reference.vocabulary.ops import TAKES_COTANGENT, TAKES_TANGENT
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Description, Loss
    from logitproof_reference.vocabulary.cells import Cell, Inputs


LETTERS = {
    "logits": "x",
    "labels": "y",
    "cotangent": "c",
    "tangent": "v",
    "weight": "w",
    "pos_weight": "pw",
    "mask": "m",
}
"""What a source calls the arrays of `Inputs`, in the order in which ``f`` takes them."""


PRODUCED = {name: producer.source("x") for name, producer in PRODUCERS.items()}
"""What a source calls the logits behind a producer."""


def behind_producer(cell: Cell, expression: str) -> str:
    """Return an expression of x that is asked of what the cell's producer makes of x."""
    return f"(lambda x: {expression})({PRODUCED[cell.producer]})" if cell.producer else expression


def arguments(cell: Cell) -> str:
    """Return the arguments of a cell's ``f``, e.g. ``x, y, c``."""
    taken = {
        "logits": True,
        "labels": cell.labels != "none",
        "cotangent": cell.quantity in TAKES_COTANGENT,
        "tangent": cell.quantity in TAKES_TANGENT,
        "weight": cell.options.weight,
        "pos_weight": cell.options.pos_weight,
        "mask": cell.options.where,
    }
    return ", ".join(LETTERS[name] for name, is_taken in taken.items() if is_taken)


def place_of_classes(cell: Cell, axis: int, ndim: int) -> tuple[int, int]:
    """Return the class axis and the number of axes that an expression meets: those of one row where rows are mapped."""
    return (0, 1) if cell.mode == "vmap" else (axis, ndim)


def spelled_words(spelled: Mapping[tuple[str, str], str]) -> dict[str, tuple[str, ...]]:
    """Return the words of `contract.spellings` by op, from calls by op and word.

    >>> spelled_words({("softmax", "kept_axis"): "", ("softmax", "every_axis"): ""})
    {'softmax': ('kept_axis', 'every_axis')}
    """
    return {op: tuple(word for one, word in spelled if one == op) for op, _ in spelled}


MOST_FUNCTIONS = 256
"""Kept, those used last: a cell needs about ten, and what a framework compiled for one is let go of with it."""


PROGRAMS_KEPT = 128
"""Number of functions created between two checks of how much memory the process has taken."""

MEMORY_KEPT = 768 << 20
"""Bytes that it may have taken until a framework is told to forget what it compiled beside the functions: JAX keeps the
program of each primitive and shape, which in a full run took several gigabytes, and makes them again when asked."""


class SourceAdapter(ABC):
    """An adapter whose question is source: what was judged is what a repro shows, letter by letter."""

    name: str
    modes: tuple[str, ...] = ("eager", "compiled")
    entries: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType({})
    """The further functions asked, by op and labels; see `contract.entries`."""
    producers: tuple[str, ...] = ()
    """What can be put in front of an op; see `contract.producers`."""
    dialects: Mapping[Loss, Dialect] = MappingProxyType({})
    """What the framework documents of its losses, by their op, labels and entry."""
    imports: str
    """The lines that import the framework, for a repro."""
    report: str
    """The line that prints the format and the numbers of the result."""
    operations: Mapping[str, str] = MappingProxyType(
        {"product": "lambda x, y: x * y", "quotient": "lambda x, y: x / y", "total": "lambda x: x.sum()"}
    )
    """What `probe` asks of the framework's tensors."""
    device = CPU
    """Where it computes; see `contract.device`."""
    placement = ""
    """The line that makes the framework compute there, as a repro shows it; empty if it does by itself."""

    def __init__(self, **namespace: Any) -> None:
        self._namespace = namespace
        self._functions: dict[tuple[Any, ...], Any] = {}
        self._made = self._resident = 0

    def place(self, device: str, line: str) -> None:
        """Let the framework compute on a device by a line of its own; empty if it does by itself."""
        self.device, self.placement = device, line
        exec(line, self._namespace)  # noqa: S102 - our own text

    @abstractmethod
    def describe(self) -> Description:
        """Return framework, version and build."""

    def unsupported(self, cell: Cell) -> str | None:
        """Return why the framework offers no such cell, or None if it does."""
        return not_wrapped(cell, self.modes, self.entries, self.producers)

    def dialect(self, cell: Cell) -> Dialect:
        """Return what this release documents of the loss that `cell` asks; a bare `Dialect` for one without any."""
        stated = self.dialects.get((cell.op, cell.labels, cell.entry), Dialect())
        return stated.at(self.describe().version) if stated.earlier else stated

    @abstractmethod
    def source(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return source that defines ``f``, which takes `arguments(cell)`; the logits x have `ndim` axes."""

    @abstractmethod
    def tensor(self, array: NDArray[Any]) -> Any:
        """Return `array` as the framework's own, bit for bit."""

    @abstractmethod
    def array(self, tensor: Any) -> NDArray[Any]:
        """Return a result of the framework as it came, bit for bit."""

    @abstractmethod
    def spelling(self, array: NDArray[Any]) -> str:
        """Spell `array` as an expression of the framework."""

    def switches(self, cell: Cell) -> list[str]:
        """Return the lines that a repro of `cell` needs beyond the imports; none by default."""
        del cell
        return []

    def before_execution(self, source: str, file: str) -> None:  # noqa: B027  most frameworks read no source
        """Let the framework know the source that is executed under the name of a file; nothing by default."""

    def forget(self) -> None:  # noqa: B027  most frameworks compile nothing
        """Let the framework forget what it compiled; nothing by default."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the framework's answer as it came."""
        arrays = list(inputs.arrays().values())
        key = (cell, inputs.axis, *((array.shape, array.dtype) for array in arrays))
        function = self._functions.pop(key, None) or self._function(cell, inputs.axis, *arrays)
        self._functions[key] = function  # behind those used longer ago
        if len(self._functions) > MOST_FUNCTIONS:
            self._functions.pop(next(iter(self._functions)))
        tensors = list(map(self.tensor, arrays))
        answer = self.array(function(*tensors))
        self.give_back(arrays, tensors)
        return answer

    def give_back(self, arrays: list[NDArray[Any]], tensors: list[Any]) -> None:
        """Do to the arrays what the call did to tensors in memory of their own; nothing by default."""
        del arrays, tensors

    def operate(self, name: str, *arrays: NDArray[Any]) -> NDArray[Any]:
        """Return what one of `operations` gives on the device."""
        operation = eval(self.operations[name], dict(self._namespace))  # noqa: S307 - our own text
        return self.array(operation(*map(self.tensor, arrays)))

    def _function(self, cell: Cell, axis: int, *arrays: NDArray[Any]) -> Any:
        """Execute the source, once for such shapes and formats and under a file name of its own, as in a repro.

        torch.compile keeps count, by file name and line, of the shapes it has seen, and compiles the second one
        otherwise than the first, TinyJit replays for labels of any number what it recorded for others and refuses those
        of another format; an answer must not depend on what was asked before. Nor may the name hold a comma:
        paddle.jit.to_static splits the lines of a traceback there.
        """
        if self._made % PROGRAMS_KEPT == 0:
            self._keep_memory_small()
        self._made += 1
        name = " ".join(f"{'x'.join(map(str, array.shape))} {name_of_dtype(array.dtype)}" for array in arrays)
        scope, file = dict(self._namespace), f"<{cell.id} {name}>"
        source = self.source(cell, axis, arrays[0].ndim)
        self.before_execution(source, file)
        exec(compile(source, file, "exec"), scope)  # noqa: S102 - our own text
        return scope["f"]

    def _keep_memory_small(self) -> None:
        """Let go of what was compiled if that has taken much memory since it was looked at last."""
        if not self._made:
            self._resident = resident()
        elif resident() > self._resident + MEMORY_KEPT or self._resident == sys.maxsize:
            self._functions.clear()
            self.forget()
            return_memory()
            self._resident = resident()

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a standalone program that prints the format and the numbers of the answer."""
        given = [f"{LETTERS[name]} = {self.spelling(array)}" for name, array in inputs.arrays().items()]
        source = self.source(cell, inputs.axis, inputs.logits.ndim)
        result = f"result = f({arguments(cell)})"
        placed = [self.placement] if self.placement else []
        head = ["from math import inf, nan", self.imports, *placed, *self.switches(cell)]
        return "\n".join([*head, *given, source, result, self.report])
