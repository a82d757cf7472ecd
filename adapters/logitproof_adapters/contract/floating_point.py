"""The floating-point environment of a thread: the rounding mode and whether subnormal numbers are flushed to zero.

A call that leaves another one behind would change every later answer; an answer must not depend on what was evaluated
before. What a framework sets while it is imported stays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

FENV_BYTES = 256
"""More than any system's ``fenv_t``."""


class FloatingPointMode:
    """The environment of this thread at the time of `keep`, to be restored; nothing where the C library has none."""

    def __init__(self) -> None:
        self._library = _mathematics()
        self.keep()

    def keep(self) -> None:
        """Keep the environment."""
        if self._library is not None:
            import ctypes  # noqa: PLC0415 - some Pythons have none; then there is no library either

            self._kept = ctypes.create_string_buffer(FENV_BYTES)
            self._library.fegetenv(self._kept)

    def restore(self) -> None:
        """Set the environment that was kept."""
        if self._library is not None:
            self._library.fesetenv(self._kept)


@lru_cache(maxsize=None)  # Python 3.8 has no cache
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
