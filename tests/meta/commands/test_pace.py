"""Where there are more frameworks than processors those ahead of the others wait."""

from __future__ import annotations

from dataclasses import dataclass

from logitproof.matrix.pace import SILENT_SECONDS, going_on


@dataclass
class Runner:
    """What is asked of a runner."""

    judged: int
    total: int = 100
    silent_for: float = 0.0


def test_those_furthest_from_their_end_go_on() -> None:
    ahead, behind, between = Runner(50), Runner(20), Runner(300, 1000)
    assert going_on([ahead, behind, between], 1) == [behind]
    assert going_on([ahead, behind, between], 2) == [behind, between]


def test_all_go_on_where_there_is_a_processor_for_each() -> None:
    runners = [Runner(50), Runner(20)]
    assert sorted(going_on(runners, 2), key=runners.index) == runners


def test_one_that_is_still_to_be_planned_goes_on_and_holds_up_no_other() -> None:
    importing, behind, ahead = Runner(0, 0), Runner(20), Runner(50)
    assert going_on([importing, behind, ahead], 1) == [importing, behind]


def test_one_that_is_silent_holds_up_no_other() -> None:
    silent, behind, ahead = Runner(1, silent_for=SILENT_SECONDS), Runner(20), Runner(50)
    assert going_on([silent, behind, ahead], 1) == [silent, behind]
