"""The environment variables of frameworks' processes: caches of compiled programs, how idle threads wait."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof.matrix.compiler_caches import BYTECODE, cache_of, for_kernels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof.matrix.compiler_caches import CompilerCache
    from logitproof_adapters.targets.target import Target

PATIENT = {"OMP_WAIT_POLICY": "passive"}
"""Set for frameworks on this machine; a word of the OpenMP standard, which both of its libraries know."""

WITHOUT_CACHES = {"JAX_ENABLE_COMPILATION_CACHE": "0", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
"""By these, frameworks compile everything again."""

JAX_FOLDER = "JAX_COMPILATION_CACHE_DIR"

FIRST_TENSORFLOW_WITH_A_CACHE = (2, 9)
"""An XLA flag that TensorFlow does not know ends its process at the import."""


def with_compiled_programs(target: Target, *, fresh: bool) -> Target:
    """Return the same interpreter where frameworks keep what they compiled, or use nothing if `fresh`."""
    settings = WITHOUT_CACHES if fresh else cache_variables(target)
    return replace(target, env={**settings, **target.env})


def with_programs_of_kernels(target: Target, *, fresh: bool) -> Target:
    """Return the same interpreter where JAX keeps what it compiled of kernels, or use nothing if `fresh`."""
    settings = WITHOUT_CACHES if fresh else kernel_cache_variables(target)
    return replace(target, env={**settings, **target.env})


def cache_variables(target: Target) -> dict[str, str]:
    """Return the variables by which a target's frameworks keep what they compiled, except those that the user has set.

    Sources: jax.readthedocs.io, "Persistent compilation cache"; tensorflow/compiler/jit/flags.cc; the documentation of
    torch.compile's caches; for the bytecode `logitproof_adapters.evaluator.bootstrap`.
    """
    cache = cache_of(target)
    return _unset(_of_all(cache, is_here=target.is_here)) if cache else {}


def kernel_cache_variables(target: Target) -> dict[str, str]:
    """Return the variables by which JAX keeps what it compiled of kernels, apart from what runs keep.

    A function that is not compiled and has a loop (``lax.scan``) is compiled at each call, as its step is another
    function each time: within one check, too, most of its programs are found here.
    """
    cache = cache_of(target) if JAX_FOLDER not in os.environ else None
    return _unset(_of_jax(for_kernels(cache))) if cache else {}


def _of_jax(folder: Path) -> dict[str, str]:
    return {
        JAX_FOLDER: str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _of_all(cache: CompilerCache, *, is_here: bool) -> dict[str, str]:
    keeps_xla = f"--tf_xla_persistent_cache_directory={cache.folder / 'tensorflow'}"
    return {
        **_of_jax(cache.folder / "jax"),
        **({} if _refuses_the_flag(cache.installed) else {"TF_XLA_FLAGS": keeps_xla}),
        "TORCHINDUCTOR_CACHE_DIR": str(cache.folder / "inductor"),
        **({} if is_here else {"LOGITPROOF_BYTECODE": str(cache.folder / BYTECODE)}),
    }


def _unset(variables: dict[str, str]) -> dict[str, str]:
    """Return those that the user has not set."""
    return {name: value for name, value in variables.items() if name not in os.environ}


def _refuses_the_flag(installed: Sequence[str]) -> bool:
    """Tell whether TensorFlow is there from before 2.9, which ends the process at the flag that names its cache.

    >>> _refuses_the_flag(["numpy-1.22.4.dist-info", "tensorflow_cpu-2.8.0.dist-info"])
    True
    >>> _refuses_the_flag(["tensorflow-2.18.1.dist-info", "tensorflow_estimator-2.8.0.dist-info"])
    False
    """
    found = (re.fullmatch(r"tensorflow(?:_cpu|_gpu|_intel)?-(\d+)\.(\d+)\..*", name) for name in installed)
    return any((int(release[1]), int(release[2])) < FIRST_TENSORFLOW_WITH_A_CACHE for release in found if release)


def with_patient_threads(target: Target) -> Target:
    """Return the same interpreter where a thread that waits for work sleeps, unless the user says otherwise.

    By default OpenMP's threads turn in a loop for milliseconds behind each call (GOMP_SPINCOUNT in libgomp's manual,
    KMP_BLOCKTIME in LLVM's), on a processor that the judge and a second evaluator could use. It changes no bit.
    """
    settings = {name: value for name, value in PATIENT.items() if name not in os.environ}
    return replace(target, env={**settings, **target.env})
