"""From a training to judgements: each step against its bound, and the outcome of the whole run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.sources.trainer import NO_TRAINER, trainer_of
from logitproof_conformance.judging.judging import judgement, verdict_on
from logitproof_conformance.training.run import Training, measure
from logitproof_conformance.training.wandb_log import tracked
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.training.tasks import STEPS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.plan.cases import Case
    from logitproof_conformance.training.run import StepErrors, Trajectory
    from logitproof_reference.vocabulary.judgement import Judgement


def judge_training(adapter: Adapter, case: Case, profile: str) -> Iterator[Judgement]:
    """Train as the case says and judge it; unsupported where the adapter has no trainer."""
    trainer = trainer_of(adapter)
    if trainer is None:
        yield judgement(case, "TRN-1", "unsupported", reason=NO_TRAINER)
        return
    training = Training(trainer, case.cell, TASKS[case.regime], STEPS[profile])
    with tracked(training) as log:
        try:
            found = measure(training)
        except Exception as error:  # noqa: BLE001  whatever a framework raises is a result of the test
            yield judgement(
                case, "TRN-1", "crashed", reason=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            )
            return
        log(found.record)
    held = {"TRN-1": found.loss, "TRN-2": found.gradients, "TRN-3": found.parameters}
    for clause, numbers in held.items():
        if numbers.elements:
            yield _judge_steps(case, clause, numbers, training, found)
    yield _tell_run(case, found)


def _judge_steps(case: Case, clause: str, held: StepErrors, training: Training, found: Trajectory) -> Judgement:
    good = held.slack <= 1.0
    kept = replace(
        judgement(case, clause, verdict_on(clause, good=good)),
        elements=held.elements,
        slack=held.slack,
        ulps=held.ulps,
        nats=held.error,
        row=held.step,
        element=-1 if clause == "TRN-1" else held.element,
        exact=held.exact.hex(),
        observed=held.observed.hex(),
        bound=f"{held.bound:.6g}",
        inputs=json.dumps({"task": case.regime, "step": held.step}),
    )
    if good:
        return kept
    reason = (
        f"{CLAUSES[clause].title}: at step {held.step + 1} observed {held.observed:.9g}, exact {held.exact:.9g}, "
        f"{held.slack:.3g} times the bound; {found.record.sentence}"
    )
    return replace(kept, reason=reason, repro=_repro(training, held.step))


def _repro(training: Training, number: int) -> str:
    """Return a program that takes the step again, from the parameters that the framework had before it."""
    before = training.train()[number - 1].parameters if number else training.task.initial()
    return training.trainer.repro(training.cell, training.task, before, training.batches[number])


def _tell_run(case: Case, found: Trajectory) -> Judgement:
    """Report the run as a whole (TRN-4)."""
    record = found.record
    return replace(
        judgement(case, "TRN-4", "conforms", reason=record.sentence),
        elements=record.steps,
        nats=record.largest("loss_error"),
        digest=hashlib.sha256(str(record.series).encode()).hexdigest()[:16],
        series=record.to_json(),
    )
