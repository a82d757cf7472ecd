"""One framework in a process of its own: started, watched and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from logitproof.journal_progress import JournalProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Worker:
    """A pytest process that judges one framework and records into a part file.

    Parameters
    ----------
    framework : str
        Name or ``module:Class`` of its adapter.
    profile : str
        ``quick`` or ``full``.
    folder : Path
        Where part file, journal and log go; must exist.
    pytest_args : sequence of str
        Handed to pytest as they are.
    """

    def __init__(self, framework: str, profile: str, folder: Path, pytest_args: Sequence[str] = ()) -> None:
        stem = re.sub(r"\W+", "_", framework)
        self.framework = framework
        self.profile = profile
        self.part = folder / f"{stem}.parquet"
        self.log = folder / f"{stem}.log"
        self.progress = JournalProgress(folder / f"{stem}.parquet.journal")
        self.killed_because = ""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and package
                self._command(folder, pytest_args),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches it through `interrupt` alone, and `kill` reaches its children.
                start_new_session=True,
            )

    def _command(self, folder: Path, pytest_args: Sequence[str]) -> list[str]:
        # -c: the pytest settings of the folder we happen to be started in are not meant for this suite.
        isolated = ["-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider", "-q", "--tb=no"]
        asked = ["--framework", self.framework, "--profile", self.profile, "--record", str(self.part)]
        suite = ["--pyargs", "logitproof_conformance", "-p", "logitproof_conformance.plugin"]
        return [sys.executable, "-m", "pytest", *suite, *isolated, *asked, *pytest_args]

    @property
    def status(self) -> int | None:
        """Exit status of the process, negative where a signal ended it; None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self.status is None

    def interrupt(self) -> None:
        """Ask the process to finish early, as Ctrl-C would."""
        self._signal(signal.SIGINT)

    def wait(self, seconds: float) -> None:
        """Wait for the end of the process, at most so long."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def kill(self, because: str = "") -> None:
        """End the process and everything it started; the reason stands in its outcome."""
        if self.running:
            self.killed_because = because
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            os.killpg(self._process.pid, number)
