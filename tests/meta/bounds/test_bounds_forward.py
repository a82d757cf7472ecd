"""Bounds B1, B2, B5, B6, B7 and B8 one by one, each against the algorithm it was derived for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_reference.bounds import forward as bounds_forward
from logitproof_reference.bounds.assumptions import MUST, SHOULD, Arithmetic, growth, statistical_growth
from logitproof_reference.bounds.error_model import Rounding
from logitproof_reference.bounds.row_statistics import RowStatistics
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS
from meta.bounds.emulated_arithmetic import FAMILIES, Emulation, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

ROWS = 200
CORRECT = Arithmetic(exp_ulps=0.5, log_ulps=0.5, flush_to_zero=False)
NAMES = ["float16", "bfloat16", "float32"]
NARROW_FAMILIES = [family for family in FAMILIES if family not in {"wide", "normal of 60"}]


def case(family: str, name: str) -> tuple[F64, RowStatistics, Rounding]:
    logits = rows_of(family, FORMATS[name], ROWS)
    return logits, RowStatistics.of(logits), Rounding(FORMATS[name], CORRECT)


def mean_depth(statistics: RowStatistics) -> F64:
    """Return M = sum p_j t_j, by which B1 is told to first order."""
    weighted = np.where(statistics.softmax > 0.0, statistics.softmax * np.minimum(statistics.depth, 1e300), 0.0)
    return np.asarray(weighted.sum(axis=-1, keepdims=True), dtype=np.float64)


def usage(error: F64, bound: F64) -> float:
    return float(np.max(error / bound))


@pytest.mark.parametrize("name", NAMES)
def test_division_form_keeps_b1_and_uses_most_of_it(name: str) -> None:
    used = []
    for family in NARROW_FAMILIES:
        logits, statistics, rounding = case(family, name)
        bound = bounds_forward.softmax_by_division(
            statistics, rounding, bounds_forward.shifted_sum(statistics, rounding)
        )
        observed = Emulation(FORMATS[name]).softmax(logits)
        used.append(usage(ExactRows(logits).evaluate("softmax", "value").distance(observed), bound.error))
    assert 0.5 <= max(used) <= 1.0


def test_first_order_form_of_b1_is_exceeded_in_bfloat16() -> None:
    used = []
    for family in ("uniform to 40 of 4", "subnormal results"):
        logits, statistics, rounding = case(family, "bfloat16")
        first_order = statistics.softmax * (
            (statistics.depth + mean_depth(statistics) + logits.shape[1]) * rounding.unit + 2.0 * rounding.exp_error
        )
        observed = Emulation(FORMATS["bfloat16"]).softmax(logits)
        used.append(usage(ExactRows(logits).evaluate("softmax", "value").distance(observed), first_order))
    assert max(used) > 1.0


def test_shift_of_the_sum_is_at_most_kappa_u_m() -> None:
    for family in FAMILIES:
        _, statistics, rounding = case(family, "bfloat16")
        deepest = rounding.unit * statistics.depth.max(axis=-1, keepdims=True)
        kappa = np.where(deepest > 0.0, np.expm1(deepest) / np.where(deepest > 0.0, deepest, 1.0), 1.0)
        shift = bounds_forward.mean_shift(statistics, rounding.unit * statistics.depth)
        assert (shift <= kappa * rounding.unit * mean_depth(statistics) * (1.0 + 1e-12)).all()


@pytest.mark.parametrize("name", NAMES)
def test_streaming_softmax_keeps_b6_and_uses_most_of_it(name: str) -> None:
    used = []
    for family in NARROW_FAMILIES:
        logits, statistics, rounding = case(family, name)
        updates = logits.shape[1] - 1
        total = bounds_forward.streaming_sum(statistics, rounding, updates=updates, block=1)
        bound = bounds_forward.softmax_by_division(statistics, rounding, total)
        observed = Emulation(FORMATS[name]).softmax_streaming(logits)
        used.append(usage(ExactRows(logits).evaluate("softmax", "value").distance(observed), bound.error))
    assert 0.4 <= max(used) <= 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("exp_ulps", [0.0, 30.0, -30.0])
def test_softmax_by_division_sums_to_one_within_b7_whatever_its_exp(name: str, exp_ulps: float) -> None:
    used = []
    for family in NARROW_FAMILIES:
        logits, _, rounding = case(family, name)
        law = bounds_forward.softmax_sum_law(logits.shape[1], rounding)
        sums = Emulation(FORMATS[name], exp_ulps).softmax(logits).sum(axis=-1)
        used.append(usage(np.abs(sums - 1.0), np.full_like(sums, law)))
    assert 0.3 <= max(used) <= 1.0


def test_division_free_softmax_breaks_b7() -> None:
    logits, _, rounding = case("common offset", "float32")
    law = bounds_forward.softmax_sum_law(logits.shape[1], rounding, roundings=2)
    a = Emulation(FORMATS["float32"])
    sums = a.exp(a.fl(logits - a.log_sum_exp(logits))).sum(axis=-1)
    assert np.abs(sums - 1.0).max() > 5.0 * law


def test_sum_law_is_void_where_the_sum_is() -> None:
    rounding = Rounding(FORMATS["bfloat16"], CORRECT)
    assert math.isinf(bounds_forward.softmax_sum_law(700, rounding))


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_exp2_kernel_of_separate_products_keeps_b8(offset: float) -> None:
    logits, _, rounding = case("uniform to 40 of 4", "float32")
    a = Emulation(FORMATS["float32"])
    logits = a.fl(logits + offset)
    statistics = RowStatistics.of(logits)
    scale = a.fl(np.log2(np.e) * np.ones(()))
    top = logits.max(axis=-1, keepdims=True)
    powers = a.fl(np.exp2(a.fl(a.fl(logits * scale) - a.fl(top * scale))))
    observed = a.fl(powers / a.sum(powers))
    shift = bounds_forward.exp2_shift_error(statistics, rounding, fused=False)
    bound = bounds_forward.softmax_by_division(
        statistics, rounding, bounds_forward.shifted_sum(statistics, rounding, shift)
    )
    error = ExactRows(logits).evaluate("softmax", "value").distance(observed)
    assert 0.2 <= usage(error, bound.error) <= 1.0


def test_exp2_kernel_with_a_fused_multiply_add_keeps_b8() -> None:
    logits, statistics, rounding = case("uniform to 40 of 4", "float32")
    a = Emulation(FORMATS["float32"])
    scale = a.fl(np.log2(np.e) * np.ones(()))
    top = logits.max(axis=-1, keepdims=True)
    powers = a.fl(np.exp2(a.fl((logits - top) * scale)))
    observed = a.fl(powers / a.sum(powers))
    shift = bounds_forward.exp2_shift_error(statistics, rounding, fused=True)
    bound = bounds_forward.softmax_by_division(
        statistics, rounding, bounds_forward.shifted_sum(statistics, rounding, shift)
    )
    error = ExactRows(logits).evaluate("softmax", "value").distance(observed)
    assert 0.1 <= usage(error, bound.error) <= 1.0


def test_growth_covers_a_product_of_roundings() -> None:
    for height in (1, 10, 100):
        assert growth(height, 2.0**-8) >= (1.0 + 2.0**-8) ** height - 1.0
        assert growth(height, 2.0**-8) >= 1.0 - (1.0 - 2.0**-8) ** height
    assert math.isinf(growth(256, 2.0**-8))


def test_statistical_growth_is_like_the_root_of_the_height_and_never_above_the_worst_case() -> None:
    unit = 2.0**-24
    wide, wider = (statistical_growth(height, unit, height + 1, 1e-9) for height in (10_000, 1_000_000))
    assert 9.0 < wider / wide < 13.0
    assert wide < growth(10_000, unit) / 10.0
    assert statistical_growth(1, unit, 2, 1e-9) == growth(1, unit)


def test_sums_of_wide_rows_stay_within_the_statistical_bound() -> None:
    logits = rows_of("wide", FORMATS["float32"], 1000)
    declared = replace(CORRECT, failure_probability=1e-9)
    statistics, rounding = RowStatistics.of(logits), Rounding(FORMATS["float32"], declared)
    total = bounds_forward.shifted_sum(statistics, rounding)
    bound = bounds_forward.softmax_by_division(statistics, rounding, total)
    observed = Emulation(FORMATS["float32"]).softmax(logits)
    assert usage(ExactRows(logits).evaluate("softmax", "value").distance(observed), bound.error) <= 1.0
    worst_case = bounds_forward.shifted_sum(statistics, Rounding(FORMATS["float32"], CORRECT))
    assert (total.error < worst_case.error / 3.0).all()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"height": "tall"}, 'summation order "tall"'),
        ({"accumulation": "float8"}, 'accumulation "float8"'),
        ({"exp_ulps": 0.1}, "exp_ulps 0.1"),
        ({"log_ulps": float("nan")}, "log_ulps nan"),
        ({"failure_probability": 1.0}, "failure_probability 1.0"),
    ],
)
def test_impossible_arithmetic_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Arithmetic(**wrong)  # type: ignore[arg-type]  # the wrong types are what is tested


def test_should_is_nowhere_looser_than_must() -> None:
    for name, format_ in FORMATS.items():
        _, statistics, _ = case("wide", name)
        must = bounds_forward.shifted_sum(statistics, Rounding(format_, MUST)).error
        should = bounds_forward.shifted_sum(statistics, Rounding(format_, SHOULD)).error
        assert (should <= must).all()
