"""The control, which does what no framework should when it is evaluated with the classes first."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

UPWARD = 0x800
"""FE_UPWARD of x86-64."""
FLUSHING = 0x8040
"""FTZ and DAZ of MXCSR, which stands 28 bytes into fenv_t."""


class Sound(NumpyAdapter):
    """The control by another name."""

    name = "planted"


class Planted(Sound):
    """Does something first."""

    line = ""

    def act(self) -> None:
        """Do it."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the control's answer."""
        if cell.axis == "first":
            self.act()
        return super().evaluate(cell, inputs)

    def repro(self, cell: Cell, inputs: Inputs) -> str:
        """Return a program that does it too, where it is a line."""
        return (self.line if cell.axis == "first" else "") + super().repro(cell, inputs)


def planted(act: Callable[[], object], line: str = "") -> type[Planted]:
    """Return an adapter that does `act`, which a line of a program does too."""
    return type("Acting", (Planted,), {"act": lambda _: act(), "line": line})


def _print() -> None:
    for _ in range(64):
        os.write(1, b"\x00\xff{}\n" * 25_000)
        os.write(2, b"words " * 25_000)


def _close() -> None:
    os.closerange(0, 3)


def _round() -> None:
    ctypes.CDLL(None).fesetround(UPWARD)


def _flush() -> None:
    library, mode = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    library.fegetenv(mode)
    control = int.from_bytes(mode.raw[28:32], "little") | FLUSHING
    library.fesetenv(ctypes.create_string_buffer(mode.raw[:28] + control.to_bytes(4, "little") + mode.raw[32:]))


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGSEGV, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _handle_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPIPE):
        signal.signal(number, lambda *_: sys.exit("handled"))


def _change_everything() -> None:
    np.seterr(all="raise")
    np.set_printoptions(precision=1)
    warnings.simplefilter("error")
    os.chdir("/")
    os.environ.clear()
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.stdout = sys.stderr = sys.stdin = None  # type: ignore[assignment]
    sys.setrecursionlimit(200)


def _allocate() -> None:
    held = []
    while True:
        held.append(np.zeros(1 << 25))


def _allocate_in_c() -> None:
    """Take all there is, touch it, and end as a C++ program does that catches nothing."""
    library, size = ctypes.CDLL(None), 1 << 26
    library.malloc.restype = ctypes.c_void_p
    while place := library.malloc(ctypes.c_size_t(size)):
        ctypes.memset(place, 1, size)
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def _write_everywhere() -> None:
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"no frame at all\n")
        except OSError:
            continue


def _fork() -> None:
    if os.fork() == 0:
        os.setsid()
        time.sleep(30)
    os.kill(os.getpid(), signal.SIGKILL)


Prints = planted(_print)
Closes = planted(_close)
HandlesSignals = planted(_handle_signals)
ChangesEverything = planted(_change_everything)
IgnoresSignals = planted(_ignore_signals)
Rounds = planted(_round)
Flushes = planted(_flush)
Exits = planted(lambda: os._exit(0), "import os\nos._exit(0)\n")
Segfaults = planted(
    lambda: os.kill(os.getpid(), signal.SIGSEGV), "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
)
Allocates = planted(_allocate)
AllocatesInC = planted(_allocate_in_c)
Hangs = planted(lambda: time.sleep(600))
HangsWithTheLock = planted(lambda: ctypes.PyDLL(None).sleep(600))
WritesEverywhere = planted(_write_everywhere)
ClosesThePipe = planted(lambda: os.closerange(3, 64))
LeavesAChild = planted(_fork)


class ClosesWhenImported(Sound):
    """Closes the standard streams before anything is asked."""

    def __init__(self) -> None:
        _print()
        _close()
        super().__init__()


class WaitsAtItsEnd(Planted):
    """Has a handler of SIGABRT that does not return, as one that allocates memory does after an abort within malloc."""

    act = staticmethod(os.abort)  # type: ignore[assignment]

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        library.signal(signal.SIGABRT, library.pause)
        super().__init__()


class DiesAlways(Sound):
    """Ends the process whatever it is asked."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return nothing."""
        del cell, inputs
        os.abort()


class DiesOfOneClass(Sound):
    """Ends the process where rows have one class."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the control's answer."""
        if inputs.logits.shape[inputs.axis] == 1:
            os.abort()
        return super().evaluate(cell, inputs)


class DiesOfANegative(Sound):
    """Ends the process where a logit is negative."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the control's answer."""
        if inputs.logits.min() < 0:
            os.abort()
        return super().evaluate(cell, inputs)


class ChangesItsInputs(Sound):
    """Counts in the arrays it was given."""

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return the control's answer."""
        answer = super().evaluate(cell, inputs)
        inputs.logits[...] = 0
        return answer


class Echoes(Sound):
    """Returns the logits."""

    def unsupported(self, cell: Cell) -> str | None:
        """Return nothing: any format will do."""
        del cell

    def evaluate(self, cell: Cell, inputs: Inputs) -> NDArray[Any]:
        """Return what was given."""
        del cell
        return inputs.logits
