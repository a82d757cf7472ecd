"""The clang that tinygrad calls on the CPU: its release, its capabilities, and a cache for compiled code.

tinygrad keeps compiled kernels from one process to the next and does not ask by which clang they were compiled.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path


def clang() -> str:
    """Return the first line of what the compiler that tinygrad calls says of itself; empty if there is none."""
    compiler = os.environ.get("CC", "clang")
    if not shutil.which(compiler):
        return ""
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - as tinygrad
    return said.stdout.partition("\n")[0]


def knows_bfloat16() -> bool:
    """Return whether that compiler computes in bfloat16, as tinygrad's kernels do.

    Clang 14 has no such type, clang 15 and 16 store it and convert nothing to it, clang 19 computes in it.
    """
    command = [os.environ.get("CC", "clang"), "-x", "c", "-march=native", "-fsyntax-only", "-"]
    kernel = b"__bf16 twice(__bf16 x) { return (__bf16)((float)x + (float)(x + x)); }"
    return subprocess.run(command, input=kernel, capture_output=True, check=False).returncode == 0  # noqa: S603 - as above


def cache_of(compiler: str) -> str:
    """Return the path of the cache for what this compiler has compiled, beside tinygrad's own."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "tinygrad"
    return str(folder / f"logitproof-{hashlib.sha256(compiler.encode()).hexdigest()[:16]}.db")
