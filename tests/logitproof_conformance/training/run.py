"""One training of a framework, measured: every step, and the whole run, against the exact ones.

A step is judged at the framework's own parameters before it, so that nothing is carried from step to step. How far
the run has drifted from the exact run is told beside, and whose doing it is: the loss function's, whose errors alone
are put into exact products, or that of the products, which the exact gradient of the loss is put into.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.double_double import add
from logitproof_reference.training.bounds import step_bounds
from logitproof_reference.training.exact import (
    backward,
    descended,
    exact_pass,
    exact_trajectory,
    exactly,
    forward,
    loss_and_gradient,
    predictions,
)
from logitproof_reference.training.record import TrainingRecord
from logitproof_reference.vocabulary.formats import FORMATS, ulp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.sources.trainer import SourceTrainer, Step
    from logitproof_reference.numerics.double_double import Pair
    from logitproof_reference.training.tasks import Examples, Task
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64, Format

    Parameters = list[NDArray[Any]]


@dataclass
class StepErrors:
    """The numbers of one kind that were compared with their bounds, the worst by name.

    Attributes
    ----------
    elements : int
        How many were compared.
    slack, ulps, error : float
        The largest error / bound, error in ulps of the format, and error.
    step, element : int
        Where the largest slack lies; -1 where nothing was compared.
    exact, observed, bound : float
        The number there.
    """

    elements: int = 0
    slack: float = -1.0
    ulps: float = 0.0
    error: float = 0.0
    step: int = -1
    element: int = -1
    exact: float = float("nan")
    observed: float = float("nan")
    bound: float = float("nan")

    def hold(self, step: int, observed: F64, exact: F64, bound: F64, format_: Format) -> None:
        """Compare what one step gave, flat arrays of one length."""
        with np.errstate(invalid="ignore"):
            error = np.abs(observed - exact)
        error = np.where(np.isnan(error), np.where(np.isnan(observed) & np.isnan(exact), 0.0, np.inf), error)
        slack = np.where(error == 0.0, 0.0, error / np.where(bound > 0.0, bound, np.nan))
        slack = np.where(np.isnan(slack), np.inf, slack)
        worst = int(np.argmax(slack))
        self.elements += error.size
        self.ulps = max(self.ulps, float(np.nan_to_num(error / ulp(exact, format_), posinf=np.inf).max()))
        self.error = max(self.error, float(error.max()))
        if slack[worst] > self.slack:
            self.slack, self.step, self.element = float(slack[worst]), step, worst
            self.observed, self.exact = float(observed[worst]), float(exact[worst])
            self.bound = float(bound[worst])


@dataclass
class Trajectory:
    """One training: each step compared with the exact one from the same parameters, and the record of the run.

    Of gradients nothing is held where the framework's users do not see them.
    """

    record: TrainingRecord
    loss: StepErrors = field(default_factory=StepErrors)
    gradients: StepErrors = field(default_factory=StepErrors)
    parameters: StepErrors = field(default_factory=StepErrors)


@dataclass(frozen=True)
class Training:
    """One cell, trained on one task for some steps."""

    trainer: SourceTrainer
    cell: Cell
    task: Task
    steps: int

    @property
    def format(self) -> Format:
        """The format of all that is computed."""
        return FORMATS[self.cell.format]

    @cached_property
    def batches(self) -> list[Examples]:
        """The batch of each step."""
        return list(self.task.batches(self.steps))

    def train(self) -> list[Step]:
        """Return what the framework gives."""
        return self.trainer.train(self.cell, self.task, self.task.initial(), self.batches)

    def logits(self, parameters: Sequence[NDArray[Any]], batch: Examples) -> NDArray[Any]:
        """Return the logits of the framework's own products."""
        return self.trainer.logits(self.cell, self.task, parameters, batch.features)

    def exact_loss(self, logits: NDArray[Any], batch: Examples) -> float:
        """Return the exact mean loss at logits of the format."""
        return float(loss_and_gradient(self.task, exactly(logits), batch.labels)[0][0])

    def runs_of_parts(self) -> dict[str, Iterator[Parameters]]:
        """Return the two runs that attribute the drift to the loss or to the matrix products, by series."""
        return {"drift_of_loss": self._run_of_loss(), "drift_of_products": self._run_of_products()}

    def _run_of_loss(self) -> Iterator[Parameters]:
        """Yield the parameters of a run that is exact but for the errors of the framework's gradient of the loss.

        They are its errors at the nearest logits of the format: rounding the logits is not the loss function's doing.
        """
        parameters = [exactly(p) for p in self.task.initial()]
        for batch in self.batches:
            inputs, sums = forward(parameters, exactly(batch.features))
            nearest = sums[-1][0].astype(self.format.dtype)
            _, observed = self.trainer.loss(self.cell, self.task, nearest, batch.labels)
            _, there = loss_and_gradient(self.task, exactly(nearest), batch.labels)
            _, here = loss_and_gradient(self.task, sums[-1], batch.labels)
            error = add(exactly(observed), (-there[0], -there[1]))
            gradients, _ = backward(parameters, inputs, sums, add(here, error))
            parameters = descended(self.task, parameters, gradients)
            yield [hi for hi, _ in parameters]

    def _run_of_products(self) -> Iterator[Parameters]:
        """Yield the parameters of a run with the framework's products and the exact gradient of the loss, rounded."""
        parameters: Parameters = list(self.task.initial())
        for batch in self.batches:
            logits = self.logits(parameters, batch)
            _, (upstream, _) = loss_and_gradient(self.task, exactly(logits), batch.labels)
            parameters = self.trainer.descend(self.cell, self.task, batch.features, upstream)
            yield parameters


@lru_cache(maxsize=4)
def exact_run(task: Task, steps: int) -> list[tuple[float, list[Pair]]]:
    """Return the loss before and the parameters after each step of the exact run."""
    return [(float(found.loss[0]), after) for found, after in exact_trajectory(task, steps)]


def measure(training: Training) -> Trajectory:
    """Train, and measure every step and the whole run; raises what the framework raises."""
    given, exact = training.train(), exact_run(training.task, training.steps)
    found = Trajectory(TrainingRecord(training.task.name))
    own = training.task.initial()
    for number, step in enumerate(given):
        _hold_step(found, training, number, own, step)
        own = [p.astype(np.float64) for p in step.parameters]
    for (due, after), step in zip(exact, given, strict=True):
        found.record.append(exact_loss=due, loss=step.loss, drift=drift(step.parameters, after))
    for name, run in training.runs_of_parts().items():
        found.record.series[name] = [
            drift(parameters, after) for parameters, (_, after) in zip(run, exact, strict=True)
        ]
    _tell_predictions(found.record, training.task, given, exact)
    return found


def _hold_step(found: Trajectory, training: Training, number: int, own: list[F64], step: Step) -> None:
    """Compare a step with the exact one from `own`, the framework's parameters before it."""
    task, batch, format_ = training.task, training.batches[number], training.format
    before = [exactly(p) for p in own]
    exact = exact_pass(task, before, batch)
    after = descended(task, before, exact.gradients)
    bounds = step_bounds(task, exact, own, batch, format_)
    loss, at_logits = float(exact.loss[0]), training.exact_loss(training.logits(own, batch), batch)
    found.loss.hold(number, np.array([step.loss]), np.array([loss]), np.array([bounds.loss]), format_)
    found.parameters.hold(number, _flat(step.parameters), _high(after), _flat(bounds.parameters), format_)
    if step.gradients is not None:
        observed, correct = _flat(step.gradients), _high(exact.gradients)
        found.gradients.hold(number, observed, correct, _flat(bounds.gradients), format_)
        found.record.append(gradient_error=_relative(observed - correct, correct))
    found.record.append(
        loss_error=abs(step.loss - loss),
        loss_error_of_loss=abs(step.loss - at_logits),
        loss_error_of_products=abs(at_logits - loss),
    )


def _flat(arrays: Sequence[NDArray[Any]]) -> F64:
    return np.concatenate([array.astype(np.float64).ravel() for array in arrays])


def _high(pairs: Sequence[Pair]) -> F64:
    return _flat([hi for hi, _ in pairs])


def _relative(difference: F64, whole: F64) -> float:
    """Return the ratio of two Euclidean norms, 0 / 0 being 0."""
    size = float(np.linalg.norm(difference))
    return size / float(np.linalg.norm(whole)) if size else 0.0


def drift(parameters: Sequence[NDArray[Any]], exact: Sequence[Pair]) -> float:
    """Return how far parameters are from the exact ones, relative to those, all taken as one vector."""
    due = _high(exact)
    return _relative((_flat(parameters) - due) - _flat([lo for _, lo in exact]), due)


def _tell_predictions(
    record: TrainingRecord, task: Task, given: list[Step], exact: list[tuple[float, list[Pair]]]
) -> None:
    held_out = task.held_out()
    for number, (step, (_, after)) in enumerate(zip(given, exact, strict=True)):
        mine, due = predictions(step.parameters, held_out), predictions([hi for hi, _ in after], held_out)
        if record.first_difference < 0 and (mine != due).any():
            record.first_difference = number
    record.accuracy = float((mine == held_out.labels).mean())
    record.exact_accuracy = float((due == held_out.labels).mean())
