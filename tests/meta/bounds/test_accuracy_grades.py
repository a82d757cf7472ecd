"""The bound of accuracy grade A holds for every row of small formats, and for every number of the half formats."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof_adapters.control import answers as control
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import SHOULD, Arithmetic
from logitproof_reference.bounds.half_precision import (
    IN_A_HALF_FORMAT,
    IN_FLOAT32,
    narrow_arithmetic,
    rounded_once,
    wide_format,
)
from logitproof_reference.oracle.request import Request, checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS, Format
from meta.bounds.emulated_algorithms import ALGORITHMS, Row
from meta.bounds.emulated_arithmetic import Emulation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

Question = tuple[str, str, str]

SMALL = Format("small", precision=3, min_exponent=-3, largest=56.0)
"""Its logits are those up to 7, so that no answer leaves it."""
WIDE = Format("wide", precision=10, min_exponent=-40, largest=2.0**40)
CORRECT = Arithmetic(0.5, 0.5, flush_to_zero=False, rounded_log_sum_exp=False, base_2=False)


def numbers_of(format_: Format, largest: float = 7.0) -> F64:
    """Return every number of a small format up to `largest`."""
    step, smallest = format_.smallest_subnormal, format_.smallest_normal
    binades = [smallest * 2.0**k for k in range(int(np.log2(largest / smallest)) + 1)]
    normal = [start * (1 + j * 2.0 ** (1 - format_.precision)) for start in binades for j in range(4)]
    positive = [step * j for j in range(1, 4)] + [number for number in normal if number <= largest]
    return np.array([0.0, *positive, *(-number for number in positive)])


def rows_of(logits: F64) -> Row:
    """Return rows with labels of every class, and cotangents that the small format holds."""
    count, n = logits.shape
    turn = np.arange(count)
    shares = np.array(
        {2: [[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]], 3: [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]}[n]
    )
    return Row(
        logits,
        turn % n,
        shares[turn % 3],
        np.array([1.0, -0.75, 2.5])[turn % 3],
        np.array([[1.0, -0.5, 1.25], [-2.0, 0.75, 1.0], [0.5, 0.5, 0.5]])[turn % 3, :n],
    )


@pytest.fixture(scope="module")
def every_row() -> list[Row]:
    every = numbers_of(SMALL)
    pairs = np.array(list(product(every, every)))
    triples = np.array(list(product(every[::2], every[::3], every[::2])))
    return [rows_of(pairs), rows_of(triples)]


def request_of(question: Question, row: Row) -> Request:
    op, labels, quantity = question
    given: dict[str, Any] = {}
    if labels != "none":
        given["labels"] = row.indices if labels == "indices" else row.distributions
    if quantity != "value":
        given["cotangent"] = row.class_cotangents if op in {"softmax", "log_softmax"} else row.row_cotangents
    return checked_request(op, quantity, row.logits, **given)


def largest_ratio(question: Question, row: Row, observed: F64) -> float:
    """Return the largest error / bound of grade A, as the small format has it of the wide one."""
    request = request_of(question, row)
    exact = ExactRows(row.logits).answer(request)
    allowed = rounded_once(exact.value, bound(request, WIDE, CORRECT), SMALL)
    return float((exact.distance(observed) / allowed).max())


QUESTIONS = [pytest.param(question, id="-".join(question)) for question in ALGORITHMS]


@pytest.mark.parametrize("question", QUESTIONS)
def test_code_in_a_wide_format_rounded_once_is_grade_a_on_every_row_of_a_small_one(
    question: Question, every_row: list[Row]
) -> None:
    wide, small = Emulation(WIDE), Emulation(SMALL)
    ratios = {
        (name, row.logits.shape): largest_ratio(question, row, small.fl(evaluate(wide, row)))
        for name, evaluate in ALGORITHMS[question].items()
        for row in every_row
    }
    assert {case: ratio for case, ratio in ratios.items() if not ratio <= 1.0} == {}
    assert max(ratios.values()) > 0.9


@pytest.mark.parametrize("question", QUESTIONS)
def test_code_whose_steps_are_rounded_to_the_small_format_is_not_grade_a(
    question: Question, every_row: list[Row]
) -> None:
    name, evaluate = next(iter(ALGORITHMS[question].items()))
    assert largest_ratio(question, every_row[1], evaluate(Emulation(SMALL), every_row[1])) > 1.5, name


def test_a_result_cut_instead_of_rounded_is_not_grade_a(every_row: list[Row]) -> None:
    question = ("softmax", "none", "value")
    exact = ExactRows(every_row[0].logits).answer(request_of(question, every_row[0])).value
    spacing = np.maximum(2.0 ** (np.floor(np.log2(exact)) - 2), SMALL.smallest_subnormal)
    assert largest_ratio(question, every_row[0], np.floor(exact / spacing) * spacing) > 1.5


def pairs_of(format_: Format) -> NDArray[Any]:
    """Return the rows (0, x) for every finite x of a half format."""
    bits = np.arange(2**16, dtype=np.uint16).view(format_.dtype)
    with np.errstate(invalid="ignore"):
        x = bits[np.isfinite(bits.astype(np.float64))]
    return np.stack([np.zeros_like(x), x], axis=1)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("op", "quantity", "labels"),
    [
        ("softmax", "value", ""),
        ("log_softmax", "value", ""),
        ("log_sum_exp", "value", ""),
        ("softmax_cross_entropy", "value", "indices"),
        ("softmax_cross_entropy", "grad_logits", "indices"),
    ],
)
def test_the_control_is_grade_a_at_every_number_of_the_half_formats(
    op: str, quantity: str, labels: str, name: str
) -> None:
    format_ = FORMATS[name]
    logits = pairs_of(format_)
    given: dict[str, Any] = {"labels": np.arange(len(logits)) % 2} if labels else {}
    if quantity != "value":
        given["cotangent"] = np.resize([1.0, -0.625, 3.5], len(logits)).astype(format_.dtype)
    request = checked_request(op, quantity, logits, **given)
    exact = ExactRows(logits).answer(request)
    allowed = rounded_once(exact.value, bound(request, wide_format(format_), IN_FLOAT32), format_)
    observed = control.answer(op, quantity, logits, axis=1, **given).astype(np.float64)
    counts = np.isfinite(exact.value) & np.isfinite(observed)
    assert counts.mean() > 0.99
    ratio = exact.distance(observed)[counts] / allowed[counts]
    assert 0.9 < ratio.max() <= 1.0


def test_rounding_once_costs_half_a_spacing_down_to_the_smallest_number() -> None:
    tiny = FORMATS["float16"].smallest_subnormal
    assert rounded_once(np.array([1.0, 0.0]), np.zeros(2), FORMATS["float16"]) == pytest.approx([2.0**-11, tiny / 2])


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_wider_formats_have_the_bound_of_a_good_implementation(name: str) -> None:
    assert narrow_arithmetic(FORMATS[name]) == SHOULD
    assert wide_format(FORMATS[name]) == FORMATS[name]


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_exp_of_float32_rounded_to_a_half_format_is_within_its_ulps(name: str) -> None:
    granted = IN_A_HALF_FORMAT.exp_ulps
    # Four ulps of float32 in ulps of the half format.
    assert 0.5 + 4.0 * 2.0 ** (FORMATS[name].precision - 24) <= granted
    assert replace(IN_A_HALF_FORMAT, exp_ulps=4.0, log_ulps=4.0) == SHOULD
