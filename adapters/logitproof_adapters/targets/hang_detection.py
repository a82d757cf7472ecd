"""How long a process has been silent, and whether it works, waits for a processor, or hangs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

IDLE_SHARE = 0.05
"""A process that used, or waited for, a processor for less than this share of the time waits for something else."""

FIRST_LOOK_SECONDS = 1.0
"""Shortest silence before the first check: each check reads a file of every process of the machine."""

LOOKS_AT_WAITING = 20
"""Number of checks within the limit of how long the session's processes have waited for a processor."""

_SESSION, _TIMES = 3, slice(11, 15)
"""Fields of /proc/PID/stat behind the name of the command: its session; its times, and those of its ended children."""

_WAITED = 1
"""The field of /proc/PID/task/TID/schedstat with the nanoseconds that it was ready and did not run."""


class Silence:
    """The time since a worker last showed progress; a machine that is busy with other things does not count against it.

    Parameters
    ----------
    session : int
        The worker and all that it started are the processes of this session.
    """

    def __init__(self, session: int) -> None:
        self._session = session
        self.end()

    def end(self) -> None:
        """Begin anew: there was progress."""
        self._since = time.monotonic()
        self._used_before: float | None = None
        self._looked_last = 0.0, 0.0
        self._waited = self._waiting = self._waiting_seen = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return time.monotonic() - self._since

    def exceeds(self, limit: float) -> bool:
        """Return whether the worker has hung for `limit` seconds; to be called again and again while it is silent.

        It is looked at once every `limit` seconds, so that what it did before counts for no longer than that; how long
        its processes waited for a processor more often, for those that end are gone.
        """
        seconds, (looked, used_then) = self.seconds, self._looked_last
        first = self._used_before is None
        if first and seconds < min(FIRST_LOOK_SECONDS, limit / LOOKS_AT_WAITING):
            return False
        if first or seconds - self._waiting_seen >= limit / LOOKS_AT_WAITING:
            self._add_waiting(seconds, first=first)
        if self._used_before is not None and seconds - looked <= limit:
            return False
        used = cpu_seconds(self._session)
        if self._used_before is None:
            self._used_before, self._looked_last = used, (seconds, used or 0.0)
            return used is None and seconds > limit
        if used is None:
            return hangs(seconds, None, limit)
        self._looked_last, waited = (seconds, used), self._waited
        self._waited = 0.0
        return used - self._used_before >= limit or hangs(seconds - looked, used - used_then, limit, waited)

    def _add_waiting(self, seconds: float, *, first: bool) -> None:
        """Add what the session waited since it was looked at last: a compiler that ends takes its waiting with it."""
        waiting = waiting_seconds(self._session)
        if not first:
            self._waited += max(0.0, waiting - self._waiting)
        self._waiting, self._waiting_seen = waiting, seconds


def hangs(seconds: float, used: float | None, limit: float, waited: float = 0.0) -> bool:
    """Return whether a process hangs that was silent for `seconds`, in which it `used` and `waited` for a processor.

    One that runs in circles uses all that it gets, and one that waits for what never comes uses nothing. In between is
    one that has to share its processor, or gets none at all: it has as long as it takes to use `limit` seconds. Where
    the system does not say what was used, the clock alone decides.

    >>> hangs(301.0, 0.2, limit=300.0), hangs(301.0, 300.5, limit=300.0), hangs(301.0, 100.0, limit=300.0)
    (True, True, False)
    >>> hangs(301.0, 0.2, limit=300.0, waited=299.0)
    False
    """
    return seconds > limit and (used is None or used >= limit or used + waited < IDLE_SHARE * seconds)


def cpu_seconds(session: int) -> float | None:
    """Return the CPU time of all processes of a session; None where the system has no /proc."""
    found = [sum(map(int, fields[_TIMES])) for _, fields in _processes_of(session)]
    return sum(found) / os.sysconf("SC_CLK_TCK") if found else None


def waiting_seconds(session: int) -> float:
    """Return how long the threads of a session were ready and had no processor; 0 where the system does not say."""
    tasks = (task for process, _ in _processes_of(session) for task in process.glob("task/*/schedstat"))
    return sum(float(fields[_WAITED]) for task in tasks if len(fields := _words_of(task)) > _WAITED) / 1e9


def _processes_of(session: int) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder and the fields of /proc/PID/stat, from the third on, of each process of a session."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = _words_of(status, behind=")")
        if fields and int(fields[_SESSION]) == session:
            yield status.parent, fields


def _words_of(path: Path, behind: str = "\n\n") -> list[str]:
    """Return the words of a file of /proc, behind the last of a mark; none where the process ended just now."""
    try:
        return path.read_text("ascii", "replace").rpartition(behind)[2].split()
    except OSError:
        return []
