"""Caches of compiled programs, and of Python's bytecode, so that the next run need not compile again.

Only for interpreters of this machine. The folder is Logitproof's own, nothing is written besides the framework, and is
one for each set of versions, machine and flags: not every framework compares these before it takes what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof_reference.answers.cache_folder import COMPILED, cache_folder
from logitproof_reports.runs.environment import describe_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_adapters.targets.target import Target

MOST_FOLDERS = 4
"""Kept, those used last, beside all that a run may still be using."""

IDLE_SECONDS = 24 * 3600.0
"""How long ago a run began that uses a folder no longer."""

MACHINE = ("os", "kernel", "machine", "cpu", "cpu_features", "cores", "threads")
"""What of an environment decides what a compiler makes, besides the packages and the interpreter.

XLA divides the loops of a program by the number of threads when it compiles it, and its cache does not compare it."""

HERE = (*MACHINE, "python", "packages")
BYTECODE = "bytecode"
KERNELS = "kernels"

MOST_KERNEL_BYTES = 256 << 20
"""Of programs of JAX that checks of kernels keep: each version of a kernel leaves about three MiB of its own, and what
was written first goes."""

OF_JAX = (
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
)

FIRST_TENSORFLOW_WITH_A_CACHE = (2, 9)
"""An XLA flag that TensorFlow does not know ends its process at the import."""


def variables(target: Target) -> dict[str, str]:
    """Return the environment variables by which a target's frameworks keep what they compiled; none if it is not known.

    Sources: jax.readthedocs.io, "Persistent compilation cache"; tensorflow/compiler/jit/flags.cc; the documentation of
    torch.compile's caches; for the bytecode `logitproof_adapters.evaluator.bootstrap`.
    """
    facts = _facts(target)
    if not facts:
        return {}
    folder = _folder(facts)
    keeps_xla = f"--tf_xla_persistent_cache_directory={folder / 'tensorflow'}"
    wanted = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        **({} if _refuses_the_flag(facts["installed"]) else {"TF_XLA_FLAGS": keeps_xla}),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        **({} if target.is_here else {"LOGITPROOF_BYTECODE": str(folder / BYTECODE)}),
    }
    return {name: value for name, value in wanted.items() if name not in os.environ}


def of_kernels(target: Target) -> dict[str, str]:
    """Return the environment variables by which JAX keeps what it compiled of kernels, apart from what runs keep.

    A function that is not compiled and has a loop (``lax.scan``) is compiled at each call, as its step is another
    function each time: within one check, too, most of its programs are found here.
    """
    settings = variables(target)
    place, *_ = OF_JAX
    if place not in settings:
        return {}
    folder = Path(settings[place]).parent / KERNELS
    with suppress(OSError):  # where nothing can be kept, nothing is
        folder.mkdir(parents=True, exist_ok=True)
        _keep_small(folder)
    return {**{name: settings[name] for name in OF_JAX if name in settings}, place: str(folder)}


def _keep_small(folder: Path) -> None:
    """Remove what was written first while there is more than `MOST_KERNEL_BYTES`."""
    facts = [(file.stat().st_mtime, file.stat().st_size, file) for file in folder.iterdir()]
    left = sum(size for _, size, _ in facts)
    for _, size, file in sorted(facts):
        if left <= MOST_KERNEL_BYTES:
            return
        file.unlink(missing_ok=True)
        left -= size


def switched_off() -> dict[str, str]:
    """Return the environment variables by which they compile everything again."""
    return {"JAX_ENABLE_COMPILATION_CACHE": "0", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}


def _facts(target: Target) -> dict[str, Any]:
    """Return what decides what compilers make in a target; nothing where it is not known what is installed there."""
    environment = describe_environment()
    if target.is_here:
        return {**{name: environment[name] for name in HERE}, "installed": []}
    python = Path(target.command[0])
    installed = sorted(path.name for path in python.parent.parent.glob("lib/python3*/*-packages/*.dist-info"))
    place = {"interpreter": str(python.absolute()), "resolved": str(python.resolve()), "installed": installed}
    return {**{name: environment[name] for name in MACHINE}, **place} if installed else {}


def _refuses_the_flag(installed: Sequence[str]) -> bool:
    """Tell whether TensorFlow is there from before 2.9, which ends the process at the flag that names its cache.

    >>> _refuses_the_flag(["numpy-1.22.4.dist-info", "tensorflow_cpu-2.8.0.dist-info"])
    True
    >>> _refuses_the_flag(["tensorflow-2.18.1.dist-info", "tensorflow_estimator-2.8.0.dist-info"])
    False
    """
    found = (re.fullmatch(r"tensorflow(?:_cpu|_gpu|_intel)?-(\d+)\.(\d+)\..*", name) for name in installed)
    return any((int(release[1]), int(release[2])) < FIRST_TENSORFLOW_WITH_A_CACHE for release in found if release)


def _folder(facts: dict[str, Any]) -> Path:
    """Return the folder for what these facts decide; those used longest ago go, unless a run may be using them."""
    parent = cache_folder() / COMPILED
    folder = parent / _digest(facts)
    with suppress(OSError):  # where nothing can be kept, nothing is
        for name in ("jax", "tensorflow", "inductor", BYTECODE):
            (folder / name).mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        by_age = sorted((one.stat().st_mtime, one) for one in parent.iterdir())
        for used, old in by_age[:-MOST_FOLDERS]:
            if time.time() - used > IDLE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    return folder


def _digest(facts: dict[str, Any]) -> str:
    flags = {name: value for name, value in os.environ.items() if "XLA" in name or "FLAGS" in name}
    return hashlib.sha256(json.dumps([facts, flags], sort_keys=True).encode()).hexdigest()[:16]
