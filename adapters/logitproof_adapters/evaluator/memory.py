"""The limit of memory of a process, and how frameworks spell that they have come to it."""

from __future__ import annotations

import re

SPELLED = re.compile(
    r"out of memory|bad_alloc|can(not|'t) allocate memory|RESOURCE_EXHAUSTED|OOM when allocating|MemoryError"
    r"|(unable|failed) to allocate",
    flags=re.IGNORECASE,
)
"""Words of an error, or the last words of a process, that ran out of memory: of the C and C++ libraries, Python, NumPy,
PyTorch, JAX, TensorFlow, ONNX Runtime, PaddlePaddle.
"""


def limited() -> str:
    """Return the limit of memory of this process, in words; empty where it has none."""
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
    """Tell whether what was raised means that there was no memory left.

    >>> ran_out(MemoryError()), ran_out(RuntimeError("std::bad_alloc")), ran_out(RuntimeError("bad label"))
    (True, True, False)
    """
    if isinstance(error, MemoryError):
        return True
    try:
        return bool(SPELLED.search(f"{type(error).__name__}: {error}"))
    except Exception:  # noqa: BLE001 - the words of an error are the framework's
        return False
