"""A fault planted in training is named by its clause, and the drift is laid at the right door; the control has none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.control import sigmoid as control_sigmoid
from logitproof_adapters.control import softmax as control
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.frameworks.numpy.trainer import NumpyTrainer
from logitproof_adapters.sources.trainer import trainer_of
from logitproof_conformance.plan.cases import Case
from logitproof_conformance.plan.training import CLAUSES, training_cases
from logitproof_conformance.training.judging import judge_training
from logitproof_conformance.training.run import Training, measure
from logitproof_reference.training.record import SERIES, TrainingRecord
from logitproof_reference.training.tasks import TASKS, Task
from logitproof_reference.vocabulary.cells import SIGMOID, Cell
from meta.mutants.mutant import patched

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_conformance.training.run import Trajectory

STEPS = 6
STEEP = Task("steep", "A rate far too large: logits pass 88.", "softmax_cross_entropy", "digits", (64, 10), 64.0)
ALL_TASKS = {**TASKS, STEEP.name: STEEP}


@dataclass(frozen=True)
class Fault:
    """The control's trainer with one fault, the clause that must name it, and the loss's share of the drift."""

    name: str
    clause: str
    share_of_loss: float
    parts: dict[str, Callable[..., Any]] = field(default_factory=dict)
    program: tuple[str, str] = ("", "")
    task: str = "digits_linear"
    format: str = "float32"


def scaled(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    return lambda *arguments, **options: (function(*arguments, **options) * np.float32(factor)).astype(np.float32)


def labels_of_neighbours(labels: NDArray[Any], like: NDArray[Any], one_hot: Any = control.one_hot) -> NDArray[Any]:
    return np.roll(one_hot(labels, like), 1, axis=0)


FAULTS = [
    Fault("gradient_one_percent", "TRN-2", 1.0, {"grad_cross_entropy": scaled(control.grad_cross_entropy, 1.01)}),
    Fault(
        "gradient_one_percent_in_mlp",
        "TRN-2",
        1.0,
        {"grad_cross_entropy": scaled(control.grad_cross_entropy, 1.01)},
        task="digits_mlp",
    ),
    Fault(
        "sigmoid_gradient_one_percent",
        "TRN-2",
        1.0,
        {"grad_sigmoid_cross_entropy": scaled(control_sigmoid.grad_sigmoid_cross_entropy, 1.01)},
        task="cancer_logistic",
    ),
    Fault(
        "gradient_by_a_quarter_in_float16",
        "TRN-3",
        0.9,
        {"grad_cross_entropy": scaled(control.grad_cross_entropy, 1.25)},
        format="float16",
    ),
    Fault("mean_over_all_elements", "TRN-1", 1.0, {"mean_divisor": lambda labels, *_: 10.0 * len(labels)}),
    Fault("mean_over_one_less", "TRN-2", 1.0, {"mean_divisor": lambda labels, *_: len(labels) - 1.0}),
    Fault("loss_off_by_a_permille", "TRN-1", 0.1, {"cross_entropy": scaled(control.cross_entropy, 1.001)}),
    Fault("no_shift", "TRN-1", 1.0, {"shifted": lambda x: x}, task="steep"),
    Fault("label_of_the_neighbour", "TRN-2", 1.0, {"one_hot": labels_of_neighbours}),
    Fault("product_one_percent", "TRN-2", 0.0, program=("y.astype(np.float32))", "y.astype(np.float32) * 1.01)")),
    Fault("bias_not_trained", "TRN-2", 0.0, program=("sum_of_rows(upstream)", "0 * sum_of_rows(upstream)")),
    Fault("step_too_long", "TRN-3", 0.0, program=("0.5 * g", "0.505 * g")),
    Fault("relu_of_nothing", "TRN-2", 0.0, program=(" * (inputs[layer] > 0)", ""), task="digits_mlp"),
]
BY_NAME = {fault.name: fault for fault in FAULTS}


class FaultyTrainer(NumpyTrainer):
    """The control's trainer with a change of its program."""

    program = ("", "")

    def source(self, cell: Cell, task: Task) -> str:
        """Return the changed program."""
        text = super().source(cell, task)
        assert self.program[0] in text
        return text.replace(*self.program)


def cell_of(task: Task, format_: str = "float32") -> Cell:
    return Cell("numpy", "eager", task.op, "trajectory", format_, "distributions" if task.op == SIGMOID else "indices")


def trained(fault: Fault) -> Trajectory:
    task = ALL_TASKS[fault.task]
    trainer = FaultyTrainer(NumpyAdapter())
    trainer.program = fault.program
    with patched(fault.parts), np.errstate(all="ignore"):
        return measure(Training(trainer, cell_of(task, fault.format), task, STEPS))


def objecting(found: Trajectory) -> set[str]:
    held = {"TRN-1": found.loss, "TRN-2": found.gradients, "TRN-3": found.parameters}
    return {clause for clause, numbers in held.items() if numbers.slack > 1.0}


@pytest.mark.parametrize("fault", FAULTS, ids=list(BY_NAME))
def test_fault_is_named_by_its_clause(fault: Fault) -> None:
    assert fault.clause in objecting(trained(fault))


@pytest.mark.parametrize("fault", FAULTS, ids=list(BY_NAME))
def test_drift_is_laid_at_the_right_door(fault: Fault) -> None:
    record = trained(fault).record
    own, products = record.last("drift_of_loss"), record.last("drift_of_products")
    share = 1.0 if not math.isfinite(own) and math.isfinite(products) else own / (own + products)
    if fault.share_of_loss >= 0.5:
        assert share >= fault.share_of_loss - 0.01
    else:
        assert share <= fault.share_of_loss + 0.1


def test_one_percent_of_the_gradient_is_one_percent_of_the_way() -> None:
    record = trained(BY_NAME["gradient_one_percent"]).record
    assert record.series["gradient_error"] == pytest.approx([0.01] * STEPS, rel=1e-3)
    assert record.last("drift") == pytest.approx(record.last("drift_of_loss"), rel=1e-3)
    assert record.last("drift_of_products") < 1e-6


def test_every_should_clause_is_broken_by_a_fault() -> None:
    assert {fault.clause for fault in FAULTS} == set(CLAUSES) - {"TRN-4"}


@pytest.mark.parametrize("format_", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("task", ALL_TASKS.values(), ids=list(ALL_TASKS))
def test_control_keeps_within_every_bound(task: Task, format_: str) -> None:
    found = measure(Training(NumpyTrainer(NumpyAdapter()), cell_of(task, format_), task, STEPS))
    assert objecting(found) == set()
    assert all(len(found.record.series[name]) == STEPS for name in SERIES)


def test_every_training_of_the_quick_profile_is_judged_by_every_clause() -> None:
    adapter = NumpyAdapter()
    (case,) = training_cases(adapter, "quick")
    found = list(judge_training(adapter, case, "quick"))
    assert {judgement.clause for judgement in found} == set(CLAUSES)
    assert {judgement.verdict for judgement in found} == {"conforms"}
    record = TrainingRecord.from_json(found[-1].series)
    assert record.steps == 8
    assert record.sentence == found[-1].reason


def test_a_concern_says_which_step_and_how_to_see_it_again() -> None:
    adapter = NumpyAdapter()
    (case,) = training_cases(adapter, "quick")
    with patched(BY_NAME["mean_over_all_elements"].parts):
        first, *_ = judge_training(adapter, case, "quick")
        printed: list[float] = []
        exec(first.repro, {"print": printed.append})  # noqa: S102 - it is what the run file holds
    assert first.verdict == "concern"
    assert first.reason.startswith(
        f"The loss of a training step lies within the bound of its pass: at step {first.row + 1}"
    )
    assert printed[0] == float.fromhex(first.observed)
    assert json.loads(first.inputs) == {"task": "digits_linear", "step": first.row}


def test_an_adapter_without_a_trainer_is_told_of() -> None:
    class Stranger(NumpyAdapter):
        name = "stranger"

    adapter = Stranger()
    assert trainer_of(adapter) is None
    (case,) = training_cases(adapter, "full")
    (found,) = judge_training(adapter, case, "full")
    assert (found.verdict, found.reason) == ("unsupported", "no training is wrapped for this adapter")


def test_an_adapter_may_name_its_trainer() -> None:
    class Named(NumpyAdapter):
        name = "named"
        trainer = NumpyTrainer

    assert isinstance(trainer_of(Named()), NumpyTrainer)


def test_a_training_that_raises_is_a_crash_with_a_reason() -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no memory\nat all")

    adapter = NumpyAdapter()
    case = Case(cell_of(TASKS["digits_linear"]), "digits_linear", "training")
    with patched({"mean_divisor": refuse}):
        (found,) = judge_training(adapter, case, "quick")
    assert (found.verdict, found.reason) == ("crashed", "RuntimeError: no memory at all")


def test_a_record_keeps_what_it_holds() -> None:
    record = TrainingRecord("digits_mlp", {"loss": [2.3456789, math.inf], "drift": [0.0, 1e-7]}, 3, 0.5, 0.75)
    again = TrainingRecord.from_json(record.to_json())
    assert again.series["loss"][0] == 2.34568
    assert math.isnan(again.series["loss"][1])
    assert (again.first_difference, again.accuracy, again.exact_accuracy) == (3, 0.5, 0.75)
