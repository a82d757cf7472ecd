"""Extreme logits give the limits of `oracle.infinite_logits`, in double-double and in multiple precision alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from logitproof_reference import ExactRows
from logitproof_reference.oracle import multiprecision, sigmoid
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT, TAKES_TANGENT

INF, NAN = np.inf, np.nan
CE, SIGMOID = "softmax_cross_entropy", "sigmoid_cross_entropy"
HALF, LOG2 = 0.5, np.log(2.0)

# row, softmax, log_softmax, log_sum_exp, cross-entropy of class 0, 1, 2
TABLE: dict[str, tuple[list[float], list[float], list[float], float, list[float]]] = {
    "one -inf": ([0, 0, -INF], [HALF, HALF, 0], [-LOG2, -LOG2, -INF], LOG2, [LOG2, LOG2, INF]),
    "all but one -inf": ([7, -INF, -INF], [1, 0, 0], [0, -INF, -INF], 7, [0, INF, INF]),
    "all -inf": ([-INF, -INF, -INF], [NAN, NAN, NAN], [NAN, NAN, NAN], -INF, [NAN, NAN, NAN]),
    "one +inf": ([0, INF, 1], [0, 1, 0], [-INF, 0, -INF], INF, [INF, 0, INF]),
    "one +inf, one -inf": ([-INF, INF, 1], [0, 1, 0], [-INF, 0, -INF], INF, [INF, 0, INF]),
    "two +inf": ([INF, INF, 1], [NAN, NAN, 0], [NAN, NAN, -INF], INF, [NAN, NAN, INF]),
    "a NaN": ([NAN, 0, 1], [NAN, NAN, NAN], [NAN, NAN, NAN], NAN, [NAN, NAN, NAN]),
    "a NaN beside +inf": ([NAN, INF, 1], [NAN, NAN, NAN], [NAN, NAN, NAN], NAN, [NAN, NAN, NAN]),
}


def evaluated(
    x: list[float], op: str, quantity: str, labels: Any = None, cotangent: Any = None, **more: Any
) -> list[Any]:
    """Return the answers of both ways to one row."""
    logits = np.array([x])
    request = checked_request(op, quantity, logits, labels, cotangent=cotangent, **more)
    both = ExactRows(logits).answer(request), multiprecision.evaluate(request)
    for exact in both:
        assert (exact.radius[~np.isfinite(exact.value)] == 0).all()
    return [exact.value[0] for exact in both]


@pytest.mark.parametrize("name", TABLE)
def test_values_are_the_limits(name: str) -> None:
    x, softmax, log_softmax, log_sum_exp, losses = TABLE[name]
    for op, expected in (("softmax", softmax), ("log_softmax", log_softmax), ("log_sum_exp", log_sum_exp)):
        for value in evaluated(x, op, "value"):
            np.testing.assert_allclose(value, expected, rtol=1e-15)
    for label, loss in enumerate(losses):
        for value in evaluated(x, CE, "value", np.array([label])):
            np.testing.assert_allclose(value, loss, rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "q", "loss"),
    [
        ([0, 0, -INF], [0.5, 0.5, 0], LOG2),
        ([0, 0, -INF], [0.5, 0.25, 0.25], INF),
        ([0, 0, -INF], [0.5, 1, -0.25], -INF),
        ([-INF, 0, -INF], [0.5, 1, -0.25], NAN),
        ([0, INF, 0], [0, 1, 0], 0),
        ([0, INF, 0], [0.25, 0.75, 0], INF),
        ([INF, INF, 0], [0.5, 0.5, 0], NAN),
        ([INF, INF, 0], [0.5, 0.25, 0.25], INF),
        ([INF, INF, 0], [0, 0, 1], INF),
    ],
)
def test_a_zero_label_adds_nothing_and_a_positive_one_meets_the_limit(
    x: list[float], q: list[float], loss: float
) -> None:
    for value in evaluated(x, CE, "value", np.array([q], dtype=float)):
        np.testing.assert_allclose(value, loss, rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "label", "gradient"),
    [
        ([0, 0, -INF], 0, [-0.5, 0.5, 0]),
        ([0, 0, -INF], 2, [0.5, 0.5, -1]),
        ([0, INF, 1], 1, [0, 0, 0]),
        ([0, INF, 1], 0, [-1, 1, 0]),
        ([INF, INF, 1], 2, [NAN, NAN, -1]),
        ([-INF, -INF, -INF], 0, [NAN, NAN, NAN]),
        ([0, NAN, 1], 0, [NAN, NAN, NAN]),
    ],
)
def test_gradients_are_the_limits_of_their_closed_form(x: list[float], label: int, gradient: list[float]) -> None:
    for value in evaluated(x, CE, "grad_logits", np.array([label])):
        np.testing.assert_array_equal(value, gradient)


def test_tied_infinities_have_a_softmax_gradient_only_where_the_cotangent_does_not_tell_them_apart() -> None:
    for value in evaluated([INF, INF, 1], "softmax", "grad_logits", None, np.array([[2.0, 2.0, 5.0]])):
        np.testing.assert_array_equal(value, [0, 0, 0])
    for value in evaluated([INF, INF, 1], "softmax", "grad_logits", None, np.array([[2.0, 3.0, 5.0]])):
        np.testing.assert_array_equal(value, [NAN, NAN, 0])


def test_the_gradient_with_respect_to_labels_is_infinite_where_the_class_is_ruled_out() -> None:
    q = np.array([[0.5, 0.5, 0.0]])
    for value in evaluated([0, 0, -INF], CE, "grad_labels", q, np.array([-2.0])):
        np.testing.assert_allclose(value, [-2 * LOG2, -2 * LOG2, -INF], rtol=1e-15)
    for value in evaluated([0, 0, -INF], CE, "grad_labels", q, np.array([0.0])):
        np.testing.assert_array_equal(value, [0, 0, 0])


def test_a_row_that_is_not_finite_leaves_the_others_bit_for_bit() -> None:
    rows = np.array([[0.0, 1.0, 2.0], [3.0, -INF, 1.0], [0.5, 0.25, 0.125]])
    alone = ExactRows(rows).evaluate("softmax", "value")
    for intruder in ([NAN, 0, 0], [INF, 0, 0], [-INF] * 3, [1e300, 0, 0]):
        mixed = ExactRows(np.insert(rows, 1, intruder, axis=0)).evaluate("softmax", "value")[[0, 2, 3]]
        for part, expected in zip(mixed.parts, alone.parts, strict=True):
            np.testing.assert_array_equal(part, expected)


def test_a_nan_among_the_cotangents_stays_in_its_row() -> None:
    cotangent = np.array([[1.0, NAN], [1.0, 2.0]])
    value = ExactRows(np.zeros((2, 2))).evaluate("softmax", "grad_logits", None, cotangent).value
    assert np.isnan(value[0]).all()
    np.testing.assert_array_equal(value[1], [-0.25, 0.25])


@pytest.mark.parametrize("quantity", OPS[SIGMOID].formulas)
def test_sigmoid_loss_has_the_same_limits_by_closed_form_and_by_definition(quantity: str) -> None:
    x = np.array([INF, INF, INF, -INF, -INF, -INF, NAN, INF])
    y = np.array([1.0, 0.0, 1e-20, 1.0, 0.0, 0.25, 0.5, 0.5])
    weight, positive = np.array([2.0, 1.0, -1.0, 3.0, 1.0, 0.5, 1.0, 0.0]), np.full(8, 0.75)
    factors = np.array([[1.5, -2.0, 1.0, -0.5, 3.0, 1.0, 1.0, 2.0], [-1.0, 1.0, 0.5, 2.0, -3.0, 1.0, 1.0, 1.0]])
    given = {
        "cotangent": factors[0] if quantity in TAKES_COTANGENT else None,
        "tangent": factors[1] if quantity in TAKES_TANGENT else None,
    }
    exact = sigmoid.evaluate(checked_request(SIGMOID, quantity, x, y, weight=weight, pos_weight=positive, **given))
    c = factors[0] if quantity in {"grad_logits", "grad_labels", "hvp"} else np.ones(8)
    v = factors[1] if quantity in {"jvp", "hvp"} else np.ones(8)
    for i, numbers in enumerate(zip(x, y, weight, positive, c, v, strict=True)):
        expected = multiprecision.evaluate_element(SIGMOID, quantity, [float(number) for number in numbers], None)
        np.testing.assert_array_equal(exact.value[i], expected.value)
        assert exact.radius[i] == 0 or np.isfinite(exact.value[i])
