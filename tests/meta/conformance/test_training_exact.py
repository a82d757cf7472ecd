"""The exact trajectory is exact, by multiple precision; its data are those of scikit-learn, bit for bit."""

from __future__ import annotations

import hashlib

import mpmath
import numpy as np
import pytest

from logitproof_reference.training.exact import exact_pass, exact_trajectory, exactly, predictions
from logitproof_reference.training.tasks import BATCH, HELD_OUT, STEPS, TASKS, Examples, Task
from logitproof_reference.vocabulary.cells import SIGMOID
from logitproof_reference.vocabulary.formats import FORMATS

DIGITS = 50
STEPS_HELD = {"digits_linear": 3, "digits_mlp": 2, "cancer_logistic": 4}


def product(x: list[list[mpmath.mpf]], y: list[list[mpmath.mpf]]) -> list[list[mpmath.mpf]]:
    columns = list(zip(*y, strict=True))
    return [[mpmath.fdot(row, column) for column in columns] for row in x]


def transposed(x: list[list[mpmath.mpf]]) -> list[list[mpmath.mpf]]:
    return [list(column) for column in zip(*x, strict=True)]


def relu(x: list[list[mpmath.mpf]]) -> list[list[mpmath.mpf]]:
    return [[max(entry, mpmath.mpf(0)) for entry in row] for row in x]


def probabilities(task: Task, row: list[mpmath.mpf]) -> list[mpmath.mpf]:
    if task.op == SIGMOID:
        return [1 / (1 + mpmath.exp(-row[0]))]
    total = mpmath.fsum(map(mpmath.exp, row))
    return [mpmath.exp(z) / total for z in row]


def cost(task: Task, p: list[mpmath.mpf], label: int) -> mpmath.mpf:
    if task.op == SIGMOID:
        return -mpmath.log(p[0] if label else 1 - p[0])
    return -mpmath.log(p[label])


def surplus(task: Task, p: list[mpmath.mpf], label: int) -> list[mpmath.mpf]:
    q = [label] if task.op == SIGMOID else [int(j == label) for j in range(len(p))]
    return [(pj - qj) / BATCH for pj, qj in zip(p, q, strict=True)]


def stepped(task: Task, parameters: list[list[list[mpmath.mpf]]], batch: Examples) -> mpmath.mpf:
    """Move the parameters by one step, in place, biases being matrices of one row; return the loss before it."""
    ones = [[mpmath.mpf(1)] for _ in range(BATCH)]
    inputs = [[[mpmath.mpf(float(x)) for x in row] for row in batch.features]]
    for layer in range(0, len(parameters), 2):
        inputs.append(product([[*row, mpmath.mpf(1)] for row in inputs[-1]], parameters[layer] + parameters[layer + 1]))
        if layer + 2 < len(parameters):
            inputs[-1] = relu(inputs[-1])
    shares = [probabilities(task, row) for row in inputs[-1]]
    labels = batch.labels.tolist()
    upstream = [surplus(task, p, label) for p, label in zip(shares, labels, strict=True)]
    for layer in range(len(parameters) - 2, -1, -2):
        h = inputs[layer // 2]
        by_weights, by_bias = product(transposed(h), upstream), product(transposed(ones), upstream)
        passed = product(upstream, transposed(parameters[layer]))
        upstream = [
            [g if x > 0 else mpmath.mpf(0) for g, x in zip(*rows, strict=True)] for rows in zip(passed, h, strict=True)
        ]
        for place, gradient in ((layer, by_weights), (layer + 1, by_bias)):
            parameters[place] = [
                [p - mpmath.mpf(task.rate) * g for p, g in zip(*rows, strict=True)]
                for rows in zip(parameters[place], gradient, strict=True)
            ]
    return mpmath.fsum(cost(task, p, label) for p, label in zip(shares, labels, strict=True)) / BATCH


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_first_steps_agree_with_multiple_precision(task: Task) -> None:
    steps = STEPS_HELD[task.name]
    with mpmath.workdps(DIGITS):
        parameters = [[[mpmath.mpf(float(p)) for p in row] for row in np.atleast_2d(array)] for array in task.initial()]
        for batch, (found, after) in zip(task.batches(steps), exact_trajectory(task, steps), strict=True):
            loss = stepped(task, parameters, batch)
            assert abs(mpmath.mpf(float(found.loss[0])) + mpmath.mpf(float(found.loss[1])) - loss) < 2.0**-96 * loss
            for due, (hi, lo) in zip(parameters, after, strict=True):
                largest = max(abs(entry) for row in due for entry in row)
                pairs = zip(np.atleast_2d(hi).tolist(), np.atleast_2d(lo).tolist(), strict=True)
                got = [[mpmath.mpf(a) + mpmath.mpf(b) for a, b in zip(*rows, strict=True)] for rows in pairs]
                worst = max(abs(a - b) for rows in zip(due, got, strict=True) for a, b in zip(*rows, strict=True))
                assert worst < 2.0**-96 * largest


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_format_holds_data_weights_and_rate_exactly(task: Task) -> None:
    for array in (task.examples().features, *task.initial(), np.array(task.rate)):
        assert all(
            np.array_equal(array.astype(format_.dtype).astype(np.float64), array) for format_ in FORMATS.values()
        )


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_nothing_held_out_is_trained_on(task: Task) -> None:
    order = task._order()
    assert sorted(order.tolist()) == list(range(len(task.examples())))
    trained = {row.tobytes() for batch in task.batches(len(order) // BATCH - 4) for row in batch.features}
    held_out = {row.tobytes() for row in task.held_out().features}
    assert len(held_out) == HELD_OUT
    assert not trained & held_out


def test_what_is_trained_keeps_its_bits() -> None:
    digest = hashlib.sha256()
    for task in TASKS.values():
        batches = [part for batch in task.batches(STEPS["full"]) for part in (batch.features, batch.labels)]
        for array in (*task.initial(), *batches, task.held_out().features, task.held_out().labels):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest()[:16] == "b07d487c768de683"


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_training_learns(task: Task) -> None:
    *_, (last, parameters) = exact_trajectory(task, STEPS["full"])
    held_out = task.held_out()
    right = predictions([hi for hi, _ in parameters], held_out) == held_out.labels
    assert right.mean() > 0.85
    assert last.loss[0] < 0.6


def test_a_parameter_that_is_not_finite_gives_nan_and_no_warning() -> None:
    task = TASKS["digits_linear"]
    parameters = [exactly(array) for array in task.initial()]
    parameters[0][0][0, 0] = np.inf
    (batch,) = task.batches(1)
    assert np.isnan(exact_pass(task, parameters, batch).loss[0])


def test_data_are_those_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits, cancer = datasets.load_digits(), datasets.load_breast_cancer()
    scaled = np.clip(np.rint(16 * (cancer.data - cancer.data.mean(0)) / cancer.data.std(0)), -127, 127)
    for name, features, labels in (
        ("digits_linear", digits.data, digits.target),
        ("cancer_logistic", scaled, cancer.target),
    ):
        stored = TASKS[name].examples()
        assert np.array_equal(stored.features * 16, features)
        assert np.array_equal(stored.labels, labels)
