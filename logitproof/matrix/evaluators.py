"""How many evaluators ask each framework of a run, and whether they share this machine's processors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from logitproof_adapters.contract import CPU

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_adapters.targets.target import Target


def evaluators_for(frameworks: Sequence[str], target: Target) -> int:
    """Return in how many processes each framework is asked unless the user says: a second one fills an idle processor.

    What a command of the user's starts may be dear, or another machine, and on an accelerator a process may take all of
    its memory: there it is one.
    """
    return 2 if len(frameworks) == 1 and is_shared(target) and processors() > 1 else 1


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_shared(target: Target) -> bool:
    """Whether all frameworks of a target, and the judge, compute on the processors of this machine."""
    return target.is_interpreter and target.device == CPU
