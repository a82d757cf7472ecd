"""The trainings of a profile: cells, tasks and steps."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from logitproof_adapters.sources.trainer import trainer_of
from logitproof_conformance.plan.cases import Case
from logitproof_reference.training.tasks import TASKS
from logitproof_reference.vocabulary.cells import Cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter

TEST_MODULE = "training"
CLAUSES = ("TRN-1", "TRN-2", "TRN-3", "TRN-4")
"""What a training is judged by."""

FIRST = TASKS["digits_linear"]
"""What the quick profile trains, in float32, for a few steps, with the loss that users meet first."""


def training_cases(adapter: Adapter, profile: str) -> Iterator[Case]:
    """Yield a case for each training of a framework; one where it has none, so that the reason is recorded."""
    trainer = trainer_of(adapter)
    if trainer is None:
        yield Case(_cell(adapter, adapter.modes[0], "float32", "indices"), FIRST.name, TEST_MODULE)
        return
    for task, format_ in product(TASKS.values(), trainer.formats):
        for place, (labels, entry) in enumerate(trainer.recipes.get(task.op, ())):
            if profile == "full" or (task is FIRST and format_ == "float32" and place == 0):
                yield Case(_cell(adapter, trainer.mode, format_, labels, entry, task.op), task.name, TEST_MODULE)


def _cell(adapter: Adapter, mode: str, format_: str, labels: str, entry: str = "", op: str = FIRST.op) -> Cell:  # noqa: PLR0917 - the words of a cell
    return Cell(adapter.name, mode, op, "trajectory", format_, labels, entry=entry)
