"""How long a process has shown nothing, and whether it works, waits for a processor, or hangs."""

from __future__ import annotations

import os
import time
from pathlib import Path

IDLE_SHARE = 0.05
"""A process that had less than this share of one processor waits for something else: also beside many others, one that
can run gets more."""

_SESSION, _TIMES = 3, slice(11, 15)
"""Fields of /proc/PID/stat behind the name of the command: its session; its times, and those of its ended children."""


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

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return time.monotonic() - self._since

    def exceeds(self, limit: float) -> bool:
        """Tell whether the worker has hung for `limit` seconds; to be called again and again while it is silent."""
        if self._used_before is None:
            self._used_before = cpu_seconds(self._session)
        seconds = self.seconds
        if seconds <= limit:
            return False
        used = cpu_seconds(self._session)
        return hangs(seconds, None if used is None or self._used_before is None else used - self._used_before, limit)


def hangs(seconds: float, used: float | None, limit: float) -> bool:
    """Tell whether a process that was silent for `seconds`, in which it `used` seconds of a processor, hangs.

    One that runs in circles uses all that it gets, and one that waits for what never comes uses nothing. In between is
    one that has to share its processor: it gets as long as it takes to use `limit` seconds. Where the system does not
    say what was used, the clock alone decides.

    >>> hangs(301.0, 0.2, limit=300.0), hangs(301.0, 300.5, limit=300.0), hangs(301.0, 100.0, limit=300.0)
    (True, True, False)
    """
    return seconds > limit and (used is None or used >= limit or used < IDLE_SHARE * seconds)


def cpu_seconds(session: int) -> float | None:
    """Return the processor time of all processes of a session; None where the system has no /proc."""
    ticks, found = 0, False
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:  # it ended just now
            continue
        if int(fields[_SESSION]) == session:
            ticks, found = ticks + sum(map(int, fields[_TIMES])), True
    return ticks / os.sysconf("SC_CLK_TCK") if found else None
