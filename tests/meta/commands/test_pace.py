"""Where processors are few, the frameworks with the least left to do wait."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from logitproof.matrix.pace import SILENT_SECONDS, going_on


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
