"""The process in a target and the pipe to it: requests, answers, deadlines, and how it came to its end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from logitproof_adapters.evaluator.frames import LENGTH, FrameError, decoded, encoded, length_of
from logitproof_adapters.targets.target import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from logitproof_adapters.targets.target import Target

PROGRAM = "0#'\nimport io;exec(io.open(0,\"rb\",0,closefd=False).readline())\n#'"
"""What follows ``-c``: it runs the first line that comes. The quotes are part of comments where the program arrives as
it is; where a remote shell reads the command (ssh), they keep it from the shell, which takes them away."""

OLDEST_PYTHON = (3, 8)
PATIENCE_SECONDS = 300.0
START_SECONDS = 300.0
"""How long an interpreter may take to start, and a framework to be imported; under an emulator that is minutes."""

GRACE_SECONDS = 5.0
"""How much longer than a call may take the judge waits: the evaluator first prints where it hangs, and ends."""

TICK_SECONDS = 0.5
CHUNK = 1 << 20
KEPT = 1 << 16
"""How much of what a process writes to stderr is kept: the last words."""

TELLING = re.compile(r"\berror\b|Error:|^Fatal|^Segmentation", flags=re.IGNORECASE)
"""What the line of a log that explains an end looks like."""


class TargetDied(RuntimeError):  # noqa: N818 - what is recorded of a call that ended the process begins with this word
    """The evaluator came to its end, or was ended, in the middle of a call."""


def telling_line(text: str, width: int = 300) -> str:
    """Return the line of a log that says most about how a process ended, at most `width` characters."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"^E\s+", "", line.strip()) for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if TELLING.search(line)]
    return (telling or lines or ["none"])[-1][:width]


def how_it_ended(status: int) -> str:
    """Say how a process ended.

    >>> how_it_ended(-11)
    'ended by SIGSEGV'
    >>> how_it_ended(3)
    'ended with status 3'
    """
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


class Link:
    """One evaluator, from its start to its end.

    Parameters
    ----------
    target : Target
        Where it runs.
    sources : mapping
        What travels; see `sent_sources.sources_for`.

    Raises
    ------
    TargetError
        The command starts no interpreter that can be used.
    """

    def __init__(self, target: Target, sources: Mapping[str, Any]) -> None:
        self.target = target
        self._number = 0
        self._ended = False
        self._received = bytearray()
        self._stderr = bytearray()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's command
                [*target.command, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=target.environment,
                start_new_session=True,  # Ctrl-C is for the judge; and what the framework started ends with it
            )
        except OSError as error:
            raise TargetError(f"target {target.name}: {target.command[0]} cannot be run: {error.strerror}") from error
        for stream in (self._process.stdin, self._process.stdout):
            os.set_blocking(stream.fileno(), False)  # type: ignore[union-attr]
            if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux: sixteen times its usual size, for fewer turns
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)  # type: ignore[union-attr]
        self._listener = threading.Thread(target=self._keep_last_words, daemon=True)
        self._listener.start()
        try:
            self.python, self.numpy = self._set_up(sources)
        except (TargetDied, FrameError) as error:
            self.end()
            raise TargetError(
                f"target {target.name}: {' '.join(target.command)} starts no Python 3.8 or newer: {error}"
            ) from error
        except BaseException:
            self.end()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return not self._ended

    def _set_up(self, sources: Mapping[str, Any]) -> tuple[str, str]:
        deadline = time.monotonic() + START_SECONDS
        text = files("logitproof_adapters.evaluator").joinpath("bootstrap.py").read_text("ascii")
        self._write(f"exec({json.dumps(text)})\n".encode("ascii"), deadline)
        hello, _ = self._read(deadline)
        python = ".".join(map(str, hello["python"]))
        if tuple(hello["python"]) < OLDEST_PYTHON:
            raise TargetError(f"target {self.target.name}: Python {python} is too old; 3.8 or newer is needed")
        if hello["byteorder"] != "little":
            raise TargetError(f"target {self.target.name}: a {hello['byteorder']}-endian machine is not supported")
        setup = {"environment": self.target.variables, "memory": self.target.memory, "sources": sources}
        self._write(encoded(setup), deadline)
        ready, _ = self._read(deadline)
        if "problem" in ready:
            no_numpy = "No module named 'numpy'" in ready["problem"]
            what = "NumPy is not installed there; it is all that is needed beside the framework"
            raise TargetError(f"target {self.target.name}: {what if no_numpy else ready['problem']}")
        return python, ready["numpy"]

    def ask(
        self, header: Mapping[str, Any], parts: Sequence[bytes] = (), *, seconds: float = START_SECONDS
    ) -> tuple[dict[str, Any], memoryview]:
        """Return the answer to a request.

        Raises
        ------
        TargetDied
            There will be none: the process has come to its end, or was ended because it took longer than `seconds` or
            wrote what is no answer. It cannot be asked again.
        """
        self._number += 1
        deadline = time.monotonic() + seconds + GRACE_SECONDS
        try:
            self._write(encoded({**header, "number": self._number, "seconds": seconds}, parts), deadline)
            answer, memory = self._read(deadline)
            self._check_number(answer)
        except FrameError as error:
            self.end()
            raise TargetDied(f"{error}; last words: {self.last_words}") from error
        except TargetDied as error:
            late = time.monotonic() > deadline - GRACE_SECONDS
            if late:
                raise TargetDied(f"no answer in {seconds:g} s; last words: {self.last_words}") from error
            raise
        except BaseException:
            self.end()
            raise
        return answer, memory

    def _check_number(self, answer: Mapping[str, Any]) -> None:
        if answer.get("number") != self._number:
            raise FrameError(f"garbage on the pipe: an answer numbered {answer.get('number')}")

    @property
    def last_words(self) -> str:
        """The line on stderr that says most about the end."""
        return telling_line(self._stderr.decode("utf-8", "replace"))

    def close(self) -> None:
        """Let the process end by itself, and see to it that it does."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.end()

    def end(self) -> None:
        """End the process and everything it started."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(TICK_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def _keep_last_words(self) -> None:
        stream: Any = self._process.stderr
        with stream:
            while chunk := stream.read1(CHUNK):
                self._stderr += chunk
                del self._stderr[:-KEPT]

    def _write(self, data: bytes, deadline: float) -> None:
        descriptor, rest = self._process.stdin.fileno(), memoryview(data)  # type: ignore[union-attr]
        while rest:
            try:
                rest = rest[os.write(descriptor, rest[:CHUNK]) :]
            except BlockingIOError:
                self._wait_for(descriptor, select.POLLOUT, deadline)
            except OSError:
                self._has_ended()

    def _read(self, deadline: float) -> tuple[dict[str, Any], memoryview]:
        length = length_of(self._take(LENGTH.size, deadline))
        return decoded(self._take(length, deadline))

    def _take(self, size: int, deadline: float) -> bytes:
        descriptor = self._process.stdout.fileno()  # type: ignore[union-attr]
        while len(self._received) < size:
            try:
                chunk = os.read(descriptor, CHUNK)
            except BlockingIOError:
                self._wait_for(descriptor, select.POLLIN, deadline)
                continue
            if not chunk:
                self._has_ended()
            self._received += chunk
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _wait_for(self, descriptor: int, event: int, deadline: float) -> None:
        """Wait until a descriptor is ready; raise TargetDied where the process has ended or the time is over.

        What the process started may hold its end of the pipe after it: its own end counts, not that of the pipe.
        """
        poller = select.poll()
        poller.register(descriptor, event)
        while not poller.poll(1000 * TICK_SECONDS):
            if self._process.poll() is not None and not poller.poll(0):
                self._has_ended()
            if time.monotonic() > deadline:
                self.end()
                raise TargetDied(f"no answer in time; last words: {self.last_words}")

    def _has_ended(self) -> None:
        """Raise what the end of the process was."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(TICK_SECONDS)
        status = self._process.poll()
        self.end()
        closed = "closed the pipe" if status is None else how_it_ended(status)
        raise TargetDied(f"{closed}; last words: {self.last_words}")
