"""Where frameworks keep what they compiled, so that the next run need not compile it again.

Only for a framework that is installed beside Logitproof: elsewhere nothing is written. The folder is one for each set
of versions, machine and flags, since not every framework asks for these before it takes what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from logitproof_reference.answers.place import cache_folder
from logitproof_reports.runs.environment import describe_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "compiled"
MOST_FOLDERS = 4
"""Kept, those used last."""

DECIDES = ("python", "os", "kernel", "machine", "cpu", "cpu_features", "threads", "packages")
"""What of an environment decides what a compiler makes."""


def variables() -> dict[str, str]:
    """Return the environment variables by which JAX, TensorFlow and PyTorch keep what they compiled.

    Sources: jax.readthedocs.io, "Persistent compilation cache"; tensorflow/compiler/jit/flags.cc; the documentation of
    torch.compile's caches.
    """
    folder = _folder()
    wanted = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={folder / 'tensorflow'}",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    return {name: value for name, value in wanted.items() if name not in os.environ}


def switched_off() -> dict[str, str]:
    """Return the environment variables by which they compile everything anew."""
    return {"JAX_ENABLE_COMPILATION_CACHE": "0", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}


def _folder() -> Path:
    """Return the folder for this environment; the ones used longest ago go."""
    parent = cache_folder() / FOLDER
    folder = parent / _digest(describe_environment())
    with suppress(OSError):  # where nothing can be kept, nothing is
        for name in ("jax", "tensorflow", "inductor"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for old in sorted(parent.iterdir(), key=lambda one: one.stat().st_mtime)[:-MOST_FOLDERS]:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _digest(environment: Mapping[str, object]) -> str:
    facts = {name: environment[name] for name in DECIDES}
    flags = {name: value for name, value in os.environ.items() if "XLA" in name or "FLAGS" in name}
    return hashlib.sha256(json.dumps([facts, flags], sort_keys=True).encode()).hexdigest()[:16]
