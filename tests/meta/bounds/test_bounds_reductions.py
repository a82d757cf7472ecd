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


def test_a_mean_over_weights_that_sum_to_zero_has_no_bound() -> None:
    logits, labels = np.zeros((2, CLASSES)), np.array([0, 1])
    request = checked_request(LOSS, "value", logits, labels, weight=np.zeros(CLASSES), reduction="mean")
    assert np.isnan(bound(request, FORMATS["float32"], CORRECT)).all()
