"""The floating-point mode of the process: rounding, flushing of subnormals.

A call that leaves another mode behind would change every later answer; an answer must not depend on what was asked
before. What a framework sets while it is imported stays.
"""

from __future__ import annotations

from typing import Any

SIZE = 256
"""Bytes, more than any system's fenv_t has."""


class FloatingPointMode:
    """The mode at the time of `keep`, to be restored; nothing where the C library cannot be reached."""

    def __init__(self) -> None:
        self._library = _mathematics()
        self.keep()

    def keep(self) -> None:
        """Keep the mode of this thread."""
        if self._library is not None:
            import ctypes  # noqa: PLC0415 - some Pythons have none; then there is no library either

            self._kept = ctypes.create_string_buffer(SIZE)
            self._library.fegetenv(self._kept)

    def restore(self) -> None:
        """Set the mode that was kept."""
        if self._library is not None:
            self._library.fesetenv(self._kept)


def _mathematics() -> Any:
    """Return the C library of mathematics, or None."""
    try:
        from ctypes import CDLL  # noqa: PLC0415 - as above
        from ctypes.util import find_library  # noqa: PLC0415 - as above

        library = CDLL(None)
        if not hasattr(library, "fesetenv"):
            library = CDLL(find_library("m"))
    except (ImportError, OSError, TypeError):
        return None
    return library if hasattr(library, "fesetenv") else None
