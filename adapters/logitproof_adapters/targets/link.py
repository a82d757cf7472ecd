"""The process in a target and the pipe to it: requests, answers, deadlines, and how the process ended.

Requests may be sent ahead: the evaluator answers them in their order, one at a time.
"""

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
from collections import deque
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from logitproof_adapters.contract.process_memory import SPELLED, in_gib
from logitproof_adapters.evaluator.frames import FrameError, decoded, encoded
from logitproof_adapters.targets.call_limits import GRACE_SECONDS, START_SECONDS, WATCHDOG
from logitproof_adapters.targets.hang_detection import Silence
from logitproof_adapters.targets.incoming import Incoming
from logitproof_adapters.targets.target import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from logitproof_adapters.targets.target import Target
    from logitproof_reference.vocabulary.cells import Cell, Inputs

PROGRAM = "0#'\nimport io;exec(io.open(0,\"rb\",0,closefd=False).readline())\n#'"
"""What follows ``-c``: it runs the first line that comes. The quotes are part of comments where the program arrives as
it is; where a remote shell reads the command (ssh), they keep it from the shell, which takes them away."""

OLDEST_PYTHON = (3, 8)
TICK_SECONDS = 0.5
CHUNK = 1 << 20

KEPT = 1 << 16
"""Bytes of a process's stderr that are kept, counted from the end."""

TELLING = re.compile(r"\berror\b|Error:|^Fatal|^Segmentation", flags=re.IGNORECASE)
"""Matches the line of a log that explains why a process ended."""


ENDED = "ended "
"""Prefix of the description of a process that ended by itself."""


class TargetDied(RuntimeError):  # noqa: N818 - what is recorded of a call that ended the process begins with this word
    """The evaluator ended, or was ended, in the middle of a call.

    Attributes
    ----------
    asked : (Cell, Inputs) or None
        What it was evaluating.
    """

    asked: tuple[Cell, Inputs] | None = None

    @property
    def by_itself(self) -> bool:
        """Whether the process ended by itself, and was not ended for what it did to the machine or to the judge."""
        return str(self).startswith(ENDED)


def telling_line(text: str, width: int = 300) -> str:
    """Return the line of a log that says most about how a process ended, at most `width` characters."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"^E\s+", "", line.strip()) for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if TELLING.search(line)]
    return (telling or lines or ["none"])[-1][:width]


def how_it_ended(status: int) -> str:
    """Describe how a process ended.

    >>> how_it_ended(-11)
    'ended by SIGSEGV'
    >>> how_it_ended(3)
    'ended with status 3'
    """
    return ENDED + (f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}")


@dataclass(eq=False)
class Ticket:
    """A request on its way.

    Attributes
    ----------
    number : int or None
        What the answer must carry; None for the frames with which the evaluator introduces itself.
    seconds : float
        How long the evaluator may take for it, once it is at it.
    answer : (dict, memoryview) or None
        What came.
    failure : TargetDied or None
        Why nothing came: the process ended while it was at this request.
    lost : bool
        Whether the process ended before it was at this request, which may be sent again.
    """

    number: int | None
    seconds: float
    answer: tuple[dict[str, Any], memoryview] | None = None
    failure: TargetDied | None = None
    lost: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self.answer is not None or self.failure is not None or self.lost

    @property
    def reply(self) -> tuple[dict[str, Any], memoryview]:
        """The answer; raises TargetDied where there is none."""
        if self.failure is not None:
            raise self.failure
        if self.answer is None:
            raise TargetDied("the process ended before it was at this request")
        return self.answer


class Link:
    """One evaluator, from its start to its end.

    The process is started and its sources are sent; nothing is waited for before `greet`.

    Parameters
    ----------
    target : Target
        Where it runs.
    sources : mapping
        What travels; see `sent_sources.sources_for`.

    Attributes
    ----------
    worked : float
        Seconds of processor time that the process had used when it answered last, as it says.
    wait : callable
        Waits for a ticket. Whoever follows several processes puts a function of its own here, and calls `pump` and
        `check_deadline`.

    Raises
    ------
    TargetError
        The command cannot be run.
    """

    def __init__(self, target: Target, sources: Mapping[str, Any]) -> None:
        self.target = target
        self.wait: Callable[[Ticket], None] = self._wait
        self.python = self.numpy = ""
        self.worked = 0.0
        self._number = 0
        self._ended = False
        self._pending: deque[Ticket] = deque()
        self._outgoing: deque[memoryview] = deque()
        self._stderr = bytearray()
        self._heard = self._heard_before = 0
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
        self._in: int = self._process.stdin.fileno()  # type: ignore[union-attr]
        self.fileno: int = self._process.stdout.fileno()  # type: ignore[union-attr]
        for descriptor in (self._in, self.fileno):
            os.set_blocking(descriptor, False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux: sixteen times its usual size, for fewer turns
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, CHUNK)
        self._incoming = Incoming(self.fileno)
        self._silence = Silence(self._process.pid)
        self._listener = threading.Thread(target=self._keep_last_words, daemon=True)
        self._listener.start()
        self._introduce(sources)

    @property
    def alive(self) -> bool:
        """Whether the process can be asked."""
        return not self._ended

    def _introduce(self, sources: Mapping[str, Any]) -> None:
        text = files("logitproof_adapters.evaluator").joinpath("bootstrap.py").read_text("ascii")
        target = self.target
        setup = {
            "environment": target.variables,
            "memory": target.memory,
            "guarded": target.is_guarded,
            "sources": sources,
        }
        self._hello = self._queue([f"exec({json.dumps(text)})\n".encode("ascii")], None, START_SECONDS)
        self._ready = self._queue(encoded(setup), None, START_SECONDS)

    def greet(self) -> None:
        """Wait until the evaluator is there.

        Raises
        ------
        TargetError
            The command starts no interpreter that can be used.
        """
        name, command = self.target.name, " ".join(self.target.command)
        try:
            hello = self._come(self._hello)
            self.python = ".".join(map(str, hello["python"]))
            if tuple(hello["python"]) < OLDEST_PYTHON:
                raise TargetError(f"target {name}: Python {self.python} is too old; 3.8 or newer is needed")
            if hello["byteorder"] != "little":
                raise TargetError(f"target {name}: a {hello['byteorder']}-endian machine is not supported")
            ready = self._come(self._ready)
        except TargetDied as error:
            raise TargetError(f"target {name}: {command} starts no Python 3.8 or newer: {error}") from error
        if "problem" in ready:
            no_numpy = "No module named 'numpy'" in ready["problem"]
            what = "NumPy is not installed there; it is all that is needed besides the framework"
            raise TargetError(f"target {name}: {what if no_numpy else ready['problem']}")
        self.numpy = ready["numpy"]

    def _come(self, ticket: Ticket) -> dict[str, Any]:
        self.wait(ticket)
        return ticket.reply[0]

    def ask(
        self, header: Mapping[str, Any], parts: Sequence[bytes | memoryview] = (), *, seconds: float = START_SECONDS
    ) -> tuple[dict[str, Any], memoryview]:
        """Send a request and return the answer.

        Raises
        ------
        TargetDied
            There will be none: the process has come to its end, or was ended because it took longer than `seconds` or
            wrote what is no answer. It cannot be asked again.
        """
        ticket = self.send(header, parts, seconds=seconds)
        self.wait(ticket)
        return ticket.reply

    def send(
        self, header: Mapping[str, Any], parts: Sequence[bytes | memoryview] = (), *, seconds: float = START_SECONDS
    ) -> Ticket:
        """Send a request behind those on their way; it is lost at once where the process has ended."""
        self._number += 1
        watched = {**header, "number": self._number, "seconds": WATCHDOG * seconds}
        return self._queue(encoded(watched, parts), self._number, seconds)

    def _queue(self, data: Sequence[bytes | memoryview], number: int | None, seconds: float) -> Ticket:
        ticket = Ticket(number, seconds, lost=self._ended)
        if not self._ended:
            if not self._pending:
                self._begin_request()
            self._pending.append(ticket)
            self._outgoing.append(memoryview(b"".join(data)))
            self._write()
        return ticket

    def _wait(self, ticket: Ticket) -> None:
        try:
            while not ticket.done:
                poller = select.poll()
                poller.register(self.fileno, select.POLLIN)
                if self._outgoing:
                    poller.register(self._in, select.POLLOUT)
                poller.poll(1000 * TICK_SECONDS)
                self.pump()
                self.check_deadline()
        except BaseException:
            self.end()
            raise

    def pump(self) -> list[Ticket]:
        """Write and read what can be at once; return the tickets that this settled, in the order of the requests."""
        if self._ended:
            return []
        settled: list[Ticket] = []
        gone = self._process.poll() is not None  # whatever it wrote is in the pipe, which a child may hold open
        self._write()
        closed, drained = self._incoming.read()
        try:
            while self._pending and (body := self._incoming.take()) is not None:
                header, memory = self._numbered(decoded(body))
                if "ended" in header:
                    return [*settled, *self._end_with(str(header["ended"]), with_last_words=False)]
                settled.append(self._settle(header, memory))
                if "last" in header:
                    return [*settled, *self._lose_the_rest()]
        except FrameError as error:
            return [*settled, *self._end_with(str(error))]
        if closed or (gone and drained):
            settled += self._end_with(self._how_it_ended())
        return settled

    def check_deadline(self) -> list[Ticket]:
        """End the process where it hangs at a request; return the tickets that this settled."""
        if self._ended or not self._pending or self._silence.seconds < TICK_SECONDS:
            return []
        seconds = self._pending[0].seconds
        if not self._silence.exceeds(seconds):
            return []
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._process.pid, signal.SIGABRT)  # it prints where it hangs
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        return self._end_with(f"no answer in {seconds:g} s")

    def excuse(self) -> None:
        """Let the time until now, in which nothing was read, not count as silence."""
        self._silence.end()

    def _numbered(self, answer: tuple[dict[str, Any], memoryview]) -> tuple[dict[str, Any], memoryview]:
        """Return an answer to the request that the evaluator is at; any other is garbage."""
        number = answer[0].get("number")
        if number != self._pending[0].number:
            raise FrameError(f"garbage on the pipe: an answer numbered {number}")
        return answer

    def _settle(self, header: dict[str, Any], memory: memoryview) -> Ticket:
        ticket = self._pending.popleft()
        self._begin_request()
        if isinstance(worked := header.get("worked"), float):
            self.worked = worked
        ticket.answer = header, memory
        return ticket

    def _begin_request(self) -> None:
        """Note that the evaluator gets at a request."""
        self._silence.end()
        self._heard_before = self._heard

    def _end_with(self, reason: str, *, with_last_words: bool = True) -> list[Ticket]:
        """End the process: the request that it was at has failed, those behind it are lost."""
        failed = self._pending.popleft() if self._pending else None
        lost = self._lose_the_rest()
        if failed is None:
            return lost
        words = f"; last words: {self.last_words}" if with_last_words else ""
        failed.failure = TargetDied(f"{reason}{words}")
        return [failed, *lost]

    def _lose_the_rest(self) -> list[Ticket]:
        """End the process: what it was not at may be asked of another."""
        self.end()
        settled = list(self._pending)
        self._pending.clear()
        for ticket in settled:
            ticket.lost = True
        return settled

    @property
    def last_words(self) -> str:
        """The line on stderr that says most about the end."""
        return telling_line(self._stderr.decode("utf-8", "replace"))

    def leave(self) -> None:
        """Let the process end by itself."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]

    def close(self) -> None:
        """Let the process end by itself, and see to it that it does."""
        self.leave()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.end()

    def end(self) -> None:
        """End the process and everything it started."""
        if self._ended:
            return
        self._ended = True
        self._outgoing.clear()
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
                self._heard += len(chunk)
                self._stderr += chunk
                del self._stderr[:-KEPT]

    def _write(self) -> None:
        """Write what the pipe takes; where its other end is closed, reading finds out how the process ended."""
        try:
            while self._outgoing:
                first = self._outgoing[0]
                self._outgoing[0] = first[os.write(self._in, first[:CHUNK]) :]
                if not self._outgoing[0]:
                    self._outgoing.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._outgoing.clear()

    def _how_it_ended(self) -> str:
        """Describe how the process ended that has closed its end of the pipe."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        status = self._process.poll()
        how = "closed the pipe" if status is None else how_it_ended(status)
        if not self.target.memory:
            return how
        self._listener.join(TICK_SECONDS)
        told = self._stderr[max(0, len(self._stderr) - (self._heard - self._heard_before)) :]
        limit = in_gib(self.target.memory)
        if SPELLED.search(told.decode("utf-8", "replace")):
            return f"ran out of memory (limit {limit}): {how}"
        return f"{how} (memory limit {limit})"
