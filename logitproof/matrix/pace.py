"""Which frameworks go on where processors are few: those that have the most left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

SILENT_SECONDS = 10.0
"""A framework that has answered nothing for so long, since it compiles or hangs, holds up no other."""


class Paced(Protocol):
    """What a runner tells of itself; see `FrameworkRunner`."""

    total: int

    @property
    def seconds_left(self) -> float:
        """Seconds of processor time that its evaluators still need, as far as can be told."""

    @property
    def silent_for(self) -> float:
        """Seconds since it was heard last."""


AnyPaced = TypeVar("AnyPaced", bound=Paced)


def going_on(runners: Sequence[AnyPaced], processors: int) -> list[AnyPaced]:
    """Return the runners whose answers are taken now, of those that run; the others wait.

    Where processors are few, as many go on as there are, those with the most left to do. Else the one that takes
    longest would have no larger share of the processors than the others, and be alone in the end, on one of them. What
    each is asked, in which order, does not depend on it. One that is still to be planned always goes on.

    >>> from types import SimpleNamespace as One
    >>> short, long, longest = (One(seconds_left=left, total=1000, silent_for=0.0) for left in (3.0, 8.0, 20.0))
    >>> [one.seconds_left for one in going_on([short, longest, long], processors=2)]
    [20.0, 8.0]
    """
    heard = [one for one in runners if one.total and one.silent_for < SILENT_SECONDS]
    waiting = sorted(heard, key=lambda one: one.seconds_left, reverse=True)[processors:]
    return [one for one in runners if one not in waiting]
