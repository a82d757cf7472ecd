"""Training as a framework's users write it: the base class of trainers, and the trainer of an adapter.

A trainer belongs to an adapter, whose framework it uses: an adapter with an attribute ``trainer``, a class that takes
the adapter, is asked to train. Its program is source, as in `source_adapter`: what ran is what a repro shows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS
from logitproof_adapters.sources.source_adapter import SourceAdapter
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.training.tasks import Examples, Task
    from logitproof_reference.vocabulary.cells import Cell

    Arrays = list[NDArray[Any]]

NO_TRAINER = "no training is wrapped for this adapter"


@dataclass(frozen=True)
class Step:
    """The results of one step of a framework.

    Attributes
    ----------
    loss : float
        The loss it reported of the batch, in nats.
    gradients : list of arrays or None
        The gradients it reported, shaped as the parameters; None if its users do not see them.
    parameters : list of arrays
        The parameters after the step, in the format it keeps them in: matrices (into, out of), and biases.
    """

    loss: float
    gradients: Arrays | None
    parameters: Arrays


def labels_of(cell: Cell, task: Task, labels: NDArray[np.int64]) -> NDArray[Any]:
    """Return class indices (rows,) in the form that a cell trains with, in its format where that is floating."""
    if OPS[task.op].elementwise:
        return labels[:, None].astype(FORMATS[cell.format].dtype)
    if cell.labels == "indices":
        return labels
    return np.eye(task.widths[-1], dtype=FORMATS[cell.format].dtype)[labels]


class SourceTrainer(ABC):
    """Trains by a program in the framework's own API.

    Below the adapter's imports the program defines ``load(parameters)``; ``train(batches)``, which yields loss,
    gradients or None, and parameters of each step; ``logits(x)``; ``descend(x, upstream)``, which takes one step from a
    given gradient of the logits and returns the parameters after it; and ``loss(z, y)``, which returns the loss and its
    gradient with respect to the logits.
    """

    mode = "eager"
    """How the framework runs it: one of `cells.MODES`."""
    formats: tuple[str, ...] = ("float16", "bfloat16", "float32")
    """The formats it trains in."""
    recipes: dict[str, tuple[tuple[str, str], ...]]
    """Labels and entry (see `Cell`) of the ways to write each loss, by op."""
    takes_callbacks = False
    """Whether its training loop is the framework's own, which is watched by callbacks."""

    def __init__(self, adapter: SourceAdapter) -> None:
        self.adapter = adapter
        self.callbacks: list[Any] = []
        self._programs: dict[tuple[Cell, str], dict[str, Any]] = {}

    @abstractmethod
    def source(self, cell: Cell, task: Task) -> str:
        """Return the program."""

    @property
    def imports(self) -> str:
        """The lines that import the framework."""
        return self.adapter.imports

    def tensor(self, array: NDArray[Any]) -> Any:
        """Return `array` as the framework's own, bit for bit."""
        return self.adapter.tensor(array)

    def array(self, tensor: Any) -> NDArray[Any]:
        """Return a result of the framework as it came, bit for bit."""
        return self.adapter.array(tensor)

    def spelling(self, array: NDArray[Any]) -> str:
        """Spell `array` as an expression of the framework."""
        return self.adapter.spelling(array)

    def train(self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], batches: list[Examples]) -> list[Step]:
        """Train from `parameters` over `batches`, one step each."""
        program = self._program(cell, task)
        program["load"](self._tensors(cell, parameters))
        pairs = [self._pair(cell, task, batch) for batch in batches]
        return [
            Step(float(self._array(loss)), None if gradients is None else self._arrays(gradients), self._arrays(after))
            for loss, gradients, after in program["train"](pairs)
        ]

    def logits(
        self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], features: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the logits that the framework's own products give."""
        program = self._program(cell, task)
        program["load"](self._tensors(cell, parameters))
        return self._array(program["logits"](*self._tensors(cell, [features])))

    def descend(self, cell: Cell, task: Task, features: NDArray[Any], upstream: NDArray[Any]) -> Arrays:
        """Return the parameters after a step from those of the last `logits`, given the gradient of the logits."""
        return self._arrays(self._program(cell, task)["descend"](*self._tensors(cell, [features, upstream])))

    def loss(
        self, cell: Cell, task: Task, logits: NDArray[Any], labels: NDArray[np.int64]
    ) -> tuple[float, NDArray[Any]]:
        """Return the framework's loss at given logits, numbers of the format, and its gradient with respect to them."""
        y = self.tensor(labels_of(cell, task, labels))
        loss, gradient = self._program(cell, task)["loss"](*self._tensors(cell, [logits]), y)
        return float(self._array(loss)), self._array(gradient)

    def repro(self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], batch: Examples) -> str:
        """Return a standalone program that takes one step over `batch` and prints its loss."""
        spelled = [self.spelling(array) for array in self._cast(cell, parameters)]
        x, y = self._cast(cell, [batch.features])[0], labels_of(cell, task, batch.labels)
        lines = [
            self.imports,
            *([self.adapter.placement] if self.adapter.placement else []),
            self.source(cell, task),
            f"load([{', '.join(spelled)}])",
            f"for loss, *_ in train([({self.spelling(x)}, {self.spelling(y)})]):",
            "    print(float(loss))",
        ]
        return "\n".join(lines)

    def _program(self, cell: Cell, task: Task) -> dict[str, Any]:
        key = (cell, task.name)
        if key not in self._programs:
            scope: dict[str, Any] = {}
            program = f"{self.imports}\n\n\n{self.source(cell, task)}"
            exec(compile(program, f"<{cell.id} {task.name}>", "exec"), scope)  # noqa: S102 - our own text
            scope["callbacks"] = self.callbacks
            self._programs[key] = scope
        return self._programs[key]

    def _pair(self, cell: Cell, task: Task, batch: Examples) -> tuple[Any, Any]:
        (x,) = self._tensors(cell, [batch.features])
        return x, self.tensor(labels_of(cell, task, batch.labels))

    def _cast(self, cell: Cell, arrays: Sequence[NDArray[Any]]) -> Arrays:
        return [array.astype(FORMATS[cell.format].dtype) for array in arrays]

    def _tensors(self, cell: Cell, arrays: Sequence[NDArray[Any]]) -> list[Any]:
        return [self.tensor(array) for array in self._cast(cell, arrays)]

    def _array(self, tensor: Any) -> NDArray[Any]:
        return np.array(self.array(tensor))

    def _arrays(self, tensors: Sequence[Any]) -> Arrays:
        return [self._array(tensor) for tensor in tensors]


def layers_of(task: Task) -> Iterator[tuple[int, int, bool]]:
    """Yield each layer's features and units, and whether it is the last, which has no relu."""
    last = len(task.widths) - 2
    for layer, (width, units) in enumerate(zip(task.widths, task.widths[1:])):
        yield width, units, layer == last


def products(task: Task, relu: str) -> str:
    """Return the body of ``logits(parameters, x)``: matrix products, biases, and `relu` called between two layers."""
    names = [f"{kind}{layer}" for layer in range(1, len(task.widths)) for kind in ("w", "b")]
    lines = [f"{', '.join(names)} = parameters"]
    for layer, (_, _, last) in enumerate(layers_of(task), start=1):
        product = f"x @ w{layer} + b{layer}"
        lines.append(f"return {product}" if last else f"x = {relu}({product})")
    return "\n".join(f"    {line}" for line in lines)


def trainer_of(adapter: Adapter) -> SourceTrainer | None:
    """Return the trainer of an adapter, or None if it has none."""
    spec = FRAMEWORKS[adapter.name].trainer_spec if adapter.name in FRAMEWORKS else ""
    if not hasattr(adapter, "trainer") and (not spec or not isinstance(adapter, SourceAdapter)):
        return None
    module, _, name = spec.partition(":")
    kind: Any = adapter.trainer if hasattr(adapter, "trainer") else getattr(import_module(module), name)
    trainer: SourceTrainer = kind(adapter)
    return trainer
