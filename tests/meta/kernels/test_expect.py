"""Bounds for other people's tests: right answers pass, wrong ones fail with the worst element, tolerances hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import logitproof
from logitproof.errors import UsageError
from logitproof_reference.bounds.assumptions import MUST, Arithmetic, wide
from logitproof_reference.vocabulary.formats import FORMATS
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
REACH = 8.0


def rows_within_reach(classes: int, dtype: Any) -> Any:
    """Return rows that span the reach and no more: ordinary, one leader, one class deep, ties, two steps, an offset."""
    rows = np.clip(RANDOM.normal(0.0, 2.0, (12, classes)), -REACH / 2, REACH / 2)
    rows[1], rows[2], rows[3] = -REACH / 2, REACH / 2, 0.0
    rows[1, 0], rows[2, -1] = REACH / 2, -REACH / 2
    rows[4], rows[4, ::2] = -REACH / 2, REACH / 2
    rows[5] += 64.0
    exact = rows.astype(dtype)
    spans = exact.astype(np.float64).max(axis=1) - exact.astype(np.float64).min(axis=1)
    return exact[spans <= REACH]


@pytest.mark.parametrize("found", logitproof.tolerances(classes=(2, 10, 1000), reach=REACH), ids=str)
def test_no_bound_of_a_row_is_greater_than_the_tolerance_and_some_come_near(found: logitproof.Tolerance) -> None:
    logits = rows_within_reach(found.classes, FORMATS[found.format].dtype)
    labels = np.arange(len(logits)) % found.classes if found.op == "softmax_cross_entropy" else None
    sums = replace(MUST, accumulation=found.sums) if found.sums == found.format else wide(MUST)
    expected = logitproof.expect(found.op, logits, labels, arithmetic=sums)
    granted = found.atol + found.rtol * np.abs(expected.exact.value)
    assert (expected.bound <= granted).all()
    assert (expected.bound / granted).max() > 0.25


@pytest.mark.parametrize("found", logitproof.tolerances(FUNCTIONS, classes=(10, 1000), reach=REACH), ids=str)
def test_a_tolerance_holds_for_right_code_and_not_for_one_class_more(found: logitproof.Tolerance) -> None:
    logits = rows_within_reach(found.classes, FORMATS[found.format].dtype)[:1]
    exact = logitproof.expect(found.op, logits).exact.value
    observed = FUNCTIONS[found.op](logits).astype(np.float64)
    np.testing.assert_allclose(observed, exact, rtol=found.rtol, atol=found.atol)
    if found.format in {"float32", "float64"}:
        wrong = FUNCTIONS[found.op](np.concatenate([logits, np.full((1, 1), REACH / 2, logits.dtype)], axis=1))
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(wrong[..., : exact.shape[-1]], exact, rtol=found.rtol, atol=found.atol)


def test_a_declaration_makes_a_tolerance_tighter() -> None:
    tight = Arithmetic(exp_ulps=1.0, log_ulps=1.0, height="pairwise", flush_to_zero=False)
    (loose,), (declared,) = (logitproof.tolerances(["softmax"], [1000], arithmetic=one)[2:3] for one in (None, tight))
    assert declared.rtol < loose.rtol / 2


def test_an_op_without_sums_has_no_tolerances() -> None:
    with pytest.raises(UsageError, match="has no table of tolerances"):
        logitproof.tolerances(["sigmoid_cross_entropy"])


def test_a_negative_reach_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"reach is -1.0; it must not be negative"):
        logitproof.tolerances(reach=-1.0)
