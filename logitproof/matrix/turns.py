"""Cells judged in turns: while one waits for the framework's answer, the next is prepared and its request sent.

A turn ends where a request is waited for, and nowhere else. Which cell goes on next follows from the order of the
requests alone, never from who is faster: what the framework is asked, in which order, is the same in every run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from logitproof_adapters.targets.link import Ticket

    Job = Callable[[], None]


class Turns:
    """Jobs that wait for tickets, some of them at a time.

    Parameters
    ----------
    width : int
        How many jobs may be under way.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._jobs: Iterator[Job] = iter(())
        self._under_way: set[greenlet] = set()
        self._waiting: defaultdict[Ticket, list[greenlet]] = defaultdict(list)

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._under_way)

    def begin(self, job: Job) -> None:
        """Begin a job."""
        self._run(greenlet(job))

    def then(self, jobs: Iterable[Job]) -> None:
        """Take on the jobs that begin as others wait or end."""
        self._jobs = iter(jobs)

    def wait(self, ticket: Ticket) -> None:
        """Let others go on until a ticket is settled; what a job calls."""
        if not ticket.done:
            current = getcurrent()
            self._waiting[ticket].append(current)
            assert current.parent is not None  # only a job waits, and each was begun by somebody
            current.parent.switch()

    def settle(self, tickets: Iterable[Ticket]) -> None:
        """Let the jobs that waited for these tickets go on, and new ones begin; raises what a job raises."""
        for ticket in tickets:
            for job in self._waiting.pop(ticket, ()):
                job.parent = getcurrent()
                self._run(job)
            self.fill()

    def fill(self) -> None:
        """Begin new jobs while there is room."""
        while len(self._under_way) < self._width:
            job = next(self._jobs, None)
            if job is None:
                return
            self._run(greenlet(job))

    def _run(self, job: greenlet) -> None:
        self._under_way.add(job)
        try:
            job.switch()
        finally:
            if job.dead:
                self._under_way.discard(job)
