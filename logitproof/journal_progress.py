"""How far a worker is, read from the journal it writes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class JournalProgress:
    """Follows a journal while it grows.

    Attributes
    ----------
    total : int
        Cases that will be judged; 0 until the journal says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_so_far = 0
        self._grew = time.monotonic()
        self._became_a_run_file = False
        self._cases: set[tuple[str, str]] = set()
        self.total = 0

    @property
    def judged(self) -> int:
        """Cases that are judged; a case may have several judgements."""
        return self.total if self._became_a_run_file else len(self._cases)

    @property
    def silent_for(self) -> float:
        """Seconds since the journal last grew."""
        return time.monotonic() - self._grew

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
            self.total = record["total"]
        else:
            self._cases.add((record["cell"], record["regime"]))
