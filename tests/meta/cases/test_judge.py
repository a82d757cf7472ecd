"""The judge is total: every observed value gets a verdict and a measure, and nothing dodges the comparison."""

from __future__ import annotations

import itertools

import ml_dtypes
import numpy as np
import pytest

from logitproof_reference.judging.compare import Comparison, compare
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.formats import FORMATS

FLOAT32 = FORMATS["float32"]


def judged(observed: float, exact: float, bound: float = 0.0, name: str = "float32") -> Comparison:
    format_ = FORMATS[name]
    return compare(np.array([observed], format_.dtype), Enclosure.exact([exact]), np.array([bound]), format_)


OVERFLOW_THRESHOLDS = {
    "float16": 65520.0,
    "bfloat16": float.fromhex("0x1.ffp127"),
    "float32": float.fromhex("0x1.ffffffp127"),
}
"""Half an ulp past the largest finite number: what rounds to infinity."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_pair_of_kinds_gets_a_verdict_and_a_measure(name: str) -> None:
    format_ = FORMATS[name]
    numbers = [0.0, -0.0, format_.smallest_subnormal, format_.smallest_normal, 1.0, -1.0, format_.largest]
    kinds = [*numbers, -format_.largest, np.inf, -np.inf, np.nan]
    for observed, exact, bound in itertools.product(kinds, kinds, [0.0, 1e-30, np.inf, np.nan]):
        found = judged(observed, exact, bound, name)
        assert not np.isnan([found.error, found.ulps, found.slack]).any()
        assert found.worst() == 0
        if not found.conforms[0]:
            assert found.slack[0] > 1.0


def test_nan_conforms_only_where_nan_is_due() -> None:
    assert judged(np.nan, np.nan).conforms[0]
    for exact in (0.0, 1.0, np.inf, -np.inf):
        found = judged(np.nan, exact, np.inf)
        assert not found.conforms[0]
        assert np.isinf(found.slack[0])
    assert not judged(1.0, np.nan, np.inf).conforms[0]


def test_infinity_conforms_only_with_its_sign() -> None:
    assert judged(np.inf, np.inf).conforms[0]
    assert judged(np.inf, np.inf).slack[0] == 0.0
    assert not judged(-np.inf, np.inf, np.inf).conforms[0]
    assert not judged(FLOAT32.largest, np.inf, np.inf).conforms[0]
    assert not judged(np.inf, 1.0, 1.0).conforms[0]
    assert np.isinf(judged(np.inf, 1.0, 1.0).slack[0])


@pytest.mark.parametrize("name", OVERFLOW_THRESHOLDS)
def test_overflow_conforms_from_half_an_ulp_past_the_largest(name: str) -> None:
    threshold = OVERFLOW_THRESHOLDS[name]
    ulp = 2.0 * (threshold - FORMATS[name].largest)
    assert judged(np.inf, threshold, 0.0, name).conforms[0]
    assert judged(np.inf, threshold, 0.0, name).slack[0] == 0.0
    assert not judged(np.inf, threshold - ulp / 8.0, ulp / 16.0, name).conforms[0]
    assert judged(np.inf, threshold - ulp / 8.0, ulp / 8.0, name).conforms[0]
    assert judged(-np.inf, -threshold, 0.0, name).conforms[0]
    assert not judged(FORMATS[name].largest, 2.0 * threshold, ulp, name).conforms[0]


def test_overflow_of_float64_is_told_by_the_tail() -> None:
    largest = FORMATS["float64"].largest
    half_ulp = 2.0**970
    short, past = (Enclosure(np.array([largest]), np.array([tail]), np.zeros(1)) for tail in (half_ulp / 2.0, half_ulp))
    observed = np.array([np.inf])
    assert not compare(observed, short, np.zeros(1), FORMATS["float64"]).conforms[0]
    assert compare(observed, short, np.array([half_ulp / 2.0]), FORMATS["float64"]).conforms[0]
    assert compare(observed, past, np.zeros(1), FORMATS["float64"]).conforms[0]


def test_signs_of_zero_are_not_compared() -> None:
    for observed, exact in itertools.product([0.0, -0.0], [0.0, -0.0]):
        found = judged(observed, exact)
        assert found.conforms[0]
        assert found.slack[0] == 0.0


def test_subnormal_errors_are_counted_in_subnormal_ulps() -> None:
    eta = FLOAT32.smallest_subnormal
    found = judged(3.0 * eta, eta, eta)
    assert found.ulps[0] == 2.0
    assert found.slack[0] == 2.0
    assert not found.conforms[0]


def test_error_of_an_exact_answer_of_zero_is_measured_in_the_smallest_subnormal() -> None:
    assert judged(FLOAT32.smallest_subnormal, 0.0, 1.0).ulps[0] == 1.0


def test_zero_error_of_a_zero_bound_has_no_slack_and_any_error_infinite_slack() -> None:
    assert judged(1.0, 1.0, 0.0).slack[0] == 0.0
    assert np.isinf(judged(1.5, 1.0, 0.0).slack[0])


def test_tail_of_the_exact_answer_counts() -> None:
    exact = Enclosure(np.array([1.0]), np.array([2.0**-60]), np.zeros(1))
    found = compare(np.array([1.0], np.float32), exact, np.array([2.0**-61]), FLOAT32)
    assert found.error[0] == 2.0**-60
    assert found.slack[0] == 2.0


@pytest.mark.parametrize(("bound", "undecided"), [(2.0**-20, True), (2.0**-18, False), (2.0**-22, False)])
def test_verdict_is_undecided_where_the_radius_reaches_the_bound(bound: float, undecided: bool) -> None:  # noqa: FBT001 - a parametrised claim
    exact = Enclosure(np.array([1.0]), np.zeros(1), np.array([2.0**-30]))
    found = compare(np.array([1.0 + 2.0**-20], np.float32), exact, np.array([bound]), FLOAT32)
    assert found.undecided[0] == undecided


def test_bound_that_is_not_a_number_grants_nothing() -> None:
    assert not judged(1.5, 1.0, np.nan).conforms[0]
    assert judged(1.0, 1.0, np.nan).conforms[0]


def test_worst_element_has_the_largest_slack_then_the_most_ulps() -> None:
    observed = np.array([[1.0, 2.0], [np.nan, 8.0]], np.float32)
    exact = Enclosure.exact(np.array([[1.0, 1.0], [1.0, 1.0]]))
    found = compare(observed, exact, np.full((2, 2), 1.0), FLOAT32)
    assert found.worst() == 2
    without = compare(observed[:, 1:], exact[:, 1:], np.full((2, 1), 1.0), FLOAT32)
    assert without.worst() == 1


def test_empty_answers_compare_to_nothing() -> None:
    empty = np.zeros((0, 3), np.float32)
    found = compare(empty, Enclosure.exact(empty), np.zeros((0, 3)), FLOAT32)
    assert found.conforms.shape == (0, 3)
    assert found.worst() == -1


def test_answer_of_another_format_is_compared_for_what_it_is() -> None:
    observed = np.array([1.0 + 2.0**-7], ml_dtypes.bfloat16)
    found = compare(observed, Enclosure.exact([1.0]), np.array([2.0**-7]), FLOAT32)
    assert found.conforms[0]
    assert found.ulps[0] == 2.0**16


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match=r"observed \(2,\), exact \(1,\)"):
        compare(np.zeros(2, np.float32), Enclosure.exact([0.0]), np.zeros(1), FLOAT32)
