"""What keeps a graded kernel from the process that judges it: its memory, its debugger's rights, its processor time.

On Linux; elsewhere only the limits that the system has are set. It is no jail for hostile programs: run those in a
container or a virtual machine besides.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from logitproof_adapters.targets.target import Target

if TYPE_CHECKING:
    from logitproof.kernels.isolated import Limits

SET_DUMPABLE = 4
CAPBSET_DROP = 24
SYS_PTRACE = 19
NO_NEW_PRIVILEGES = 38
CPU_SECONDS = 600

LAUNCHER = f"""
import ctypes, os, resource, sys
try:
    call = ctypes.CDLL(None).prctl
    call({CAPBSET_DROP}, {SYS_PTRACE}, 0, 0, 0)
    call({NO_NEW_PRIVILEGES}, 1, 0, 0, 0)
except (AttributeError, OSError):
    pass
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Takes from itself the right to read other processes, sets limits, and becomes the interpreter."""


def keep_memory_private() -> None:
    """Let no process of the same user read the memory of this one, which holds exact answers."""
    import ctypes  # noqa: PLC0415 - some Pythons have none

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def guarded(limits: Limits, device: str) -> Target:
    """Return the target of a graded kernel: this interpreter, without rights over other processes."""
    command = (sys.executable, "-c", LAUNCHER)
    return Target("grade", command, {"OMP_NUM_THREADS": "1"}, device, memory_gib=limits.memory_gib)
