"""The oracle's certificate, on the rows of a continuous integration run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from logitproof_reference import ExactRows
from logitproof_reference.oracle.certificate import released_certificate
from meta.oracle.ball_truth import Case, truth, worst_errors
from meta.oracle.certificate import ALLOWED, Certificate, certify
from meta.oracle.certificate_rows import FAMILIES, QUESTIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS = 10_000


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return certify(ROWS)


def test_every_enclosure_contains_the_truth(certificate: Certificate) -> None:
    assert certificate.rows >= ROWS
    assert not certificate.outside, certificate.outside[:5]


def test_no_error_exceeds_the_promise(certificate: Certificate) -> None:
    assert certificate.worst <= ALLOWED, str(certificate)


def test_the_certificate_measured_every_quantity_and_option_and_found_rounding_errors(certificate: Certificate) -> None:
    asked = {f"{op} {quantity}" for op, quantity, _, _ in QUESTIONS}
    assert {name for name, worst in certificate.worst_by_quantity.items() if worst > 2.0**-110} == asked
    options = {option for *_, chosen in QUESTIONS for option in chosen}
    assert {name for name, worst in certificate.worst_by_option.items() if worst > 2.0**-110} == options
    assert math.isfinite(certificate.worst)


def test_a_wrong_digit_is_found_by_the_truth() -> None:
    x = FAMILIES["normal"]("wrong digit", (1, 4))
    exact = ExactRows(x).evaluate("softmax", "value")
    answers, scales = truth("softmax", "value", Case(x[0]))
    relative, contained = worst_errors(
        (exact.value[0], exact.tail[0] * (1 + 2.0**-40), exact.radius[0]), answers, scales
    )
    assert not contained
    assert relative > 2.0**-98


finite = st.floats(-1e6, 1e6, allow_subnormal=True)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(arrays.arrays("float64", st.tuples(st.just(1), st.integers(1, 6)), elements=finite))
def test_whatever_the_row_softmax_and_its_logarithm_hold_the_promise(x: NDArray[np.float64]) -> None:
    rows = ExactRows(x)
    for op in ("softmax", "log_softmax", "log_sum_exp"):
        exact = rows.evaluate(op, "value")
        answers, scales = truth(op, "value", Case(x[0]))
        relative, contained = worst_errors(tuple(part[0] for part in exact.parts), answers, scales)
        assert contained
        assert relative <= ALLOWED


def test_released_certificate_holds_for_a_million_rows() -> None:
    released = released_certificate()
    assert released.rows >= 1_000_000
    assert released.outside == 0
    assert 0.0 < released.worst <= ALLOWED
