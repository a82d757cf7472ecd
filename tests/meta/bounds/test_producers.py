"""What a producer's rounding may move an answer by covers what it does move, and not much more."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_adapters.sources.source_adapter import PRODUCED
from logitproof_reference.bounds.producers import producer_bound
from logitproof_reference.cases.catalogue import REGIMES
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.prologues.factor import logits_behind, producer_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUESTIONS = [
    (op, quantity, labels)
    for row in OPS.values()
    for op, labels, quantity in row.questions()
    if row.formulas[quantity].moved
]
FAMILIES = ["typical", "wide_range", "common_offset_1e4", "common_offset_1e8", "common_offset_1e30", "near_tie"]
"""Names of regimes; of 1e30, e^d overflows, also where the probability is 0."""
U = FORMATS["float32"].unit_roundoff


def moved_answers(
    op: str, quantity: str, labels: str, z: NDArray[np.float64], sign: int
) -> tuple[NDArray[np.float64], ...]:
    """Return how far the answer moves when every logit is off by two roundings, up and down in turn, and the bound."""
    rows, n = z.shape
    given: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {}
    if labels != "none":
        given["labels"] = np.arange(rows) % n if labels == "indices" else np.full((rows, n), 1.0 / n)
    if quantity == "grad_logits":
        shape = z.shape if OPS[op].keeps_classes else (rows,)
        given["cotangent"] = np.resize([1.5, -0.75, 3.0], shape)
    signs = np.where(np.arange(n) % 2 == 0, sign, -sign)
    request = checked_request(op, quantity, z, **given)
    exact = ExactRows(z).answer(request)
    other = ExactRows(z * (1.0 + 2.0 * U * signs)).evaluate(op, quantity, **given)
    return np.abs(other.value - exact.value), producer_bound(request, FORMATS["float32"])


@pytest.mark.parametrize(("op", "quantity", "labels"), QUESTIONS)
@pytest.mark.parametrize("regime", FAMILIES)
@pytest.mark.parametrize("producer", PRODUCERS)
def test_two_roundings_of_every_logit_stay_within_the_bound(
    op: str, quantity: str, labels: str, regime: str, producer: str
) -> None:
    z = logits_behind(producer_of(producer), REGIMES[regime].build(FORMATS["float32"]).logits)
    for sign in (1, -1):
        moved, allowed = moved_answers(op, quantity, labels, z, sign)
        assert (moved <= allowed).all()


def test_the_bound_is_within_a_small_factor_of_what_happens() -> None:
    z = logits_behind(producer_of("scaled"), REGIMES["common_offset_1e4"].build(FORMATS["float32"]).logits)
    moved, allowed = moved_answers("softmax_cross_entropy", "value", "indices", z, 1)
    assert moved.max() > allowed.max() / 8.0


@pytest.mark.parametrize("name", PRODUCERS)
def test_what_is_produced_is_exact_to_its_radius_and_its_tail_a_rounding_of_float64(name: str) -> None:
    x = np.array([[0.1, 3.4028234663852886e38, -7.0, 0.0]], dtype=np.float32)
    factor, made = PRODUCERS[name], producer_of(name).exact(Ball(x.astype(np.float64)))
    for number, parts in zip(x.ravel(), np.stack((made.hi, made.lo, made.radius), axis=-1).reshape(-1, 3), strict=True):
        value, tail, radius = map(Fraction, parts.tolist())
        times, over = Fraction(float(number)) * factor.number, Fraction(float(number)) / factor.number
        exact = {"*": times, "/": over}[factor.sign]
        assert abs(value + tail - exact) <= radius
        assert abs(tail) + radius <= abs(value) * Fraction(2) ** -53


def test_infinities_pass_a_producer() -> None:
    x = np.array([[-np.inf, np.inf, np.nan]], dtype=np.float32)
    assert all(np.array_equal(logits_behind(producer_of(name), x), x, equal_nan=True) for name in PRODUCERS)


@pytest.mark.parametrize("name", PRODUCERS)
def test_a_source_is_what_the_producer_computes(name: str) -> None:
    x = np.array([0.1, -2.5], dtype=np.float32)
    np.testing.assert_array_equal(eval(PRODUCED[name], {"x": x}), PRODUCERS[name].apply(x))  # noqa: S307 - our own text
