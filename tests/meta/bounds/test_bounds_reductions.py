"""Bounds of weighted sums and means of losses hold in the format itself, and are not loose."""

from __future__ import annotations

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS
from meta.bounds.emulated_arithmetic import Emulation

NAMES = ["float16", "bfloat16", "float32"]
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)
LOSS = "softmax_cross_entropy"
BATCHES = 20
CLASSES = 5


def used(name: str, size: int, reduction: str) -> float:
    """Return the largest share of its bound that the reduced loss of a batch is off, by a quotient or a reciprocal."""
    a = Emulation(FORMATS[name])
    weight = a.fl(0.5 + bit_generator.uniforms("weight", (CLASSES,)))
    shares = []
    for batch in range(BATCHES):
        logits = a.fl(3.0 * bit_generator.normals(f"logits {batch}", (size, CLASSES)))
        labels = bit_generator.integers(f"labels {batch}", (size,), CLASSES)
        request = checked_request(LOSS, "value", logits, labels, weight=weight, reduction=reduction)
        exact, granted = ExactRows(logits).answer(request), bound(request, FORMATS[name], CORRECT)
        losses = -a.log_softmax(logits)[np.arange(size), labels]
        total, weights = a.dot(losses, weight[labels]), a.sum(weight[labels])
        answers = [total] if reduction == "sum" else [a.fl(total / weights), a.fl(total * a.fl(1.0 / weights))]
        shares += [float(exact.distance(answer[0]) / granted[0]) for answer in answers]
    return max(shares)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_reduced_loss_keeps_its_bound(name: str, size: int, reduction: str) -> None:
    assert (0.03 if size <= 8 else 0.01) <= used(name, size, reduction) <= 1.0


def smoothed_of_wide_rows(name: str, n: int, smoothing: float) -> tuple[float, float]:
    """Return the shares of their bounds that a loss and its gradient of wide rows use, both with sums in float32."""
    a = Emulation(FORMATS[name], wide=True)
    logits = a.fl(2.0 * bit_generator.normals(f"wide {n}", (6, n)))
    labels = bit_generator.integers(f"wide {n}", (6,), n)
    given = {"label_smoothing": smoothing, "reduction": "mean"}
    p, logarithm = a.softmax(logits), a.log_softmax(logits)
    q = np.full((6, n), a.fl(np.float64(smoothing / n)))
    q[np.arange(6), labels] += 1.0 - smoothing
    mean = a.fl(a.sum(-a.dot(a.fl(q), logarithm)[:, 0]) / 6.0)
    gradient = a.fl(a.fl(p - a.fl(q)) / 6.0)
    shares = []
    for quantity, answer, further in (("value", mean, {}), ("grad_logits", gradient, {"cotangent": np.ones(())})):
        request = checked_request(LOSS, quantity, logits, labels, **further, **given)
        granted = bound(request, FORMATS[name], CORRECT)
        assert np.isfinite(granted).all()
        shares.append(float((ExactRows(logits).answer(request).distance(answer) / granted).max()))
    return shares[0], shares[1]


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("n", [100, 700, 1100, 2100, 33000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_reduced_loss_of_wide_half_rows_keeps_a_finite_bound(name: str, n: int, smoothing: float) -> None:
    of_value, of_gradient = smoothed_of_wide_rows(name, n, smoothing)
    assert of_value <= 1.0
    assert 0.01 <= of_gradient <= 1.0


@pytest.mark.parametrize(("name", "n"), [("float16", 2100), ("bfloat16", 300)])
def test_options_are_bounded_as_none_where_the_sum_is_vacuous(name: str, n: int) -> None:
    exact = Emulation(FORMATS[name]).fl(bit_generator.normals("both", (3, n)))
    plain = bound(checked_request(LOSS, "value", exact, np.arange(3)), FORMATS[name], CORRECT)
    weighted = checked_request(LOSS, "value", exact, np.arange(3), weight=np.ones(n))
    assert (bound(weighted, FORMATS[name], CORRECT) <= 2.5 * plain).all()


def test_a_mean_over_weights_that_sum_to_zero_has_no_bound() -> None:
    logits, labels = np.zeros((2, CLASSES)), np.array([0, 1])
    request = checked_request(LOSS, "value", logits, labels, weight=np.zeros(CLASSES), reduction="mean")
    assert np.isnan(bound(request, FORMATS["float32"], CORRECT)).all()
