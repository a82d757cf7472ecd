"""Where processors are few, the frameworks with the least left to do wait; two evaluators have as much to do each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING

import pytest

from logitproof.matrix.framework_runner import shares
from logitproof.matrix.pace import SILENT_SECONDS, going_on
from logitproof_adapters.catalogue import registry
from logitproof_conformance.plan.cases import plan_cases

if TYPE_CHECKING:
    from logitproof_conformance.plan.cases import Case


@dataclass
class Runner:
    """What is asked of a runner."""

    seconds_left: float
    total: int = 1000
    silent_for: float = 0.0


def test_as_many_go_on_as_there_are_processors() -> None:
    short, longest, long = Runner(5.0), Runner(20.0), Runner(8.0)
    assert going_on([short, longest, long], 2) == [longest, long]
    assert going_on([short, longest, long], 1) == [longest]
    assert going_on([short, longest, long], 3) == [short, longest, long]


def test_one_of_which_nothing_is_judged_yet_goes_on_first() -> None:
    new, long, short = Runner(inf), Runner(8.0), Runner(5.0)
    assert going_on([new, long, short], 2) == [new, long]


def test_one_that_is_still_to_be_planned_goes_on_and_holds_up_no_other() -> None:
    importing, long, short = Runner(inf, 0), Runner(8.0), Runner(5.0)
    assert going_on([importing, long, short], 1) == [importing, long]
    assert going_on([importing], 1) == [importing]


def test_one_that_is_silent_holds_up_no_other() -> None:
    silent, long, short = Runner(20.0, silent_for=SILENT_SECONDS), Runner(8.0), Runner(5.0)
    assert going_on([silent, long, short], 1) == [silent, long]


@pytest.fixture(scope="module")
def cells() -> list[list[Case]]:
    """Plan the cells of a framework that compiles, for the control as if it did."""
    adapter = registry.load("numpy")
    adapter.modes = ("eager", "compiled")
    return [list(group) for _, group in groupby(plan_cases(adapter, "quick"), key=lambda case: case.cell.id)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_cell_is_dealt_once_and_what_is_compiled_in_one_format_to_one_evaluator(
    cells: list[list[Case]], count: int
) -> None:
    dealt = shares(cells, count)
    assert len(dealt) == count
    assert sorted(cell[0].cell.id for share in dealt for cell in share) == sorted(cell[0].cell.id for cell in cells)
    groups = Counter((cell[0].cell.format, cell[0].cell.mode) for cell in cells if cell[0].cell.mode != "eager")
    assert groups
    dealt_groups = [{(cell[0].cell.format, cell[0].cell.mode) for cell in share} & groups.keys() for share in dealt]
    assert sum(map(len, dealt_groups)) == len(groups)


def test_two_evaluators_have_as_much_to_do_and_begin_with_what_they_compile(cells: list[list[Case]]) -> None:
    dealt = shares(cells, 2)
    first, second = (sum(map(len, share)) for share in dealt)
    assert abs(first - second) < 0.05 * (first + second)
    for share in dealt:
        eager = [cell[0].cell.mode == "eager" for cell in share]
        assert eager == sorted(eager)
