"""The proxy of a trainer in a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from logitproof_adapters.evaluator.values import unpacked_all
from logitproof_adapters.sources.trainer import Step
from logitproof_reference.vocabulary.cells import cell_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from logitproof_reference.training.tasks import Examples, Task
    from logitproof_reference.vocabulary.cells import Cell

    Arrays = list[NDArray[Any]]


class Remote(Protocol):
    """The methods that a trainer needs of its adapter."""

    facts_of_trainer: dict[str, Any]

    def request(
        self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> tuple[dict[str, Any], memoryview]:
        """Return the answer to a request."""
        ...


class RemoteTrainer:
    """Fulfils what is asked of a `SourceTrainer`, but for the callbacks of a framework's own loop: they stay here."""

    takes_callbacks = False

    def __init__(self, adapter: Remote) -> None:
        self._adapter = adapter
        facts = adapter.facts_of_trainer
        self.mode: str = facts["mode"]
        self.formats = tuple(facts["formats"])
        self.recipes = {op: tuple((labels, entry) for labels, entry in pairs) for op, pairs in facts["recipes"].items()}
        self.callbacks: list[Any] = []

    def train(self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], batches: list[Examples]) -> list[Step]:
        """Train from `parameters` over `batches`, one step each."""
        examples: dict[str, NDArray[Any]] = {f"features{step}": batch.features for step, batch in enumerate(batches)}
        examples |= {f"labels{step}": batch.labels for step, batch in enumerate(batches)}
        given = {**_numbered(parameters), **examples}
        answer, arrays = self._ask("train", cell, task, given, steps=len(batches))
        return [
            Step(
                one["loss"],
                _of_kind(f"gradient{step}.", arrays) if one["gradients"] else None,
                _of_kind(f"parameter{step}.", arrays),
            )
            for step, one in enumerate(answer["steps"])
        ]

    def logits(
        self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], features: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the logits that the framework's own products give."""
        return self._ask("logits", cell, task, {**_numbered(parameters), "features": features})[1]["logits"]

    def descend(self, cell: Cell, task: Task, features: NDArray[Any], upstream: NDArray[Any]) -> Arrays:
        """Return the parameters after a step from those of the last `logits`, given the gradient of the logits."""
        arrays = self._ask("descend", cell, task, {"features": features, "upstream": upstream})[1]
        return _of_kind("parameter", arrays)

    def loss(
        self, cell: Cell, task: Task, logits: NDArray[Any], labels: NDArray[np.int64]
    ) -> tuple[float, NDArray[Any]]:
        """Return the framework's loss at given logits and its gradient with respect to them."""
        answer, arrays = self._ask("loss", cell, task, {"logits": logits, "labels": labels})
        return answer["loss"], arrays["gradient"]

    def repro(self, cell: Cell, task: Task, parameters: Sequence[NDArray[Any]], batch: Examples) -> str:
        """Return a standalone program that takes one step over `batch` and prints its loss."""
        given = {**_numbered(parameters), "features": batch.features, "labels": batch.labels}
        text: str = self._ask("training_repro", cell, task, given)[0]["text"]
        return text

    def _ask(
        self, what: str, cell: Cell, task: Task, arrays: Mapping[str, NDArray[Any]], **more: Any
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        described = {"name": task.name, "op": task.op, "widths": task.widths, "rate": task.rate}
        header = {"do": what, "cell": cell_to_json(cell), "task": described, **more}
        answer, memory = self._adapter.request(header, arrays)
        return answer, unpacked_all(answer.get("arrays", {}), memory)


def _numbered(parameters: Iterable[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"parameter{place}": np.asarray(array) for place, array in enumerate(parameters)}


def _of_kind(kind: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return [array for name, array in arrays.items() if name.startswith(kind)]
