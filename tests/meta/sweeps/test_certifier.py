"""What a sweep measures of rows is what single rows, taken by themselves, are found to be."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.sweeps.allowed import allowed_of, prefix_of
from logitproof.sweeps.certifier import Certifier
from logitproof.sweeps.comparison import BINS
from logitproof.sweeps.exact import measured, request_of
from logitproof.sweeps.functions import Function, chosen
from logitproof.sweeps.monotonic_ranges import BLOCK, stretches
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.sources.two_logits import inputs_of, logits_of
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.oracle.two_classes import ABSOLUTE, RELATIVE, SATURATED, cell_of, two_class
from logitproof_reference.vocabulary import formats

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("sigmoid", "softplus", "slope")
"""Functions of a difference of two logits that exact answers are made of."""

flint = pytest.importorskip("flint")

CONTROL = NumpyAdapter()
SOFTMAX = Function("softmax", "none", "value", "float32")
LOG_SOFTMAX = Function("log_softmax", "none", "value", "float32")
FLOAT32 = list(chosen((), (), (), ()))
HALVES = [
    *chosen(("log_softmax", "log_sum_exp", "sigmoid_cross_entropy"), ("value",), ("bfloat16",), ()),
    *chosen(("softmax_cross_entropy", "log_sum_exp"), ("grad_logits",), ("float16",), ()),
]
EVERY = [*FLOAT32, *HALVES]
DAMAGE = np.float32(1.0 + 2.0**-15)


def answer_of(function: Function, start: int, count: int) -> NDArray[Any]:
    """Return what the control answers to rows."""
    cell = function.cell("numpy")
    with np.errstate(all="ignore"):
        return CONTROL.evaluate(cell, inputs_of(cell, start, count))


def certified(function: Function, start: int, answer: NDArray[Any]) -> Certifier:
    certifier = Certifier(function, MUST)
    certifier.take(start, answer)
    certifier.finish()
    return certifier


def differences(count: int, seed: int = 3) -> NDArray[np.float64]:
    """Return differences of all sizes below `SATURATED`, those between points of expansion among them."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.uniform(-SATURATED, SATURATED, count),
        (rng.integers(-65536, 65535, count) + 0.5) / 512,
        rng.normal(size=count) * 10.0 ** rng.uniform(-40, 0, count),
    ]
    every = np.concatenate(parts).astype(np.float32).astype(np.float64)
    return every[np.abs(every) < SATURATED]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_functions_of_two_classes_lie_within_their_radius_of_the_oracle(kind: str, *, mirrored: bool) -> None:
    d = differences(20_000)
    x = -d if mirrored else d
    rows = ExactRows(np.stack([x, np.zeros_like(x)], axis=1))
    exact = {
        "sigmoid": lambda: rows.evaluate("softmax", "value")[:, 0],
        "softplus": lambda: rows.evaluate("log_sum_exp", "value"),
        "slope": lambda: rows.evaluate("softmax", "grad_logits", cotangent=np.tile([1.0, 0.0], (len(x), 1)))[:, 0],
    }[kind]()
    error = exact.distance(two_class(d, kind, mirrored=mirrored))
    assert (error <= RELATIVE * exact.value).all()
    assert (error > 2.0**-55 * exact.value).any()


def test_the_functions_of_two_classes_lie_within_correctly_rounded_intervals() -> None:
    """A second road, CORE-MATH's intervals, shares nothing with the oracle from which the coefficients come."""
    ival = pytest.importorskip("ival", reason="crival is not installed")
    d = differences(20_000, seed=8)
    x = ival.Interval(d, d)
    small = ival.exp(ival.Interval(-np.abs(d), -np.abs(d)))
    sigmoid = ival.Interval(1.0, 1.0) / (ival.exp(-x) + 1.0)
    softplus = ival.log1p(small) + ival.Interval(np.maximum(d, 0.0), np.maximum(d, 0.0))
    slope = small / ((small + 1.0) * (small + 1.0))
    for kind, interval in (("sigmoid", sigmoid), ("softplus", softplus), ("slope", slope)):
        value = two_class(d, kind)
        radius = RELATIVE * value
        assert (value - radius <= interval.sup).all(), kind
        assert (value + radius >= interval.inf).all(), kind
        assert (interval.wid <= 2.0**-49 * value).all(), kind


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_last_point_the_functions_are_what_they_tend_to(kind: str) -> None:
    d = np.array([128.0, 130.0, 1e5, 3e38])
    exact = {"sigmoid": np.ones(4), "softplus": d, "slope": np.zeros(4)}[kind]
    assert (np.abs(two_class(d, kind) - exact) <= ABSOLUTE).all()
    assert (np.abs(two_class(-d, kind)) <= ABSOLUTE).all()


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.id)
def test_a_bound_lies_between_its_limits(function: Function) -> None:
    bits = np.random.default_rng(5).integers(0, 1 << 32, 2000).astype(np.uint32)
    with np.errstate(invalid="ignore"):
        far = bits.view(np.float32).astype(np.float64)
    far = far[np.isfinite(far) & (np.abs(far) >= SATURATED)]
    for element in range(len(function.elements)):
        limits = allowed_of(function, element, MUST)
        if limits.unit or limits.is_least:
            continue  # of pairs: see the next test
        near = differences(700)
        for d, least, most in (
            (near, limits.near[cell_of(near)], limits.near_most[cell_of(near)]),
            (far, limits.far[prefix_of(far)], limits.far_most[prefix_of(far)]),
        ):
            found = bounds_of(function, element, d)
            assert (found >= least).all()
            assert (found <= most).all()
            assert (least >= 0.97 * most).all() or d is far


def bounds_of(function: Function, element: int, d: NDArray[Any]) -> NDArray[Any]:
    """Return the bounds of rows (d, 0), by the bounds themselves."""
    logits = np.zeros((len(d), 2))
    logits[:] = d[:, None] if function.op == "sigmoid_cross_entropy" else 0.0
    logits[:, 0] = d
    request = replace(request_of(function, np.zeros(len(d), dtype=np.int64)), logits=logits)
    with np.errstate(all="ignore"):
        found = bound(request, formats.FORMATS[function.format], MUST)
    return found if found.ndim == 1 else found[:, element]


@pytest.mark.parametrize("function", [one for one in EVERY if one.are_pairs], ids=lambda function: function.id)
def test_the_bound_of_a_pair_lies_between_its_limits(function: Function) -> None:
    for start in (0x3F80_0000, 0x4300_8000, 0xC2F0_C000):
        for stretch in stretches(function, start, 1 << 14):
            rows = start + np.arange(stretch.rows.start, stretch.rows.stop)[::97]
            request = request_of(function, rows)
            with np.errstate(all="ignore"):
                found = bound(request, formats.FORMATS[function.format], MUST).reshape(len(rows), -1)
            for element, what in enumerate(function.elements):
                value = stretch.value(what)
                least, most = (
                    np.broadcast_to(one, value.shape)[::97]
                    for one in stretch.allowed(allowed_of(function, element, MUST), value)
                )
                assert (found[:, element] >= least).all()
                assert (found[:, element] <= most).all()


def brute_force(start: int, answer: NDArray[np.float32]) -> tuple[Fraction, int, int]:
    """Return the largest error of log-softmax in ulps, its row, and how many answers are not correctly rounded.

    In ball arithmetic of 200 bits and rational numbers; nothing of it is the suite's.
    """
    flint.ctx.prec = 200
    worst, at, wrong = Fraction(-1), -1, 0
    for row, given in enumerate(answer, start):
        d = float(np.array(row, np.uint32).view(np.float32))
        for element, sign in ((0, -1.0), (1, 1.0)):
            exact = -(1 + flint.arb(sign * d).exp()).log()
            middle = _fraction(exact.mid())
            exponent = _exponent(middle)
            unit = Fraction(2) ** max(exponent - 23, -149)
            error = abs(Fraction(float(given[element])) - middle) / unit
            nearest = round(middle / unit) * unit
            wrong += Fraction(float(given[element])) != nearest
            if error > worst:
                worst, at = error, row
    return worst, at, wrong


def _fraction(number: Any) -> Fraction:
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _exponent(number: Fraction) -> int:
    """Return e with 2**e <= abs(number) < 2**(e + 1)."""
    size = abs(number)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    return exponent if size >= Fraction(2) ** exponent else exponent - 1


@pytest.mark.parametrize("start", [0x3F80_0000, 0xC15F_FF00, 0x2000_0000, 0x42AE_0000])
def test_the_maximum_is_that_of_an_independent_brute_force(start: int) -> None:
    answer = answer_of(LOG_SOFTMAX, start, 1 << 10)
    worst, _, wrong = brute_force(start, answer)
    found = certified(LOG_SOFTMAX, start, answer)
    assert found.worst_ulps.measure == pytest.approx(float(worst), rel=1e-9, abs=1e-6)
    assert found.tally.not_rounded == wrong


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.id)
def test_a_unit_says_what_the_oracle_says_of_each_of_its_rows(function: Function) -> None:
    start, count = (0x3E00_0000, 1500) if function.size > 1 << 16 else (0x3000, 1500)
    answer = answer_of(function, start, count)
    found = certified(function, start, answer)
    rows = np.arange(start, start + count)
    alone = [
        measured(function, element, rows, column.astype(np.float64), MUST)
        for element, column in enumerate(function.columns(answer))
    ]
    ulps, slack = (np.stack([getattr(one, name) for one in alone]) for name in ("ulps", "slack"))
    assert found.tally.numbers == ulps.size
    assert found.worst_ulps.measure == pytest.approx(ulps.max(), rel=1e-6)
    assert slack.max() == pytest.approx(found.worst_slack.measure, rel=0.02)
    assert found.worst_slack.measure <= slack.max() <= found.slack_at_most + 1e-9
    assert found.tally.not_rounded == sum(int((~one.rounded).sum()) for one in alone)
    assert found.tally.broken == sum(int((~one.conforms).sum()) for one in alone) == 0
    assert found.tally.bins.sum() == ulps.size
    assert len(found.tally.bins) == BINS


@pytest.mark.parametrize("row", [0x4100_0000, 0x4100_1234, 0x4102_FFFF])
def test_one_wrong_answer_among_all_is_found(row: int) -> None:
    """Every row is compared, wherever it stands: the ends of a call, and of a block, are no exception."""
    start, count = 0x4100_0000, 6 * BLOCK
    answer = answer_of(SOFTMAX, start, count)
    assert certified(SOFTMAX, start, answer).tally.broken == 0
    answer[row - start, 1] *= DAMAGE
    found = certified(SOFTMAX, start, answer)
    assert (found.tally.broken, found.tally.first_broken) == (1, row)
    assert (found.worst_ulps.row, found.worst_ulps.element) == (row, 1)
    assert found.worst_slack.row == row


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_breaks_its_clause(wrong: float) -> None:
    answer = answer_of(SOFTMAX, 0x4100_0000, 4096)
    answer[77, 0] = wrong
    found = certified(SOFTMAX, 0x4100_0000, answer)
    assert (found.tally.broken, found.tally.not_finite, found.tally.first_broken) == (1, 1, 0x4100_0000 + 77)
    assert found.worst_ulps.measure == np.inf


def test_an_infinite_answer_is_right_where_the_exact_one_rounds_to_it() -> None:
    function = Function("log_softmax", "none", "value", "float16")
    start, count = 0x5580_FBF0, 16  # (88, b) to b = -65,504: class 1 is -65,520 and less from the 13th row on
    answer = np.zeros((count, 2), np.float16)
    exact = -88.0 + np.arange(0xFBF0, 0xFC00, dtype=np.uint16).view(np.float16).astype(np.float64)
    with np.errstate(over="ignore"):
        answer[:, 1] = exact
    assert np.isinf(answer[:, 1]).sum() == 3
    found = certified(function, start, answer)
    assert (found.tally.broken, found.tally.not_finite, found.tally.not_rounded) == (0, 0, 0)
    assert int(found.tally.bins.sum()) == found.tally.numbers == 2 * count
    assert found.worst_ulps.measure <= 0.5
    answer[7, 1] = -np.inf
    found = certified(function, start, answer)
    assert (found.tally.broken, found.tally.first_broken) == (1, start + 7)
    answer[7, 1] = answer[6, 1]
    answer[15, 1] = np.inf
    found = certified(function, start, answer)
    assert (found.tally.broken, found.tally.first_broken) == (1, start + 15)


def test_a_subnormal_limit_may_be_flushed() -> None:
    function = Function("log_sum_exp", "none", "value", "bfloat16")
    start = 0x0001_FF80  # the smallest subnormal number, and -inf
    for right, wrong_ones in (
        (logits_of("log_sum_exp", "bfloat16", start, 1)[:, 0], 0),
        (np.zeros(1), 0),
        (np.ones(1), 1),
    ):
        answer = right.astype(formats.bfloat16())
        assert certified(function, start, answer).tally.limits_wrong == wrong_ones


def test_an_answer_that_is_flushed_to_zero_is_counted() -> None:
    start = int(np.array(90.0, np.float32).view(np.uint32))
    answer = answer_of(SOFTMAX, start, 4096)
    assert certified(SOFTMAX, start, answer).tally.lost == 0
    answer[5, 1] = 0.0
    assert certified(SOFTMAX, start, answer).tally.lost == 1


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.id)
def test_rows_that_are_not_finite_have_their_limits(function: Function) -> None:
    """The control conforms there; an answer changed in one such row is found."""
    start = {"float32": 0x7F7F_FFF0, "float16": 0x7BF8, "bfloat16": 0x7F78}[function.format]
    start += 0xC000_0000 if function.are_pairs else 0
    answer = answer_of(function, start, 1 << 9)
    found = certified(function, start, answer)
    assert found.tally.limits > 0
    assert found.tally.limits_wrong == 0
    answer.reshape(len(answer), -1)[40, 0] = 0.25
    changed = certified(function, start, answer)
    assert (changed.tally.limits_wrong, changed.tally.first_limit) == (1, start + 40)


def test_an_answer_of_another_shape_or_format_is_refused() -> None:
    for answer in (np.zeros((4, 3), np.float32), np.zeros((4, 2))):
        with pytest.raises(ValueError, match="the answer has shape"):
            Certifier(SOFTMAX, MUST).take(0, answer)
