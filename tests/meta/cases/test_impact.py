"""The impact of a finding: the row, rows like it among the real ones, and a training with the error in it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from logitproof_reference.cases.regimes.real import REGIMES_REAL, real_logits
from logitproof_reference.training.impact import TASK, Shape, impact_of, shape_of, train_with_error

EARLY = Shape(1.5, 2.5)
"""The shape of many rows of the training."""


def finding(logits: list[float], nats: float, quantity: str = "grad_logits") -> dict[str, object]:
    observed = nats.hex() if math.isfinite(nats) else str(nats)
    return {
        "inputs": json.dumps({"logits": [x.hex() for x in logits]}),
        "op": "softmax_cross_entropy",
        "quantity": quantity,
        "format": "float64",
        "verdict": "deviates",
        "exact": "0x0p+0",
        "observed": observed if not math.isnan(nats) else "",
        "bound": "1e-15",
        "slack": math.inf,
    }


def test_rows_like_it_are_within_a_factor_of_two_in_both() -> None:
    logits = np.array([[2.0, 0.0], [4.0, 0.0], [4.1, 0.0], [2.0, 1.9], [0.9, 0.0]])
    assert Shape(2.0, 2.0).like(logits).tolist() == [True, True, False, False, False]


def test_real_rows_are_counted_over_all_three_classifiers() -> None:
    found = impact_of(finding([8.0, -8.0, 0.0], 1e-7))
    assert found is not None
    rows = [real_logits(name).astype(np.float64) for name in REGIMES_REAL]
    by_hand = [
        row
        for logits in rows
        for row in logits
        if 4.0 <= np.abs(row).max() <= 16.0 and 8.0 <= row.max() - row.min() <= 32.0
    ]
    assert found.real_rows == len(by_hand) > 100
    assert found.real_rows_in_all == sum(map(len, rows)) == 1226


def test_the_worst_of_all_rows_never_occurs_in_practice() -> None:
    found = impact_of(finding([3e38, -3e38], 1e-7))
    assert found is not None
    assert found.planted is not None
    assert (found.real_rows, found.planted.rows, found.planted.drift) == (0, 0, 0.0)
    assert "none of the 2,048 training rows is" in found.sentence


def test_an_error_ten_times_as_large_moves_the_parameters_ten_times_as_far() -> None:
    small, large = train_with_error(EARLY, 1e-8), train_with_error(EARLY, 1e-7)
    assert small.rows == large.rows > 100
    assert large.drift == pytest.approx(10 * small.drift, rel=1e-3)


def test_a_gross_error_costs_nats_and_accuracy() -> None:
    gross, none = train_with_error(EARLY, 100.0), train_with_error(EARLY, 0.0)
    assert gross.loss > 0.1
    assert gross.accuracy < none.accuracy
    assert (none.loss, none.drift) == (0.0, 0.0)
    assert none.accuracy == none.exact_accuracy > 0.85


def test_an_error_of_a_value_moves_no_gradient() -> None:
    found = impact_of(finding([1.5, -1.0], 1e-3, "value"))
    assert found is not None
    assert found.planted is not None
    assert found.planted.drift == 0.0
    assert found.error == 1e-3


def test_where_no_number_is_due_none_is_missed() -> None:
    found, wrong = (impact_of(finding([1.0, 0.0], math.inf) | {"exact": exact}) for exact in ("0x1.8p+1", "-inf"))
    assert found is not None
    assert wrong is not None
    assert "a finite number is expected, but none was returned" in found.sentence
    assert "a different non-finite value was returned" in wrong.sentence


@pytest.mark.parametrize("nats", [math.inf])
def test_an_answer_that_is_not_finite_has_no_run(nats: float) -> None:
    found = impact_of(finding([1.0, 0.0], nats))
    assert found is not None
    assert found.planted is None
    assert found.sentence.startswith("Not measurable on this row")


@pytest.mark.parametrize(
    "inputs", ["", "{}", "no JSON", "[]", '{"logits": []}', '{"regime": "real_ppocr_characters", "row": 3}']
)
def test_a_row_that_is_not_spelled_out_has_no_impact(inputs: str) -> None:
    assert impact_of(finding([1.0, 0.0], 1.0) | {"inputs": inputs}) is None
    assert shape_of(inputs) is None


def test_nothing_measured_has_no_impact() -> None:
    assert impact_of(finding([1.0, 0.0], math.nan)) is None


def test_rows_that_are_not_finite_are_like_no_real_row() -> None:
    found = impact_of(finding([math.inf, 0.0], 0.0))
    assert found is not None
    assert found.real_rows == 0


def test_the_training_is_that_of_the_quick_profile() -> None:
    assert TASK.name == "digits_linear"
