"""The memory of a process: its limit, how frameworks word that they reached it, how much is in use, giving it back."""

from __future__ import annotations

import gc
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

SPELLED = re.compile(
    r"out of memory|bad_alloc|can(not|'t) allocate memory|RESOURCE_EXHAUSTED|OOM when allocating|MemoryError"
    r"|(unable|failed) to allocate",
    flags=re.IGNORECASE,
)
"""Words of an error, or the last words of a process, that ran out of memory: of the C and C++ libraries, Python, NumPy,
PyTorch, JAX, TensorFlow, ONNX Runtime, PaddlePaddle.
"""


def limited() -> str:
    """Return the limit of memory of this process, in words; empty if it has none."""
    import resource  # noqa: PLC0415 - systems that have it not have no limit either

    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return "" if limit == resource.RLIM_INFINITY else in_gib(limit)


def in_gib(size: int) -> str:
    """Spell a number of bytes.

    >>> in_gib(3 << 29)
    '1.5 GiB'
    """
    return f"{size / (1 << 30):.4g} GiB"


def ran_out(error: BaseException) -> bool:
    """Return whether what was raised means that there was no memory left.

    >>> ran_out(MemoryError()), ran_out(RuntimeError("std::bad_alloc")), ran_out(RuntimeError("bad label"))
    (True, True, False)
    """
    if isinstance(error, MemoryError):
        return True
    try:
        return bool(SPELLED.search(f"{type(error).__name__}: {error}"))
    except Exception:  # noqa: BLE001 - the words of an error are the framework's
        return False


def resident() -> int:
    """Return how many bytes of memory this process has; as many as ever may be where the system does not say."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return sys.maxsize


def return_memory() -> None:
    """Give freed memory back to the system; glibc keeps it, where small pieces lie between large ones."""
    gc.collect()
    with suppress(ImportError, OSError, AttributeError, TypeError):  # another C library
        import ctypes  # noqa: PLC0415 - some Pythons have none

        ctypes.CDLL(None).malloc_trim(0)
