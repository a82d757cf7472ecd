"""What decides bits besides the framework: interpreter, machine, threads, package versions."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "XLA_FLAGS",
    "MKL_CBWR",
    "CUDA_VISIBLE_DEVICES",
)
"""Variables that change how a framework splits or vectorises its sums; recorded where they are set."""

PACKAGES = ("logitproof", "numpy", "ml_dtypes")
"""Packages of which every run says the version, or that they are not installed."""

COMPANIONS = (
    *("jax", "jaxlib", "keras", "onnx", "onnxruntime", "opt-einsum", "optax", "scikit-learn", "scipy"),
    *("tensorflow", "tensorflow-cpu", "torch", "triton"),
)
"""Packages that can move a framework's numbers, recorded where they are installed."""

_NUMERIC_FEATURE = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|neon|asimd|sve|sme(?!p)|fphp|bf16|i8mm|fp$)")
_CPU_INFO = Path("/proc/cpuinfo")


def describe_environment() -> dict[str, Any]:
    """Describe this process's surroundings, as a tree of JSON values.

    Returns
    -------
    dict
        ``python``, ``implementation``, ``os``, ``kernel``, ``machine`` and ``cpu`` (strings), ``cpu_features``
        (sorted list, those that matter to arithmetic), ``cores`` (usable by this process), ``threads`` (the
        `THREAD_VARIABLES` that are set) and ``packages`` (name to version). No host or user is recorded.
        The caller adds ``framework``: ``{"framework", "version", "build"}``.
    """
    cpu, features = describe_cpu(_CPU_INFO)
    return {
        "python": platform.python_version(),
        "implementation": f"{platform.python_implementation()} ({platform.python_compiler()})",
        "os": operating_system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu,
        "cpu_features": features,
        "cores": usable_cores(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "packages": {name: package_version(name) for name in PACKAGES} | _companions(),
    }


def _companions() -> dict[str, str]:
    versions = {name: package_version(name) for name in COMPANIONS}
    return {name: version for name, version in versions.items() if version != "not installed"}


def package_version(name: str) -> str:
    """Return the installed version of a distribution, or ``not installed``."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def operating_system() -> str:
    """Return the operating system as its makers spell it, e.g. ``Debian GNU/Linux 12 (bookworm)``."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def usable_cores() -> int:
    """Return how many cores this process may run on (its affinity where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_cpu(cpu_info: Path) -> tuple[str, list[str]]:
    """Return the processor's model and its numeric features, sorted; no features where the system does not tell.

    Parameters
    ----------
    cpu_info : Path
        A file laid out as Linux's ``/proc/cpuinfo``; it need not exist.
    """
    try:
        text = cpu_info.read_text(errors="replace")
    except OSError:
        text = ""
    facts = dict(re.findall(r"^([^:\n]+?)\s*:\s*(.*)$", text, flags=re.MULTILINE))
    model = facts.get("model name") or facts.get("Processor") or platform.processor() or platform.machine()
    features = set((facts.get("flags") or facts.get("Features") or "").split())
    return model, sorted(name for name in features if _NUMERIC_FEATURE.search(name))
