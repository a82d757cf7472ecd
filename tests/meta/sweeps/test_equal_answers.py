"""Rows that decide others: what is found is what comparing every row finds, and a fault in any of them is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from logitproof.sweeps import certifier as certifiers
from logitproof.sweeps import equal_answers
from logitproof.sweeps.certifier import Certifier
from logitproof.sweeps.functions import Function, chosen
from logitproof.sweeps.monotonic_ranges import block_of
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_adapters.sources.two_logits import inputs_of
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTROL = NumpyAdapter()
COUNT = 1 << 14
FLOAT32 = list(chosen((), (), (), ()))
HALVES = [*chosen((), (), ("bfloat16",), ()), *chosen(("log_softmax", "log_sum_exp"), (), ("float16",), ())]
STARTS = {
    "float32": (0x2000_0000, 0x3C00_0000, 0x4180_0000, 0x42AE_0000, 0x5000_0000, 0xA000_0000, 0xC190_0000, 0xD000_0000),
    "float16": (0x3C00_2000, 0x4900_C600),
    "bfloat16": (0x3F80_2000, 0x4290_C100),
}
"""Differences whose answers stay the same for long, for short, and change with every row."""


def answer_of(function: Function, start: int, count: int = COUNT) -> NDArray[Any]:
    cell = function.cell("numpy")
    with np.errstate(all="ignore"):
        return CONTROL.evaluate(cell, inputs_of(cell, start, count))


def certified(function: Function, start: int, answer: NDArray[Any]) -> Certifier:
    found = Certifier(function, MUST)
    found.take(start, answer)
    found.finish()
    return found


def by_every_row(function: Function, start: int, answer: NDArray[Any], monkeypatch: pytest.MonkeyPatch) -> Certifier:
    with monkeypatch.context() as patched:
        patched.setattr(certifiers, "deciding", lambda *_: None)
        return certified(function, start, answer)


def same(first: Certifier, second: Certifier) -> bool:
    """Return whether two found the same numbers: counts and bins all alike, the largest ones to eight digits."""
    counts = [{**vars(one.tally), "bins": one.tally.bins.tolist()} for one in (first, second)]
    largest = [
        (one.worst_ulps.measure, one.worst_slack.measure, one.slack_at_most, one.worst_ulps.observed)
        for one in (first, second)
    ]
    # Of rows that are equally bad but for the last digits another one may be first: exact numbers are within 2**-50.
    return counts[0] == counts[1] and bool(np.allclose(*largest, rtol=2.0**-27, atol=0.0, equal_nan=True))


def starts_of(function: Function) -> list[int]:
    return [start for start in STARTS[function.format] if start < function.size] or [0x3000]


@pytest.mark.parametrize("function", [*FLOAT32, *HALVES], ids=lambda function: function.id)
def test_the_chosen_rows_tell_what_all_rows_tell(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    for start in starts_of(function):
        answer = answer_of(function, start)
        assert same(certified(function, start, answer), by_every_row(function, start, answer, monkeypatch)), hex(start)


@pytest.mark.parametrize("function", FLOAT32, ids=lambda function: function.id)
def test_a_run_of_equal_wrong_answers_is_counted_row_by_row(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in starts_of(function):
        answer = answer_of(function, start)
        for wrong in (0.75, np.nan, -0.0, np.inf):
            changed = answer.copy()
            changed.reshape(len(answer), -1)[1000:5000, 0] = wrong
            found = certified(function, start, changed)
            expected = by_every_row(function, start, changed, monkeypatch)
            assert same(found, expected), (hex(start), wrong)
            assert found.tally.first_broken == expected.tally.first_broken


@pytest.mark.parametrize("start", STARTS["float32"])
def test_few_rows_are_compared_where_answers_stay_the_same(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    function = Function("softmax", "none", "value", "float32")
    counted: list[int] = []
    numbers = Certifier._numbers

    def count(self: Certifier, rows: NDArray[np.int64], *rest: Any) -> None:
        counted.append(len(rows))
        numbers(self, rows, *rest)

    monkeypatch.setattr(Certifier, "_numbers", count)
    certified(function, start, answer_of(function, start))
    is_constant = (
        abs(float(np.array(start, np.uint32).view(np.float32))) < 2.0**-40 or start & 0x7FFF_FFFF > 0x4400_0000
    )
    assert (sum(counted) <= 2 * (COUNT // equal_answers.STRIDE + 2)) == is_constant


@pytest.mark.parametrize("seed", range(8))
def test_one_fault_among_all_inputs_is_found_wherever_it_lies(seed: int) -> None:
    """Any row of the 2**32, any number of it, by one unit in the last place or more: the record tells of it."""
    rng = np.random.default_rng(seed)
    function = FLOAT32[seed % len(FLOAT32)]
    size = block_of(function)
    row = int(rng.integers(0, 1 << 32))
    while row & 0x7FFF_FFFF >= 0x7F80_0000:
        row = int(rng.integers(0, 1 << 32))
    start = row // size * size
    answer = answer_of(function, start, size)
    before = certified(function, start, answer)
    element = int(rng.integers(0, len(function.elements)))
    number = answer.reshape(size, -1)[row - start, element]
    changes = (number * np.float32(1.0 + 2.0**-14) + np.float32(2.0**-100), np.float32(0.9), np.float32(np.nan))
    for changed in changes:
        answer.reshape(size, -1)[row - start, element] = changed
        after = certified(function, start, answer)
        assert not np.array_equal(after.tally.bins, before.tally.bins)
        if not abs(float(changed) - float(number)) <= 2.0**-3:
            assert (after.tally.broken, after.tally.first_broken) == (before.tally.broken + 1, row)


def test_a_unit_may_begin_and_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    function = Function("log_softmax", "none", "value", "float32")
    start = 0x3400_0000 - 77
    answer = answer_of(function, start, 1000)
    for first, end in ((0, 1), (0, 2), (76, 79), (3, 999)):
        part = answer[first:end]
        found = certified(function, start + first, part)
        assert same(found, by_every_row(function, start + first, part, monkeypatch))
        assert found.tally.numbers == 2 * (end - first)


def test_bits_decide_whether_answers_are_equal() -> None:
    """Zeros of both signs are equal numbers; NaN is not equal to itself, yet a run of it is one."""
    observed = np.zeros(256, FORMATS["float32"].dtype)
    observed[100:] = np.nan
    assert np.flatnonzero(equal_answers._at_changes(observed)).tolist() == [0, 64, 99, 100, 128, 192, 255]
