"""What protects the judge from a graded kernel: its memory, debugging rights, CPU time (`bootstrap.MOST_CPU_SECONDS`).

On Linux; elsewhere only the limits that the system has are set. It is not a sandbox: run hostile programs in a
container or a virtual machine besides.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.evaluator import rights_left
from logitproof_adapters.kernels import forbidden_calls
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import INTERPRETER, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof.kernels.isolation.isolated import Limits

SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Let no process of the same user read the memory of this one, which holds exact answers."""
    import ctypes  # noqa: PLC0415 - some Pythons have none

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def guarded(target: Target, limits: Limits) -> Target:
    """Return the target of a graded kernel, whose process has no rights over others.

    This interpreter becomes one as any other is: nothing of this process can be imported there.
    """
    own = Target("this interpreter", (sys.executable,), target.env, target.device, label=INTERPRETER)
    place = own if target.is_here else target
    env = {"OMP_NUM_THREADS": "1", **place.env}
    return replace(place, env=env, memory_gib=limits.memory_gib or place.memory_gib, is_guarded=True)


def not_enforced(target: Target, framework: str, forbidden: Sequence[str]) -> list[str]:
    """Return what cannot be kept from kernels in a target, tried out there before any of them runs.

    Raises
    ------
    MissingFramework, TargetError
        The framework of the kernels cannot be used there.
    """
    names = (rights_left.__name__, forbidden_calls.__name__)
    with RemoteAdapter(framework, target, also_sent=names) as there:
        found = there.call(rights_left.__name__, rights_left.rights.__name__)
        is_watched = there.call(forbidden_calls.__name__, forbidden_calls.watches_dispatcher.__name__)
    forbids_torch = any(name.startswith("torch.") for name in forbidden)
    lacking = {
        "not enforced there: the kernel may read the memory of other processes of its user": found["reads_processes"],
        "not enforced there: the CPU time limit": not found["cpu_seconds"],
        "not enforced there: the limit of memory": not 0 < found["memory"] <= target.memory,
        "not noticed there: a forbidden operator of PyTorch within another one": forbids_torch and not is_watched,
    }
    return [sentence for sentence, applies in lacking.items() if applies]
