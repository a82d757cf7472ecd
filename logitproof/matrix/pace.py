"""Which frameworks go on where there are more of them than processors: those furthest from their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    As many go on as there are processors, and those of which the smallest share is judged. Otherwise one that takes
    longer than the others gets no larger share of the processors than they, and is alone in the end, on one of them.
    What each is asked, in which order, does not depend on it. One that is still to be planned always goes on.

    >>> from types import SimpleNamespace as One
    >>> a, b, c = (One(judged=judged, total=100, silent_for=0.0) for judged in (50, 20, 30))
    >>> [one.judged for one in going_on([a, b, c], processors=2)]
    [20, 30]
    """
    planned = sorted((one for one in runners if one.total), key=_share)
    going = [one for one in runners if not one.total]
    heard = 0
    for one in planned:
        if heard == processors:
            break
        going.append(one)
        heard += one.silent_for < SILENT_SECONDS
    return going


def _share(runner: Paced) -> float:
    return runner.judged / runner.total
