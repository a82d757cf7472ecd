"""Rows on which float64 arithmetic loses everything, against ball arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flint
import numpy as np
import pytest
from flint import arb

from logitproof_reference import ExactRows, log_sum_exp, softmax, softmax_cross_entropy
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.vocabulary.formats import FORMATS
from meta.oracle.ball_truth import Case, truth, worst_errors
from meta.oracle.certificate import ALLOWED

if TYPE_CHECKING:
    from numpy.typing import NDArray

CE = "softmax_cross_entropy"


def check(op: str, quantity: str, x: Any, **arguments: Any) -> float:
    """Hold one row against the truth; return the relative error."""
    logits = np.atleast_2d(np.asarray(x, dtype=np.float64))
    given = {name: np.asarray(value)[None] for name, value in arguments.items()}
    exact = ExactRows(logits).evaluate(op, quantity, **given)
    answers, scales = truth(op, quantity, Case(logits[0], **arguments))
    relative, contained = worst_errors(tuple(part[0] for part in exact.parts), answers, scales)
    assert contained
    assert relative <= ALLOWED
    return relative


HARD: dict[str, list[float]] = {
    "loss 2e-300": [0.0, -690.0],
    "loss 2e-300 of many": [0.0, -690.0, -690.0, -691.5, -745.0],
    "loss in the subnormals": [0.0, -740.0],
    "common offset 1e30": [1e30, 1e30, 1e30 * (1 - 2.0**-53)],
    "differences below float64": [1e16, 0.3, -0.7],
    "differences of 2**60 and 2**-60": [2.0**60, 2.0**60 - 256.0, 2.0**-60],
    "exact tie": [3.0, 3.0, 3.0],
    "tie but for the last bit": [1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-53],
    "subnormal logits": [5e-324, -5e-324, 2.0**-1060],
    "one class": [-7.25],
    "masked": [0.5, -np.inf, 0.25, -np.inf],
    "one class left": [-np.inf, 2.5],
    "largest finite": [1.7976931348623157e308, 1.7e308, -1.7976931348623157e308],
    "largest finite tie": [1.7976931348623157e308, 1.7976931348623157e308],
    "beyond the double-double range": [1e200, 1e200, 0.0],
}


@pytest.mark.parametrize("name", HARD)
def test_values_keep_their_digits(name: str) -> None:
    x = HARD[name]
    for op in ("softmax", "log_softmax", "log_sum_exp"):
        check(op, "value", x)
    for label in np.flatnonzero(np.isfinite(x)):
        check(CE, "value", x, labels=np.int64(label))


@pytest.mark.parametrize("name", HARD)
def test_gradients_keep_their_digits(name: str) -> None:
    x = np.array(HARD[name])
    c = normals(name, x.shape)
    q = np.where(np.isfinite(x), np.abs(c), 0.0)
    check("softmax", "grad_logits", x, cotangent=c)
    check("log_softmax", "grad_logits", x, cotangent=c)
    check(CE, "grad_logits", x, labels=q, cotangent=np.float64(0.75))
    for label in range(x.size):
        check(CE, "grad_logits", x, labels=np.int64(label), cotangent=np.float64(-1.25))


@pytest.mark.parametrize("kind", ["jvp", "hvp"])
@pytest.mark.parametrize("name", HARD)
def test_forward_and_second_derivatives_keep_their_digits(name: str, kind: str) -> None:
    x = np.array(HARD[name])
    v, c = normals(name + "/v", x.shape), normals(name + "/c", x.shape)
    check("softmax", kind, x, tangent=v, **({"cotangent": c} if kind == "hvp" else {}))
    check(CE, kind, x, labels=np.int64(x.argmax()), tangent=v, **({"cotangent": c[0]} if kind == "hvp" else {}))


def test_each_column_of_the_jacobian_keeps_its_digits_in_a_wide_row() -> None:
    x = normals("wide", (60,))
    for k in (int(x.argmax()), int(x.argmin()), 7):
        p_k = softmax(x).value[k]
        exact = ExactRows(x[None]).evaluate("softmax", "grad_logits", None, np.eye(60)[k : k + 1])
        assert (exact.radius <= 2 * ALLOWED * np.abs(exact.value)).all()
        np.testing.assert_allclose(exact.value[0, k], p_k * (1 - p_k), rtol=1e-14)


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_inputs_of_every_format_are_taken_as_the_numbers_they_are(format_: Any) -> None:
    row = np.array([[1.1, -2.3, 0.7]]).astype(format_.dtype)
    narrow, wide = softmax(row), softmax(row.astype(np.float64))
    for part, expected in zip(narrow.parts, wide.parts, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("classes", [1000, 100_000])
def test_many_classes_add_up(classes: int) -> None:
    x = normals("many", (classes,)) * 4.0
    exact = log_sum_exp(x)
    flint.ctx.prec = 200
    total = sum((arb(float(value)).exp() for value in x), arb(0)).log()
    error = abs(arb(float(exact.value)) + arb(float(exact.tail)) - total)
    assert error <= arb(float(exact.radius))
    assert float(exact.radius) <= ALLOWED * float(exact.value)


def test_one_class_gives_certainty() -> None:
    x = np.array([[3.5], [-1e300]])
    assert softmax(x).value.tolist() == [[1.0], [1.0]]
    assert softmax_cross_entropy(x, np.array([0, 0])).value.tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(log_sum_exp(x).round("float64"), [3.5, -1e300])


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_factors_out_of_the_ordinary_go_to_multiple_precision(scale: float) -> None:
    x, c = np.array([0.0, -1.0, -650.0]), np.array([1.0, 0.5, 2.0]) * scale
    check("log_softmax", "grad_logits", x, cotangent=c)
    check(CE, "grad_logits", x, labels=np.array([0.25, 0.5, 0.0]), cotangent=np.float64(scale))


def test_a_loss_too_small_for_float64_is_zero_within_one_step() -> None:
    for x in ([0.0, -1e5], [0.0, -2e3], [0.0, -760.0], [0.0, -1e300]):
        exact = softmax_cross_entropy(np.array([x]), np.array([0]))
        assert exact.value == 0.0
        assert 0.0 < exact.radius <= 2.0**-1072


def test_multiple_precision_and_double_double_agree_within_their_radii() -> None:
    rows: NDArray[Any] = normals("agree", (20, 6)) * 30.0
    q = np.abs(normals("agree/q", (20, 6)))
    for op, quantity, labels in (("softmax", "value", None), ("log_sum_exp", "value", None), (CE, "grad_logits", q)):
        one = ExactRows(rows).evaluate(op, quantity, labels)
        other = multiprecision.evaluate(checked_request(op, quantity, rows, labels))
        difference = np.abs((one.value - other.value) + (one.tail - other.tail))
        assert (difference <= one.radius + other.radius).all()
