"""Which frameworks go on where processors are few: those furthest from their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

AHEAD = 0.01
"""By how much more of its cases a framework may have been judged than the last: cells are of unequal size."""

SILENT_SECONDS = 10.0
"""A framework that has answered nothing for so long, since it compiles or hangs, holds up no other."""


class Paced(Protocol):
    """What a runner tells of itself; see `FrameworkRunner`."""

    judged: int
    total: int

    @property
    def silent_for(self) -> float:
        """Seconds since it was heard last."""


AnyPaced = TypeVar("AnyPaced", bound=Paced)


def going_on(runners: Sequence[AnyPaced], processors: int) -> list[AnyPaced]:
    """Return the runners whose answers are taken now, of those that run; the others wait.

    Without a processor for each of them and for the judge, all go on at the pace of the one that takes longest. Else
    it would have no larger share of the processors than the others, and be alone in the end, on one of them. What each
    is asked, in which order, does not depend on it. One that is still to be planned always goes on.

    >>> from types import SimpleNamespace as One
    >>> slow, even, ahead = (One(judged=judged, total=1000, silent_for=0.0) for judged in (200, 209, 211))
    >>> [one.judged for one in going_on([ahead, even, slow], processors=2)]
    [209, 200]
    """
    heard = [one for one in runners if one.total and one.silent_for < SILENT_SECONDS]
    if processors > len(runners) or not heard:
        return list(runners)
    furthest = min(map(_share, heard)) + AHEAD
    return [one for one in runners if not one.total or _share(one) <= furthest]


def _share(runner: Paced) -> float:
    return runner.judged / runner.total
