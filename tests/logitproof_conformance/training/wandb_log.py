"""Trainings in Weights & Biases, each logged when it ends: init, log every step, finish.

Only where the environment names a project. A framework with a loop of its own is watched by wandb's callback for it.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from logitproof_conformance.training.run import Training
    from logitproof_reference.training.record import TrainingRecord

    Log = Callable[[TrainingRecord], None]

PROJECT_VARIABLE = "LOGITPROOF_WANDB"
"""The project that trainings are logged to; where it is not set they are not."""


@contextmanager
def tracked(training: Training) -> Iterator[Log]:
    """Open a run of wandb for a training, and yield what logs its record; without a project nothing is done."""
    project = os.environ.get(PROJECT_VARIABLE)
    if not project:
        yield _log_nothing
        return
    import wandb  # noqa: PLC0415  an extra

    cell = training.cell
    config = {"adapter": cell.adapter, "format": cell.format, "rate": training.task.rate, "steps": training.steps}
    name = f"{cell.id}/{training.task.name}"
    tags = [cell.adapter, cell.format, training.task.name]
    with wandb.init(
        project=project, job_type="training", name=name, group=cell.adapter, tags=tags, config=config
    ) as run:
        run.define_metric("training/*", step_metric="training/step")
        training.trainer.callbacks[:] = _callbacks() if training.trainer.takes_callbacks else []
        try:
            yield lambda record: _log(run, record)
        finally:
            training.trainer.callbacks.clear()


def _callbacks() -> list[Any]:
    """Return wandb's callback for Keras; none where it cannot be had, as it needs TensorFlow whatever Keras runs on."""
    try:
        from wandb.integration.keras import WandbMetricsLogger  # noqa: PLC0415  likewise
    except ImportError:
        return []
    return [WandbMetricsLogger(log_freq="batch")]


def _log_nothing(_: TrainingRecord) -> None:
    """Take a record and let it go."""


def _log(run: Any, record: TrainingRecord) -> None:
    for step in range(record.steps):
        numbers = {f"training/{name}": values[step] for name, values in record.series.items()}
        run.log({"training/step": step, **{name: value for name, value in numbers.items() if math.isfinite(value)}})
    run.summary["training"] = record.sentence
