"""The oracle against itself: two ways to ask the same question give the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_reference import (
    ExactRows,
    grad_logits,
    hvp,
    jvp,
    log_softmax,
    log_sum_exp,
    softmax,
    softmax_cross_entropy,
)
from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms
from logitproof_reference.oracle import softmax_rows as exact_rows

if TYPE_CHECKING:
    from logitproof_reference.numerics.enclosure import Enclosure

CE = "softmax_cross_entropy"
X = normals("consistency", (30, 9)) * 10.0
K = integers("consistency/k", (30,), 9)


def assert_same_bits(one: Enclosure, other: Enclosure) -> None:
    for part, expected in zip(one.parts, other.parts, strict=True):
        np.testing.assert_array_equal(part, expected)


def assert_agree(one: Enclosure, other: Enclosure) -> None:
    difference = np.abs((one.value - other.value) + (one.tail - other.tail))
    assert (difference <= one.radius + other.radius).all()


@pytest.mark.parametrize("quantity", ["value", "grad_logits", "jvp", "hvp"])
def test_indices_are_one_hot_distributions(quantity: str) -> None:
    more: dict[str, Any] = {"tangent": normals("consistency/v", X.shape)} if quantity in {"jvp", "hvp"} else {}
    rows = ExactRows(X)
    assert_agree(rows.evaluate(CE, quantity, K, **more), rows.evaluate(CE, quantity, np.eye(9)[K], **more))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_class_axis_is_the_moved_axis(axis: int) -> None:
    x = np.moveaxis(X.reshape(5, 6, 9), -1, axis)
    for op in (softmax, log_softmax):
        assert_same_bits(op(x, axis=axis).moveaxis(axis, -1), op(X).reshape(5, 6, 9))
    assert_same_bits(log_sum_exp(x, axis=axis), log_sum_exp(X).reshape(5, 6))
    labels = K.reshape(5, 6)
    assert_same_bits(softmax_cross_entropy(x, labels, axis=axis), softmax_cross_entropy(X, K).reshape(5, 6))
    g = np.arange(30.0).reshape(5, 6)
    gradient = grad_logits(CE, x, labels, cotangent=g, axis=axis).moveaxis(axis, -1)
    assert_same_bits(gradient, grad_logits(CE, X, K, cotangent=g.ravel()).reshape(5, 6, 9))
    one_hot = np.moveaxis(np.eye(9)[labels], -1, axis)
    assert_agree(softmax_cross_entropy(x, one_hot, axis=axis), softmax_cross_entropy(X, K).reshape(5, 6))


def test_the_size_of_a_block_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [ExactRows(X).evaluate(op, "value") for op in ("softmax", "log_sum_exp")]
    for block in (1, 20, 100):
        monkeypatch.setattr(exact_rows, "BLOCK", block)
        for op, exact in zip(("softmax", "log_sum_exp"), expected, strict=True):
            assert_same_bits(ExactRows(X).evaluate(op, "value"), exact)


MIXED = np.concatenate([X, X * 100.0, X + 1e4, np.where(X > 0.5, -np.inf, X), X[:3] * 1e300, np.full((2, 9), np.inf)])
"""Rows that go through exp as they are, shifted, and in multiple precision, and rows with classes ruled out."""


@pytest.mark.parametrize("quantity", ["value", "grad_logits"])
def test_neither_the_rows_beside_a_row_nor_threads_change_a_bit(quantity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    k = np.arange(len(MIXED)) % 9
    expected = ExactRows(MIXED).evaluate(CE, quantity, k)
    for threads in (2, 5):
        assert_same_bits(ExactRows(MIXED, threads=threads).evaluate(CE, quantity, k), expected)
    monkeypatch.setattr(exact_rows, "BLOCK", 1)
    assert_same_bits(ExactRows(MIXED).evaluate(CE, quantity, k), expected)


def test_the_order_of_the_questions_changes_no_bit() -> None:
    shared = ExactRows(X)
    shared.evaluate("log_sum_exp", "value")
    assert_same_bits(shared.evaluate("softmax", "value"), ExactRows(X).evaluate("softmax", "value"))


def test_the_derivative_along_a_vector_is_the_gradient_times_the_vector() -> None:
    v = normals("consistency/v", X.shape)
    along = jvp(CE, X, K, tangent=v)
    np.testing.assert_allclose(along.value, (grad_logits(CE, X, K).value * v).sum(axis=1), rtol=1e-12, atol=1e-13)


def test_the_hessian_is_symmetric() -> None:
    v, w = normals("consistency/v", X.shape), normals("consistency/w", X.shape)
    c = uniforms("consistency/c", X.shape)
    for op, cotangent in (("softmax", c), ("log_softmax", c), ("log_sum_exp", c[:, 0])):
        one = (hvp(op, X, tangent=v, cotangent=cotangent).value * w).sum(axis=1)
        other = (hvp(op, X, tangent=w, cotangent=cotangent).value * v).sum(axis=1)
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


def test_empty_batches_have_empty_answers() -> None:
    assert softmax(np.empty((0, 4), np.float32)).shape == (0, 4)
    assert log_sum_exp(np.empty((3, 0, 4)), axis=-1).shape == (3, 0)
    assert softmax_cross_entropy(np.empty((0, 4)), np.empty(0, np.int64)).shape == (0,)


def test_inputs_are_not_modified() -> None:
    x, q = X.copy(), np.eye(9)[K]
    x[3, 4] = -np.inf
    before = x.copy()
    rows = ExactRows(x)
    rows.evaluate(CE, "grad_logits", q)
    rows.evaluate(CE, "value", K)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(q, np.eye(9)[K])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: softmax(np.empty((2, 0))), "have no class along axis -1"),
        (lambda: softmax(np.zeros((2, 3)), axis=2), r"axis 2 is out of range for logits of shape \(2, 3\)"),
        (lambda: softmax_cross_entropy(X, K + 9), r"is out of range; labels must lie in \[0, 9\)"),
        (lambda: softmax_cross_entropy(X, K[:-1]), r"class indices need shape \(30,\), not \(29,\)"),
        (lambda: softmax_cross_entropy(X, X[:, :-1]), r"labels \(distributions\) have shape \(30, 8\)"),
        (lambda: grad_logits("softmin", X), "grad_logits of softmin is not known"),
        (lambda: grad_logits("softmax", X, cotangent=np.ones(30)), r"cotangent has shape \(30,\)"),
        (lambda: ExactRows(X).evaluate(CE, "value"), "needs labels"),
        (lambda: ExactRows(X).evaluate("softmax", "jvp"), "needs a tangent"),
    ],
)
def test_an_error_says_what_was_found_and_what_is_allowed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_are_no_logits() -> None:
    with pytest.raises(TypeError, match="int64 is not one of the formats"):
        softmax(np.array([1, 2]))
