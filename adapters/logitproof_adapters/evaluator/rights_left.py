"""What a guarded process can still do, found by trying: not every system enforces the limits that it accepts."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from logitproof_adapters.evaluator.bootstrap import SYS_PTRACE


def rights() -> dict[str, int]:
    """Return what this process can do: whether it may read others, and its limits in force, 0 for none."""
    import resource  # noqa: PLC0415 - systems that have it not fail here, and are none that is supported

    seconds, size = (resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_CPU, resource.RLIMIT_DATA))
    return {
        "reads_processes": int(_may_read_processes()),
        "cpu_seconds": 0 if seconds == resource.RLIM_INFINITY else seconds,
        "memory": 0 if size == resource.RLIM_INFINITY or _can_hold(size) else size,
    }


def _may_read_processes() -> bool:
    """Whether this process has the right, or may get it; true where the system does not state it as Linux does."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:
        return True
    rights = [int(word, 16) for word in re.findall(r"^Cap(?:Eff|Prm|Bnd):\s*(\w+)", status, flags=re.MULTILINE)]
    is_kept_from_more = re.search(r"^NoNewPrivs:\s*1", status, flags=re.MULTILINE) is not None
    return not rights or not is_kept_from_more or any(word >> SYS_PTRACE & 1 for word in rights)


def _can_hold(size: int) -> bool:
    """Whether the process is given so much memory of its own, of which it uses none."""
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
