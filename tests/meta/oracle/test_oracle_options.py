"""The options of the losses, against their definitions by hand in ball arithmetic and against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flint
import numpy as np
import pytest
from flint import arb

from logitproof_reference import (
    ExactRows,
    grad_labels,
    grad_logits,
    hvp,
    jvp,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from logitproof_reference.cases.hashed_numbers import integers, normals, uniforms
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.request import checked_request

if TYPE_CHECKING:
    from logitproof_reference.numerics.enclosure import Enclosure

CE = "softmax_cross_entropy"
ROWS, CLASSES = 8, 5
X = normals("options", (ROWS, CLASSES)) * 6.0
K = integers("options/k", (ROWS,), CLASSES)
Q = uniforms("options/q", (ROWS, CLASSES))
W = uniforms("options/w", (CLASSES,)) + 0.5


def log_p(row: int) -> list[Any]:
    """Logarithms of the softmax by definition."""
    x = [arb(float(value)) for value in X[row]]
    total = sum((value.exp() for value in x), arb(0)).log()
    return [value - total for value in x]


def number(value: Any) -> Any:
    return arb(float(value))


def torch_loss(labels: Any, weight: Any, smoothing: float, ignore: int | None, reduction: str) -> list[Any]:
    """torch.nn.CrossEntropyLoss as its documentation writes it."""
    losses, weights = [], []
    for row, label in enumerate(labels):
        lp, a = log_p(row), arb(smoothing)
        w = [number(value) for value in (weight if weight is not None else np.ones(CLASSES))]
        indexed = np.ndim(label) == 0
        if indexed and label == ignore:
            losses.append(arb(0))
            weights.append(arb(0))
            continue
        q = [arb(int(c == label)) if indexed else number(label[c]) for c in range(CLASSES)]
        losses.append(-sum((w[c] * lp[c] * ((1 - a) * q[c] + a / CLASSES) for c in range(CLASSES)), arb(0)))
        weights.append(w[label] if indexed else arb(1))
    if reduction == "none":
        return losses
    total = sum(losses, arb(0))
    return [total if reduction == "sum" else total / sum(weights, arb(0))]


def assert_contains(exact: Enclosure, answers: list[Any]) -> None:
    for value, tail, radius, answer in zip(*(np.ravel(part) for part in exact.parts), answers, strict=True):
        assert abs(number(value) + number(tail) - answer) <= number(radius) + arb(2) ** -300
        assert radius <= 2.0**-98 * abs(value)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weight", [None, W], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("labels", ["indices", "ignored", "negative sentinel", "distributions"])
def test_every_combination_means_what_torch_documents(
    labels: str, weight: Any, smoothing: float, reduction: str
) -> None:
    flint.ctx.prec = 400
    options: dict[str, Any] = {"label_smoothing": smoothing, "reduction": reduction}
    given = Q if labels == "distributions" else K.copy()
    ignore: int | None = None
    if labels == "ignored":
        ignore = int(K[0])
    elif labels == "negative sentinel":
        ignore, given[[1, 5]] = -100, -100
    if weight is not None:
        options["weight"] = weight
    if ignore is not None:
        options["ignore_index"] = ignore
    exact = softmax_cross_entropy(X, given, **options)
    assert_contains(exact, torch_loss(given, weight, smoothing, ignore, reduction))


def test_means_divide_by_what_they_are_told() -> None:
    labels = np.where(np.arange(ROWS) < 3, -1, K)
    options: dict[str, Any] = {"weight": W, "ignore_index": -1}
    total = softmax_cross_entropy(X, labels, reduction="sum", **options).value
    divisors = {"weights": W[labels[3:]].sum(), "rows": ROWS, "kept_rows": ROWS - 3}
    for over, divisor in divisors.items():
        mean = softmax_cross_entropy(X, labels, reduction="mean", mean_over=over, **options).value
        np.testing.assert_allclose(mean, total / divisor, rtol=1e-15)


def test_the_mean_of_nothing_is_nan_or_zero_as_chosen_and_its_gradient_zero() -> None:
    nothing: dict[str, Any] = {"ignore_index": -1, "reduction": "mean"}
    labels = np.full(ROWS, -1)
    assert np.isnan(softmax_cross_entropy(X, labels, **nothing).value)
    assert softmax_cross_entropy(X, labels, empty_mean="zero", **nothing).value == 0.0
    assert (grad_logits(CE, X, labels, **nothing).value == 0.0).all()


def test_an_ignored_row_counts_nothing_whatever_it_holds() -> None:
    x = X.copy()
    x[2], x[3] = np.nan, np.inf
    labels = np.where(np.isin(np.arange(ROWS), [2, 3]), -100, K)
    losses = softmax_cross_entropy(x, labels, ignore_index=-100)
    assert losses.value[2] == losses.value[3] == 0.0
    assert (grad_logits(CE, x, labels, ignore_index=-100).value[[2, 3]] == 0.0).all()
    rest = np.arange(ROWS) != 2
    rest[3] = False
    np.testing.assert_array_equal(losses.value[rest], softmax_cross_entropy(X, K).value[rest])


def test_smoothing_over_the_other_classes_is_smoothing_by_hand() -> None:
    by_hand = np.full((ROWS, CLASSES), 0.25 / (CLASSES - 1))
    by_hand[np.arange(ROWS), K] = 0.75
    for quantity, more in (("value", {}), ("grad_logits", {}), ("jvp", {"tangent": Q})):
        smoothed = ExactRows(X).evaluate(CE, quantity, K, label_smoothing=0.25, smoothing_over="other_classes", **more)
        np.testing.assert_allclose(
            smoothed.value, ExactRows(X).evaluate(CE, quantity, by_hand, **more).value, rtol=1e-13
        )


def test_tensorflow_convention_leaves_the_sum_of_the_labels_out_of_the_gradient() -> None:
    p = ExactRows(X).evaluate("softmax", "value").value
    np.testing.assert_allclose(
        grad_logits(CE, X, Q, unnormalized_gradient="tensorflow").value, p - Q, rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(grad_logits(CE, X, Q).value, p * Q.sum(axis=1)[:, None] - Q, rtol=1e-12, atol=1e-15)


def test_clipped_probabilities_bound_the_loss_and_stop_the_gradient() -> None:
    x = np.array([[0.0, -50.0], [0.0, -1.0]])
    clip = 1e-7
    loss = softmax_cross_entropy(x, np.array([1, 1]), clip_probabilities=clip)
    np.testing.assert_allclose(loss.value, [-np.log(clip), np.log1p(np.exp(1.0))], rtol=1e-14)
    gradient = grad_logits(CE, x, np.array([1, 1]), clip_probabilities=clip)
    np.testing.assert_array_equal(gradient.value[0], 0.0)
    np.testing.assert_array_equal(gradient.value[1], grad_logits(CE, x, np.array([1, 1])).value[1])


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weights": {"weight": W},
    "weighted mean": {"weight": W, "reduction": "mean"},
    "smoothing": {"label_smoothing": 0.1},
    "all": {"label_smoothing": 0.25, "weight": W, "reduction": "sum"},
    "dialects": {"label_smoothing": 0.25, "smoothing_over": "other_classes", "reduction": "mean", "mean_over": "rows"},
    "clipped": {"clip_probabilities": 1e-3},
    "tensorflow": {"unnormalized_gradient": "tensorflow"},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("quantity", ["value", "grad_logits", "grad_labels", "jvp", "hvp"])
@pytest.mark.parametrize("labels", [K, Q], ids=["indices", "distributions"])
def test_both_ways_agree_on_every_quantity_and_option(labels: Any, quantity: str, name: str) -> None:
    if quantity == "grad_labels" and labels is K:
        return
    more = {"tangent": Q - 0.5} if quantity in {"jvp", "hvp"} else {}
    one = ExactRows(X).evaluate(CE, quantity, labels, **more, **OPTIONS[name])
    other = multiprecision.evaluate(checked_request(CE, quantity, X, labels, **more, **OPTIONS[name]))
    assert one.shape == other.shape
    assert (np.abs((one.value - other.value) + (one.tail - other.tail)) <= one.radius + other.radius).all()


def _sigmoid_truth(quantity: str, numbers: list[Any]) -> Any:
    x, y, w, pos, g, v = numbers
    minus, plus = (1 + (-x).exp()).log(), (1 + x.exp()).log()
    s, s_minus = 1 / (1 + (-x).exp()), 1 / (1 + x.exp())
    slope = w * ((1 - y) * s - pos * y * s_minus)
    return {
        "value": w * (pos * y * minus + (1 - y) * plus),
        "grad_logits": g * slope,
        "grad_labels": g * w * (pos * minus - plus),
        "jvp": v * slope,
        "hvp": g * v * w * (pos * y + 1 - y) * s * s_minus,
    }[quantity]


@pytest.mark.parametrize("quantity", ["value", "grad_logits", "grad_labels", "jvp", "hvp"])
@pytest.mark.parametrize("hard", [0.0, 1.0, None], ids=["label 0", "label 1", "soft label"])
def test_sigmoid_cross_entropy_holds_against_its_definition(hard: float | None, quantity: str) -> None:
    flint.ctx.prec = 4000
    x = np.concatenate([normals("sigmoid", (40,)) * 20.0, [0.0, 700.0, -700.0, 730.0, -730.0, 1e3, -1e3, 1e-300]])
    y = uniforms("sigmoid/y", x.shape) if hard is None else np.full(x.shape, hard)
    w, pos, g, v = (uniforms(f"sigmoid/{name}", x.shape) + 0.5 for name in "wpgv")
    options: dict[str, Any] = {"weight": w, "pos_weight": pos}
    exact = {
        "value": lambda: sigmoid_cross_entropy(x, y, **options),
        "grad_logits": lambda: grad_logits("sigmoid_cross_entropy", x, y, cotangent=g, **options),
        "grad_labels": lambda: grad_labels("sigmoid_cross_entropy", x, y, cotangent=g, **options),
        "jvp": lambda: jvp("sigmoid_cross_entropy", x, y, tangent=v, **options),
        "hvp": lambda: hvp("sigmoid_cross_entropy", x, y, tangent=v, cotangent=g, **options),
    }[quantity]()
    for i, numbers in enumerate(zip(x, y, w, pos, g, v, strict=True)):
        answer = _sigmoid_truth(quantity, [number(value) for value in numbers])
        error = abs(number(exact.value[i]) + number(exact.tail[i]) - answer)
        assert error <= number(exact.radius[i]) + arb(2) ** -3000
        independent = quantity in {"value", "hvp"} or (hard is not None and quantity != "grad_labels")
        if independent and abs(exact.value[i]) > 2.0**-950:
            assert exact.radius[i] <= 2.0**-98 * abs(exact.value[i])


def test_sigmoid_cross_entropy_takes_limits() -> None:
    x, y = np.array([np.inf, np.inf, -np.inf, -np.inf, np.nan]), np.array([1.0, 0.5, 0.0, 0.5, 0.5])
    np.testing.assert_array_equal(sigmoid_cross_entropy(x, y).value, [0.0, np.inf, 0.0, np.inf, np.nan])
    np.testing.assert_array_equal(grad_logits("sigmoid_cross_entropy", x, y).value, [0.0, 0.5, 0.0, -0.5, np.nan])


def test_sigmoid_cross_entropy_reduces_over_all_elements() -> None:
    every = sigmoid_cross_entropy(X, Q).value
    np.testing.assert_allclose(sigmoid_cross_entropy(X, Q, reduction="mean").value, every.mean(), rtol=1e-14)
    gradient = grad_logits("sigmoid_cross_entropy", X, Q, reduction="mean").value
    np.testing.assert_allclose(gradient, grad_logits("sigmoid_cross_entropy", X, Q).value / X.size, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "average"}, 'reduction "average" is not known; known: none, sum, mean'),
        ({"label_smoothing": 1.5}, "label_smoothing is 1.5; it must lie in"),
        ({"weight": np.ones(3)}, "weight has shape"),
        ({"clip_probabilities": 0.7}, "clip_probabilities is 0.7"),
        ({"mean_over": "batch"}, 'mean_over "batch" is not known'),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        softmax_cross_entropy(X, K, **options)


def test_ignore_index_with_distributions_is_refused() -> None:
    with pytest.raises(ValueError, match="ignore_index is for class indices"):
        softmax_cross_entropy(X, Q, ignore_index=1)
