"""Frames that arrive from a pipe in pieces, each read directly into the memory of its body."""

from __future__ import annotations

import os

from logitproof_adapters.evaluator.frames import LENGTH, FrameError, length_of

MOST_READS = 64
"""At once: a process that writes without end must not keep the judge reading."""

AT_FIRST = 1 << 26
"""Bytes that a frame gets before more than that has come: one that announces more than the machine has may never."""


class Incoming:
    """The bytes of a pipe that is read without blocking.

    Parameters
    ----------
    descriptor : int
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begin(LENGTH.size)
        self._in_head = True
        self._whole: list[bytearray] = []
        self._garbage: FrameError | None = None

    def _begin(self, length: int) -> None:
        self._length, self._filled = length, 0
        self._memory = bytearray(min(length, AT_FIRST))

    def read(self) -> tuple[bool, bool]:
        """Read what is there, up to a limit; tell whether the pipe has come to its end, and whether it is empty."""
        try:
            for _ in range(MOST_READS):
                if self._garbage:
                    return False, False
                if self._filled == len(self._memory):
                    self._memory += bytes(min(self._length, 2 * self._filled) - self._filled)
                with memoryview(self._memory) as memory:
                    count = os.readv(self._descriptor, [memory[self._filled :]])
                if not count:
                    return True, True
                self._filled += count
                if self._filled == self._length:
                    self._go_on()
        except BlockingIOError:
            return False, True
        return False, False

    def _go_on(self) -> None:
        """Begin with what follows a head or a body that is whole."""
        if not self._in_head:
            self._whole.append(self._memory)
            self._begin(LENGTH.size)
        else:
            try:
                self._begin(length_of(bytes(self._memory)))
            except FrameError as error:
                self._garbage = error
        self._in_head = not self._in_head

    def take(self) -> bytearray | None:
        """Return the body of the first frame that is whole, once; None if there is none.

        Raises
        ------
        FrameError
            What came behind the last one is no frame.
        """
        if not self._whole and self._garbage:
            raise self._garbage
        return self._whole.pop(0) if self._whole else None
