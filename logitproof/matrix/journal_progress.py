"""How far a worker is, read from the journal it writes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from logitproof_reports.runs.journal import STARTS

if TYPE_CHECKING:
    from pathlib import Path


class JournalProgress:
    """Follows a journal while it grows.

    Attributes
    ----------
    total : int
        Cases that will be judged; 0 until the journal says so.
    current : dict or None
        The words of the case that began last; None before the first.
    began : int
        How many cases have begun.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_so_far = 0
        self._grew = time.monotonic()
        self._became_a_run_file = False
        self._header: dict[str, Any] = {}
        self.total = 0
        self.current: dict[str, str] | None = None
        self.began = 0

    @property
    def judged(self) -> int:
        """Cases that are judged; the last that began is not."""
        return self.total if self._became_a_run_file else max(self.began - 1, 0)

    @property
    def silent_for(self) -> float:
        """Seconds since the journal last grew."""
        return time.monotonic() - self._grew

    @property
    def environment(self) -> dict[str, Any]:
        """The environment that the journal records, empty until it does."""
        return dict(self._header.get("environment", {}))

    def read(self) -> None:
        """Take in what the journal gained; a line still being written waits for the next call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_so_far)
                *lines, torn = file.read().split(b"\n")
                self._read_so_far = file.tell() - len(torn)
        except FileNotFoundError:
            self._became_a_run_file = self._read_so_far > 0
            return
        for line in lines:
            self._take(json.loads(line))
            self._grew = time.monotonic()

    def _take(self, record: dict[str, Any]) -> None:
        if "total" in record:
            self._header, self.total = record, record["total"]
        elif STARTS in record:
            self.current = record[STARTS]
            self.began += 1
