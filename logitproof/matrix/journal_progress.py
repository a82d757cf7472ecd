"""How far a worker is, read from the journal it writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from logitproof_reports.runs.journal import ENDS, STARTS

if TYPE_CHECKING:
    from pathlib import Path

    Phase = Literal["importing", "judging", "ending"]


class JournalProgress:
    """Follows the journal of one process while it grows; what earlier processes left in it is read first.

    Attributes
    ----------
    total : int
        Cases that will be judged; 0 until the journal says so.
    current : dict or None
        The words of the case that runs; None before the first of this process and after its last.
    began : int
        How many cases have begun, those of earlier processes included.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_so_far = 0
        self._became_a_run_file = False
        self._header: dict[str, Any] = {}
        self.total = 0
        self.current: dict[str, str] | None = None
        self.began = 0
        self.read()
        self.current = None
        self._began_before = self.began

    @property
    def judged(self) -> int:
        """Cases that are judged; one that runs is not."""
        return self.total if self._became_a_run_file else self.began - (self.current is not None)

    @property
    def phase(self) -> Phase:
        """What the process is at: it imports the framework and plans, judges a case, or has judged its last."""
        if self.current is not None:
            return "judging"
        return "ending" if self._became_a_run_file or self.began > self._began_before else "importing"

    @property
    def environment(self) -> dict[str, Any]:
        """The environment that the journal records, empty until it does."""
        return dict(self._header.get("environment", {}))

    def read(self) -> bool:
        """Take in what the journal gained, if anything; a line still being written waits for the next call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_so_far)
                *lines, torn = file.read().split(b"\n")
                self._read_so_far = file.tell() - len(torn)
        except FileNotFoundError:
            vanished = self._read_so_far > 0 and not self._became_a_run_file
            if vanished:
                self._became_a_run_file, self.current = True, None
            return vanished
        for line in lines:
            self._take(line)
        return bool(lines)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            return  # whoever reads the whole journal at the end says that it is damaged
        if "total" in record:
            self._header, self.total = record, record["total"]
        elif STARTS in record:
            self.current = record[STARTS]
            self.began += 1
        elif ENDS in record:
            self.current = None
