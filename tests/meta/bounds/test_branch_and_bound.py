"""The bounds B1 to B9 over whole boxes of rows of two, three and four classes: none is exceeded anywhere in them.

What an algorithm may compute at most is written down exactly, with every rounding at its end: each computed
exponential, sum, quotient and logarithm grows or falls with each of its roundings, so that the largest error is that of
one corner. The bound minus that error is proven to be nowhere negative, of rows (t_1 = 0, t_2, ..., t_n) with depths t
up to `DEEPEST`; where the exponential underflows the bound holds more (eta), and no less. A bound with one of its
factors left out is exceeded, and the row is found.
"""

from __future__ import annotations

import itertools
import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from flint import arb, ctx

from logitproof_reference.bounds import forward
from logitproof_reference.bounds.assumptions import Arithmetic
from logitproof_reference.bounds.error_model import Rounding
from logitproof_reference.bounds.row_statistics import RowStatistics
from logitproof_reference.vocabulary.formats import FORMATS
from meta.bounds.branch_and_bound import Dual, Undecided, lifted, nowhere_negative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meta.bounds.branch_and_bound import Box

CORRECT = Arithmetic(flush_to_zero=False)
MINUTES = pytest.mark.skipif("LOGITPROOF_TEST_BOXES" not in os.environ, reason="minutes; set LOGITPROOF_TEST_BOXES")
DEEPEST = {"bfloat16": 80.0, "float16": 8.0, "float32": 80.0}
"""Depths below which the exponential is no subnormal number."""


class Model(NamedTuple):
    """Roundings of a format.

    Attributes
    ----------
    u : arb
        Unit roundoff; a ball, so that what is computed with it is enclosed too.
    exp, log : arb
        Relative errors of exp and log.
    left_out : str
        A factor that the bound is written without, to see that it is missed.
    """

    u: arb
    exp: arb
    log: arb
    left_out: str = ""

    def unless(self, factor: str, number: arb | int) -> arb:
        """Return what the bound has, 0 where this is left out."""
        return arb(0 if self.left_out == factor else number)


def of_format(name: str, ulps: float = 4.0, left_out: str = "") -> Model:
    """Return the roundings of a format whose exp and log are off by this many ulps."""
    u = arb(FORMATS[name].unit_roundoff)
    return Model(u, 2.0 * ulps * u, 2.0 * ulps * u, left_out)


def growth(h: int, u: arb) -> arb:
    """Return g_h."""
    return h * u / (1.0 - h * u)


def powers(t: Sequence[Dual], factor: arb | float = 1.0) -> list[Dual]:
    """Return exp(-t_j factor)."""
    return [(-(one * factor)).exp() for one in t]


def total(terms: Sequence[Dual]) -> Dual:
    """Return their sum."""
    return sum(terms, lifted(0.0))


def shifted_up(m: Model, t: Sequence[Dual]) -> Dual:
    """Return what shifts that are u t_j too small make of the sum, over S; as the bound has it."""
    return total(powers(t, 1.0 - m.unless("shift", m.u))) / total(powers(t))


def grown(m: Model, n: int, updates: int = 0) -> arb:
    """Return the other factor of 1 + eS, of B1, or of B6 with this many `updates` of a running maximum."""
    exps = (1.0 + m.unless("exp", m.exp)) ** (1 if m.left_out == "update" else 1 + updates)
    return exps * (1.0 + m.u) ** updates * (1.0 + m.unless("sum", growth(n - 1, m.u)))


def sum_error(m: Model, t: Sequence[Dual], updates: int = 0) -> Dual:
    """Return eS."""
    return shifted_up(m, t) * grown(m, len(t), updates) - 1.0


def roundings(m: Model, n: int, sign: float, updates: int = 0) -> arb:
    """Return what exp and all roundings of a sum multiply it by, at most or at least."""
    return (1.0 + sign * m.exp) ** (1 + updates) * (1.0 + sign * m.u) ** (n - 1 + updates)


def computed_sum(m: Model, t: Sequence[Dual], sign: float, updates: int = 0) -> Dual:
    """Return the largest (sign 1) or least (-1) sum that may be computed, over S."""
    return total(powers(t, 1.0 - sign * m.u)) / total(powers(t)) * roundings(m, len(t), sign, updates)


def shares(t: Sequence[Dual]) -> list[Dual]:
    """Return p."""
    exact = total(powers(t))
    return [one / exact for one in powers(t)]


def margins_of_sum(m: Model, t: Sequence[Dual], updates: int = 0) -> list[Dual]:
    """B1, its first half, and B6: eS minus the error of the sum, as sum p_j (...): nothing cancels between classes."""
    shift, bound = m.unless("shift", m.u), grown(m, len(t), updates)
    least, largest = (roundings(m, len(t), sign, updates) for sign in (-1.0, 1.0))
    below = [(one * shift).exp() * bound + (-(one * m.u)).exp() * least - 2.0 for one in t]
    above = [(one * shift).exp() * bound - (one * m.u).exp() * largest for one in t]
    return [total([p * part for p, part in zip(shares(t), parts, strict=True)]) for parts in (below, above)]


def quotient_bound(m: Model, t: Sequence[Dual], at: int) -> Dual:
    """Return B1 over p of class `at`: e^{u t}(1 + ee)(1 + eS')(1 + u) - 1."""
    own = (t[at] * m.unless("shift", m.u)).exp() * ((1.0 + m.exp) * (1.0 + m.unless("rounding", m.u)))
    return own / (1.0 - sum_error(m, t)) - 1.0


def lowest_quotient(m: Model, t: Sequence[Dual], at: int) -> Dual:
    """Return the least p of class `at` that may be computed, over p: its own exponential counts in the sum too."""
    own = at % len(t)
    largest = roundings(m, len(t), 1.0)
    parts = [(one * m.u).exp() * largest for one in t]
    down = (-(t[own] * m.u)).exp() * (1.0 - m.exp)
    parts[own] = down * (largest / (1.0 + m.exp))
    return down * (1.0 - m.u) / total([p * part for p, part in zip(shares(t), parts, strict=True)])


def margins_of_quotient(m: Model, t: Sequence[Dual], at: int) -> list[Dual]:
    """B1 of class `at` minus the error of p, over p.

    Where p is largest both are (1 + u) e^{u t}(1 + ee) over a sum, 1 - eS and the least one with that exponential: the
    sums are compared, class by class.
    """
    own = at % len(t)
    shift, bound, least = m.unless("shift", m.u), grown(m, len(t)), roundings(m, len(t), -1.0)
    parts = [(one * shift).exp() * bound + (-(one * m.u)).exp() * least - 2.0 for one in t]
    at_most = least * (1.0 + m.exp) / (1.0 - m.exp)
    parts[own] = (t[own] * shift).exp() * bound + (t[own] * m.u).exp() * at_most - 2.0
    sums = total([p * part for p, part in zip(shares(t), parts, strict=True)])
    return [sums, quotient_bound(m, t, at) - (1.0 - lowest_quotient(m, t, at))]


def logarithm_bound(m: Model, error: Dual, logarithm: Dual) -> Dual:
    """Return eS' + el (log S + eS'), the error of log S in B2 and B3."""
    reciprocal = error / (1.0 - error)
    return reciprocal + (logarithm + reciprocal) * m.unless("log", m.log)


def margins_of_logarithm(m: Model, v: Sequence[Dual]) -> list[Dual]:
    """B2 and B3 but for their last rounding, of a sum off by eS: either way, log off by el either way."""
    error, logarithm = v
    bound = logarithm_bound(m, error, logarithm)
    ends = [logarithm + (error * sign + 1.0).log() for sign in (1.0, -1.0)]
    off = [end * (1.0 + sign * m.log) - logarithm for end in ends for sign in (1.0, -1.0)]
    return [bound + one * sign for one in off for sign in (1.0, -1.0)]


def log_softmax_bound(m: Model, v: Sequence[Dual]) -> tuple[Dual, Dual]:
    """Return |y| and B2: B + u (|y| + B)."""
    error, logarithm, depth = v
    size = depth + logarithm
    before = depth * m.unless("shift", m.u) + logarithm_bound(m, error, logarithm)
    return size, before + (size + before) * m.unless("rounding", m.u)


def largest_logarithm(m: Model, error: Dual, logarithm: Dual) -> Dual:
    """Return the largest log S that may be computed."""
    return (logarithm + (error + 1.0).log()) * (1.0 + m.log)


def largest_log_softmax(m: Model, v: Sequence[Dual]) -> Dual:
    """Return the largest |y| that may be computed: the depth, log S and their sum rounded up."""
    return (v[2] * (1.0 + m.u) + largest_logarithm(m, v[0], v[1])) * (1.0 + m.u)


def margins_of_log_softmax(m: Model, v: Sequence[Dual]) -> list[Dual]:
    """B2."""
    size, bound = log_softmax_bound(m, v)
    return [bound - (largest_log_softmax(m, v) - size)]


def margins_of_loss(m: Model, v: Sequence[Dual], n: int) -> list[Dual]:
    """B4: bound and error are linear in the labels, so that they need to be compared at class indices alone."""
    size, bound = log_softmax_bound(m, v)
    product = largest_log_softmax(m, v) * (1.0 + m.u) ** n
    return [bound + (size + bound) * m.unless("sum", growth(n, m.u)) - (product - size)]


def margins_of_base_2(m: Model, v: Sequence[Dual], constants: tuple[arb, arb]) -> list[Dual]:
    """B9: B2 with the depth times a rounded log2 e, and the difference times a rounded log 2."""
    error, logarithm, depth = v
    size, u, (to, back) = depth + logarithm, m.u, constants
    product = (to + u + u * to) * (1.0 + u) + m.unless("product", u)
    before = depth * product + logarithm_bound(m, error, logarithm)
    difference = before + (size + before) * u
    inherited = size * m.unless("constant", back) + difference * (1.0 + back)
    bound = inherited + (size + inherited) * u
    computed = depth * ((1.0 + u) ** 2 * (1.0 + to)) + largest_logarithm(m, error, logarithm)
    return [bound - (computed * ((1.0 + u) ** 2 * (1.0 + back)) - size)]


def margins_of_gradient(m: Model, t: Sequence[Dual], at: int) -> list[Dual]:
    """B5 at a label of 1, over p: |dp| + u (1 - p + |dp|) minus the error of fl(p - 1), p as small as it may be."""
    bound, lowest = quotient_bound(m, t, at), lowest_quotient(m, t, at)
    odds = total(powers(t)) / powers(t)[at] - 1.0
    computed = (odds + 1.0 - lowest) * (1.0 + m.u)
    return [bound + (odds + bound) * m.unless("rounding", m.u) - (computed - odds)]


def margins_of_law(m: Model, t: Sequence[Dual]) -> list[Dual]:
    """B7: whatever the terms, their quotients by their own sum add up to one but for roundings."""
    h = len(t) - 1
    bound = lifted((1.0 + m.u) / (1.0 - m.unless("sum", growth(h, m.u))) - 1.0)
    return [bound - ((1.0 + m.u) / (1.0 - m.u) ** h - 1.0), bound - (1.0 - (1.0 - m.u) / (1.0 + m.u) ** h)]


def margins_of_exp2(m: Model, v: Sequence[Dual]) -> list[Dual]:
    """B8: D minus the error of fl(fl(x c) - fl(x_max c)), logits of one sign; both grow with x_max, which is 1 here."""
    (depth,) = v
    sizes = (depth + 2.0) * (m.u * (1.0 + m.unless("second order", m.u)) ** 2)
    bound = sizes + depth * m.unless("products", 2.5 * m.u)
    ends = (1.0 - m.u, 1.0 + m.u)
    errors = [
        ((depth + 1.0) * first - second) * (constant * last) - depth
        for first, second, constant, last in itertools.product(ends, repeat=4)
    ]
    return [bound + error * sign for error in errors for sign in (1.0, -1.0)]


ROWS: dict[str, Callable[..., list[Dual]]] = {
    "B1 sum": margins_of_sum,
    "B1 largest class": partial(margins_of_quotient, at=0),
    "B1 other class": partial(margins_of_quotient, at=-1),
    "B5": partial(margins_of_gradient, at=0),
    "B6": partial(margins_of_sum, updates=2),
    "B7": margins_of_law,
}
"""Claims on the depths of a row."""


def claim_on_depths(claim: str, m: Model, n: int, name: str) -> tuple[float, ...] | None:
    """Return a row of n classes that breaks a claim, or None if none does."""

    def margins(depths: Sequence[Dual]) -> list[Dual]:
        return ROWS[claim](m, [lifted(0.0), *depths])

    return broken(margins, ((0.0, DEEPEST[name]),) * (n - 1), n - 2 if "other" in claim else n - 1)


def broken(margins: Callable[[Sequence[Dual]], list[Dual]], box: Box, symmetric: int = 0) -> tuple[float, ...] | None:
    """Return variables at which one of the margins is negative, or None if none is over all of the box."""
    for which in range(len(margins([lifted(1.0)] * len(box)))):
        found = nowhere_negative(lambda v, which=which: margins(v)[which], box, symmetric)  # type: ignore[misc]
        if found.negative is not None:
            return found.negative
    return None


def claims_on_logarithms(m: Model, name: str) -> dict[str, tuple[Callable[[Sequence[Dual]], list[Dual]], Box]]:
    """Return the claims on eS, which a sum keeps by B1, log S and the depth of a class; log 4 is below 1.4."""
    sums, depth = ((float(m.exp), 0.45), (0.0, 1.4)), (0.0, DEEPEST[name])
    rounding = Rounding(FORMATS[name], CORRECT)
    pairs = (forward._LOG2_E, forward._LOG_2)
    constants = [arb(float(forward._rounded_constant(*pair, rounding).error[0])) for pair in pairs]
    return {
        "B2 B3 logarithm": (partial(margins_of_logarithm, m), sums),
        "B2": (partial(margins_of_log_softmax, m), (*sums, depth)),
        "B4": (partial(margins_of_loss, m, n=4), (*sums, depth)),
        "B8": (partial(margins_of_exp2, m), ((0.0, 1e6),)),
        "B9": (partial(margins_of_base_2, m, constants=constants), (*sums, depth)),
    }


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    """Evaluate balls with 128 bits: a margin may be the square of a unit roundoff."""
    before, ctx.prec = ctx.prec, 128
    yield
    ctx.prec = before


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("bfloat16", 2),
        ("bfloat16", 3),
        ("float16", 2),
        pytest.param("float32", 2, marks=MINUTES),
        pytest.param("bfloat16", 4, marks=MINUTES),
        pytest.param("float16", 3, marks=MINUTES),
    ],
)
@pytest.mark.parametrize("claim", ROWS)
def test_no_row_exceeds_a_bound(claim: str, name: str, n: int) -> None:
    assert claim_on_depths(claim, of_format(name), n, name) is None


@pytest.mark.parametrize("name", DEEPEST)
@pytest.mark.parametrize("claim", ["B2 B3 logarithm", "B2", "B4", "B8", "B9"])
def test_nothing_made_of_a_sum_exceeds_its_bound(claim: str, name: str) -> None:
    margins, box = claims_on_logarithms(of_format(name), name)[claim]
    assert broken(margins, box) is None


@pytest.mark.parametrize(
    ("claim", "factor"),
    [
        ("B1 sum", "exp"),
        ("B1 sum", "sum"),
        ("B1 sum", "shift"),
        ("B1 other class", "exp"),
        ("B6", "update"),
        ("B7", "sum"),
    ],
)
def test_a_bound_of_rows_without_one_of_its_factors_is_exceeded(claim: str, factor: str) -> None:
    assert claim_on_depths(claim, of_format("bfloat16", left_out=factor), 2, "bfloat16") is not None


@pytest.mark.parametrize(
    ("claim", "factor"),
    [
        ("B2 B3 logarithm", "log"),
        ("B2", "shift"),
        ("B2", "rounding"),
        ("B4", "sum"),
        ("B8", "products"),
        ("B8", "second order"),
        ("B9", "product"),
    ],
)
def test_a_bound_of_logarithms_without_one_of_its_factors_is_exceeded(claim: str, factor: str) -> None:
    margins, box = claims_on_logarithms(of_format("bfloat16", left_out=factor), "bfloat16")[claim]
    assert broken(margins, box) is not None


@pytest.mark.parametrize("name", DEEPEST)
@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_bounds_written_here_are_those_of_the_code_but_for_what_underflows(name: str, n: int) -> None:
    depths = np.linspace(0.0, DEEPEST[name], 13)
    rows = -np.array([(0.0, *others) for others in itertools.product(depths, repeat=n - 1)])
    statistics, rounding, m = RowStatistics.of(rows), Rounding(FORMATS[name], CORRECT), of_format(name)
    total_ = forward.shifted_sum(statistics, rounding)
    quotient = forward.softmax_by_division(statistics, rounding, total_)
    logarithm = forward.log_softmax_by_difference(statistics, rounding, total_)
    for row, depth in enumerate(-rows):
        t = [lifted(float(one)) for one in depth]
        error = sum_error(m, t)
        written = {
            "eS": (error, total_.error[row, 0]),
            "B1": (quotient_bound(m, t, -1), quotient.error[row, -1] / quotient.value[row, -1]),
            "B2": (log_softmax_bound(m, [error, total(powers(t)).log(), t[-1]])[1], logarithm.error[row, -1]),
        }
        for here, there in written.values():
            exact = float(here.value.mid())
            assert (
                exact * (1.0 - 1e-9)
                <= there
                <= exact * (1.0 + 1e-9) + 50.0 * n * rounding.tiny / quotient.value[row, -1]
            )


def test_the_end_of_patience_is_told() -> None:
    with pytest.raises(Undecided, match="boxes are open"):
        nowhere_negative(lambda v: (v[0] - 0.5) * (v[0] - 0.5), ((0.0, 1.0),), most=50)
