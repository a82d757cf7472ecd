"""The bound of clipped probabilities holds for a loss as Keras computes it, and for no other clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.cases import hashed_numbers as bit_generator
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

LOSS = "softmax_cross_entropy"
CLIP = 1e-7
ROWS = 500


def rows_of(classes: int, spread: float) -> tuple[F32, F32, F32]:
    """Return logits, distributions and cotangents of float32."""
    logits = spread * bit_generator.normals("clipped logits", (ROWS, classes))
    weights = bit_generator.uniforms("clipped labels", (ROWS, classes)) ** 3
    distributions = weights / weights.sum(axis=1, keepdims=True)
    cotangents = bit_generator.normals("clipped cotangents", (ROWS,))
    return logits.astype(np.float32), distributions.astype(np.float32), cotangents.astype(np.float32)


def loss_and_gradient(logits: F32, q: F32, cotangents: F32, *, clip: float, cut: bool = True) -> tuple[F32, F32]:
    """Return the losses and their gradients step by step in float32: softmax, division by the sum, clip, logarithm."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    total = p.sum(axis=1, keepdims=True)
    ratio = p / total
    clipped = np.clip(ratio, np.float32(clip), np.float32(1.0 - clip))
    slopes = -cotangents[:, None] * q / clipped
    if cut:
        slopes[ratio != clipped] = 0.0
    slopes = (slopes - (slopes * ratio).sum(axis=1, keepdims=True)) / total
    return -(q * np.log(clipped)).sum(axis=1), p * (slopes - (slopes * p).sum(axis=1, keepdims=True))


def slack(quantity: str, observed: F32, logits: F32, labels: NDArray[np.generic], cotangents: F32) -> F64:
    """Return error / bound of each element."""
    given = {"cotangent": cotangents} if quantity == "grad_logits" else {}
    request = checked_request(LOSS, quantity, logits, labels, clip_probabilities=CLIP, **given)
    exact = ExactRows(logits).answer(request)
    allowed = bound(request, FORMATS["float32"], MUST)
    return np.abs(observed.astype(np.float64) - exact.value) / allowed


@pytest.mark.parametrize("spread", [1.0, 8.0, 40.0])
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_loss_of_probabilities_keeps_its_bound(classes: int, spread: float) -> None:
    logits, q, cotangents = rows_of(classes, spread)
    value, gradient = loss_and_gradient(logits, q, cotangents, clip=CLIP)
    assert slack("value", value, logits, q, cotangents).max() <= 1.0
    assert slack("grad_logits", gradient, logits, q, cotangents).max() <= 1.0


def test_loss_of_a_class_index_keeps_its_bound() -> None:
    logits, _, cotangents = rows_of(10, 20.0)
    labels = np.arange(ROWS) % 10
    value, gradient = loss_and_gradient(logits, np.eye(10, dtype=np.float32)[labels], cotangents, clip=CLIP)
    assert 0.05 < slack("value", value, logits, labels, cotangents).max() <= 1.0
    assert slack("grad_logits", gradient, logits, labels, cotangents).max() <= 1.0


def test_another_clip_is_told_apart() -> None:
    logits, q, cotangents = rows_of(10, 20.0)
    value, _ = loss_and_gradient(logits, q, cotangents, clip=1.1e-7)
    assert slack("value", value, logits, q, cotangents).max() > 10.0


def test_a_gradient_through_the_clip_is_told_apart() -> None:
    logits, q, cotangents = rows_of(10, 20.0)
    _, gradient = loss_and_gradient(logits, q, cotangents, clip=CLIP, cut=False)
    assert slack("grad_logits", gradient, logits, q, cotangents).max() > 10.0


def test_a_class_ruled_out_costs_no_more_than_the_clip() -> None:
    logits = np.array([[0.0, -np.inf, 1.0]], dtype=np.float32)
    request = checked_request(LOSS, "value", logits, np.array([1]), clip_probabilities=CLIP)
    allowed = bound(request, FORMATS["float32"], MUST)
    assert 0.0 < allowed[0] < 1e-4
