"""The environment variables of frameworks' processes: caches of compiled programs, how idle threads wait."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof.matrix import compiled_programs

if TYPE_CHECKING:
    from logitproof_adapters.targets.target import Target

PATIENT = {"OMP_WAIT_POLICY": "passive"}
"""Set for frameworks on this machine; a word of the OpenMP standard, which both of its libraries know."""


def with_compiled_programs(target: Target, *, fresh: bool) -> Target:
    """Return the same interpreter where frameworks keep what they compiled, or use nothing if `fresh`."""
    settings = compiled_programs.switched_off() if fresh else compiled_programs.variables(target)
    return replace(target, env={**settings, **target.env})


def with_programs_of_kernels(target: Target, *, fresh: bool) -> Target:
    """Return the same interpreter where JAX keeps what it compiled of kernels, or use nothing if `fresh`."""
    settings = compiled_programs.switched_off() if fresh else compiled_programs.of_kernels(target)
    return replace(target, env={**settings, **target.env})


def with_patient_threads(target: Target) -> Target:
    """Return the same interpreter where a thread that waits for work sleeps, unless the user says otherwise.

    By default OpenMP's threads turn in a loop for milliseconds behind each call (GOMP_SPINCOUNT in libgomp's manual,
    KMP_BLOCKTIME in LLVM's), on a processor that the judge and a second evaluator could use. It changes no bit.
    """
    settings = {name: value for name, value in PATIENT.items() if name not in os.environ}
    return replace(target, env={**settings, **target.env})
