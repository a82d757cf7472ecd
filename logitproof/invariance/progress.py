"""Progress of an invariance test: a line on stderr after each axis, with its verdict and the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from logitproof.invariance.axes import quickest_first
from logitproof.matrix.progress import duration
from logitproof.output import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from logitproof.invariance.axes import Axis


class Progress:
    """Prints how far an invariance test is.

    Parameters
    ----------
    axes : sequence of Axis
        Those that are tested; how much of the time each takes is estimated by its share.
    clock : callable
        Returns seconds.
    """

    def __init__(self, axes: Sequence[Axis], clock: Callable[[], float] = time.monotonic) -> None:
        self.axes, self.clock, self.done = quickest_first(axes), clock, 0
        self.begun = clock()

    def begin(self) -> None:
        """Note that the batch itself is evaluated."""
        took = self.clock() - self.begun
        echo(f"the batch itself: evaluated in {took:.0f} s; now along {len(self.axes)} axes", err=True)
        self.begun = self.clock()

    def after(self, axis: str, verdict: str) -> None:
        """Print what an axis gave, and about how long the others will take."""
        self.done += 1
        elapsed = self.clock() - self.begun
        shares = [axis.share for axis in self.axes]
        left = elapsed * sum(shares[self.done :]) / sum(shares[: self.done])
        rest = f", about {duration(left)} left" if self.done < len(self.axes) else f", {duration(elapsed)} in all"
        echo(f"{axis}: {verdict}; {self.done} of {len(self.axes)} axes{rest}", err=True)
