"""Bounds for other people's tests: right answers pass, wrong ones fail with the worst element, tolerances hold."""

from __future__ import annotations

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from meta.kernels.corpus import log_softmax, log_sum_exp, loss, softmax

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(0.0, 3.0, (6, 50)).astype(np.float32)
LABELS = RANDOM.integers(0, 50, 6)


def test_a_right_answer_is_within_its_bound() -> None:
    logitproof.assert_within_bound(softmax(LOGITS), "softmax", LOGITS)
    logitproof.assert_within_bound(loss(LOGITS, LABELS), "softmax_cross_entropy", LOGITS, LABELS)


def test_a_wrong_answer_fails_with_its_worst_element() -> None:
    observed = softmax(LOGITS)
    observed[4, 7] *= np.float32(1.001)
    with pytest.raises(AssertionError, match=r"1 of 300 elements lie past the bound; worst at \(4, 7\): observed "):
        logitproof.assert_within_bound(observed, "softmax", LOGITS)


def test_ulps_and_correct_rounding_are_told_apart() -> None:
    expected = logitproof.expect("log_sum_exp", LOGITS)
    nearest = expected.exact.round("float32")
    assert expected.correctly_rounded(nearest).all()
    assert (expected.ulps(nearest) <= 0.5).all()
    next_one = np.nextafter(nearest, np.float32(np.inf))
    assert not expected.correctly_rounded(next_one).any()
    assert (expected.slack(next_one) > expected.slack(nearest)).any()


def test_options_and_gradients_are_those_of_the_oracle() -> None:
    asked = {"quantity": "grad_logits", "cotangent": np.ones(6), "label_smoothing": 0.125}
    expected = logitproof.expect("softmax_cross_entropy", LOGITS, LABELS, **asked)
    q = np.full((6, 50), 0.125 / 50)
    q[np.arange(6), LABELS] += 0.875
    expected.assert_within_bound(softmax(LOGITS.astype(np.float64)) - q)


@pytest.mark.parametrize(("op", "message"), [("softmaxx", "is not known"), ("softmax_cross_entropy", "needs labels")])
def test_what_cannot_be_expected_is_wrong_usage(op: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        logitproof.expect(op, LOGITS)


FUNCTIONS = {"softmax": softmax, "log_softmax": log_softmax, "log_sum_exp": log_sum_exp}


@pytest.mark.parametrize("found", logitproof.tolerances(FUNCTIONS, classes=(10, 1000), reach=8.0), ids=str)
def test_a_tolerance_holds_for_right_code_and_is_no_idle_one(found: logitproof.Tolerance) -> None:
    format_ = logitproof.expect("softmax", LOGITS, format=found.format).format
    logits = np.clip(RANDOM.normal(0.0, 2.0, (20, found.classes)), -4.0, 4.0).astype(format_.dtype)
    exact = logitproof.expect(found.op, logits).exact.value
    observed = FUNCTIONS[found.op](logits).astype(np.float64)
    np.testing.assert_allclose(observed, exact, rtol=found.rtol, atol=found.atol)
    assert found.rtol < 0.25 * max(1.0, found.classes * format_.unit_roundoff)


def test_an_op_without_sums_has_no_tolerances() -> None:
    with pytest.raises(UsageError, match="has no table of tolerances"):
        logitproof.tolerances(["sigmoid_cross_entropy"])
