"""Caches of compiled programs, and of Python's bytecode, so that the next run need not compile again.

Only for interpreters of this machine. The folder is Logitproof's own, nothing is written besides the framework, and is
one for each set of versions, machine and flags: not every framework compares these before it takes what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logitproof_reference.answers.cache_folder import COMPILED, cache_folder
from logitproof_reports.runs.environment import describe_environment

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class CompilerCache:
    """The folder in which the compilers of a target keep programs, and the names of what is installed there.

    Attributes
    ----------
    folder : Path
        With a folder each for JAX, TensorFlow, PyTorch's inductor, and Python's bytecode.
    installed : tuple of str
        Folders of distributions; none of this environment, which needs no looking.
    """

    folder: Path
    installed: tuple[str, ...]


def cache_of(target: Target) -> CompilerCache | None:
    """Return the cache of a target, None where it is not known what is installed there; old ones go."""
    facts = _facts(target)
    return CompilerCache(_folder(facts), tuple(facts["installed"])) if facts else None


def for_kernels(cache: CompilerCache) -> Path:
    """Return the folder for what JAX compiles of kernels, apart from what runs keep; what was written first goes."""
    folder = cache.folder / KERNELS
    with suppress(OSError):  # where nothing can be kept, nothing is
        folder.mkdir(parents=True, exist_ok=True)
        _keep_small(folder)
    return folder


def _keep_small(folder: Path) -> None:
    """Remove what was written first while there is more than `MOST_KERNEL_BYTES`."""
    facts = [(file.stat().st_mtime, file.stat().st_size, file) for file in folder.iterdir()]
    left = sum(size for _, size, _ in facts)
    for _, size, file in sorted(facts):
        if left <= MOST_KERNEL_BYTES:
            return
        file.unlink(missing_ok=True)
        left -= size


def _facts(target: Target) -> dict[str, Any]:
    """Return what decides what compilers make in a target; nothing where it is not known what is installed there."""
    environment = describe_environment()
    if target.is_here:
        return {**{name: environment[name] for name in HERE}, "installed": []}
    python = Path(target.command[0])
    installed = sorted(path.name for path in python.parent.parent.glob("lib/python3*/*-packages/*.dist-info"))
    place = {"interpreter": str(python.absolute()), "resolved": str(python.resolve()), "installed": installed}
    return {**{name: environment[name] for name in MACHINE}, **place} if installed else {}


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
