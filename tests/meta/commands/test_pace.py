"""Where processors are few, the frameworks that are ahead of the others wait."""

from __future__ import annotations

from dataclasses import dataclass

from logitproof.matrix.pace import SILENT_SECONDS, going_on


@dataclass
class Runner:
    """What is asked of a runner."""

    judged: int
    total: int = 1000
    silent_for: float = 0.0


def test_those_ahead_of_the_last_wait() -> None:
    ahead, last, level = Runner(500), Runner(200), Runner(41, 200)
    assert going_on([ahead, last, level], 2) == [last, level]


def test_none_waits_where_there_is_a_processor_for_each_and_for_the_judge() -> None:
    runners = [Runner(500), Runner(200)]
    assert going_on(runners, 3) == runners
    assert going_on(runners, 2) == runners[1:]


def test_one_that_is_still_to_be_planned_goes_on_and_holds_up_no_other() -> None:
    importing, last, ahead = Runner(0, 0), Runner(200), Runner(500)
    assert going_on([importing, last, ahead], 1) == [importing, last]
    assert going_on([importing], 1) == [importing]


def test_one_that_is_silent_holds_up_no_other() -> None:
    silent, last, ahead = Runner(1, silent_for=SILENT_SECONDS), Runner(200), Runner(500)
    assert going_on([silent, last, ahead], 1) == [silent, last]
