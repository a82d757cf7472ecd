"""One framework in a process of its own: started, watched and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from logitproof.matrix.journal_progress import JournalProgress
from logitproof.matrix.silence import Silence
from logitproof_reports.runs.journal import is_begun, resume_point
from logitproof_reports.runs.run_file import journal_of
from logitproof_reports.runs.schema import RunFileError

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
    resume : bool
        Whether to go on with what an earlier process left in the folder.
    """

    def __init__(
        self, framework: str, profile: str, folder: Path, pytest_args: Sequence[str] = (), *, resume: bool = False
    ) -> None:
        stem = re.sub(r"\W+", "_", framework)
        self.framework = framework
        self.profile = profile
        self.part = folder / f"{stem}.parquet"
        self.log = folder / f"{stem}.log"
        self.journal = journal_of(self.part)
        self.progress = JournalProgress(self.journal)
        self.killed_because = ""
        self.restarts = 0
        self._folder = folder
        self._pytest_args = pytest_args
        self._process: subprocess.Popen[bytes] | None = None
        self._held: int | None = None
        self._silence: Silence | None = None
        if not (resume and self.has_part):
            self._start(resume=resume)

    @property
    def has_part(self) -> bool:
        """Whether the part file is there whole: the process came to its end."""
        return self.part.exists() and not self.journal.exists()

    def restart(self) -> None:
        """Start the process again, to go on where the one before came to its end."""
        self.restarts += 1
        self.killed_because = ""
        self._start(resume=True)

    def look(self) -> None:
        """Take in what the process has recorded."""
        if self.progress.read() and self._silence:
            self._silence.end()

    def hangs(self, limit: float) -> bool:
        """Tell whether the process has shown no progress for so many seconds, though the machine let it run."""
        return self.running and self._silence is not None and self._silence.exceeds(limit)

    @property
    def importing_for(self) -> float:
        """Seconds since the process was started, until its first case begins; 0 then, and where it has ended."""
        importing = self.running and self.progress.phase == "importing"
        return self._silence.seconds if importing and self._silence else 0.0

    def _start(self, *, resume: bool) -> None:
        if resume and is_begun(self.journal):
            with suppress(RunFileError):  # the process will refuse it too, and its log say why
                resume_point(self.journal)
        self.progress = JournalProgress(self.journal)
        self._let_go()
        there, self._held = os.pipe()
        with self.log.open("ab" if resume else "wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and package
                [*self._command(resume=resume), "--ends-with", str(there)],
                pass_fds=[there],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches it through `interrupt` alone, and `kill` reaches its children.
                start_new_session=True,
            )
        self._silence = Silence(self._process.pid)
        os.close(there)

    def _let_go(self) -> None:
        """Close our end of the pipe with which the process ends, as the system does where we are killed."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _command(self, *, resume: bool) -> list[str]:
        # -c: the pytest settings of the folder we happen to be started in are not meant for this suite.
        isolated = ["-c", os.devnull, "--rootdir", str(self._folder), "-p", "no:cacheprovider", "-q", "--tb=no"]
        asked = ["--framework", self.framework, "--profile", self.profile, "--record", str(self.part)]
        suite = ["--pyargs", "logitproof_conformance", "-p", "logitproof_conformance.plugin"]
        going_on = ["--take-up"] if resume else []
        return [sys.executable, "-m", "pytest", *suite, *isolated, *asked, *going_on, *self._pytest_args]

    @property
    def status(self) -> int | None:
        """Exit status of the process, negative where a signal ended it; None while it runs, 0 where none is needed."""
        return self._process.poll() if self._process else 0

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
            if self._process:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def kill(self, because: str = "") -> None:
        """End the process and everything it started; the reason stands in its outcome."""
        if self._process and self.running:
            self.killed_because = because
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._let_go()

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self.running:
            os.killpg(self._process.pid, number)
