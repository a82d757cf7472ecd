"""The environment of a run: interpreter, machine, threads, package versions, all that decides bits.

This module travels to targets: it runs on Python 3.8 with NumPy alone.
"""

from __future__ import annotations

import os
import platform
import re
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "NPROC",  # XLA on the CPU, so JAX
    "NUM_CPU_THREADS",  # tinygrad
    "TF_ENABLE_ONEDNN_OPTS",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "XLA_FLAGS",
    "MKL_CBWR",
    "CUDA_VISIBLE_DEVICES",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "TF_DETERMINISTIC_OPS",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "PYTORCH_MPS_FAST_MATH",
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
_OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))  # platform reads them since Python 3.10
_NUMPY_SPELLS_IT = {"SSE3": "pni", "FMA3": "fma"}
_SWITCHED_OFF = {"off", "0", "no", "false"}
_SWITCHED_ON = {"on", "1", "yes", "true", "default"}
_COMPILER = re.compile(r"\b(clang|gcc|g\+\+)\b.*?(\d+(?:\.\d+)+)", flags=re.IGNORECASE)


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
    cpu, features = describe_cpu(_CPU_INFO, numpy_features(), platform.machine())
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
        "packages": {**{name: package_version(name) for name in PACKAGES}, **_companions()},
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
    for place in _OS_RELEASE:
        try:
            found = re.search(r"^PRETTY_NAME=[\"']?(.*?)[\"']?$", place.read_text(encoding="utf-8"), flags=re.MULTILINE)
        except OSError:
            continue
        if found:
            return found.group(1)
    return platform.platform(terse=True)


def usable_cores() -> int:
    """Return how many cores this process may run on (its affinity where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_cpu(cpu_info: Path, numpy_finds: Mapping[str, bool], machine: str = "") -> tuple[str, list[str]]:
    """Return the processor's model and its numeric features, sorted; no features where the system does not tell.

    Parameters
    ----------
    cpu_info : Path
        A file laid out as Linux's ``/proc/cpuinfo``; it need not exist.
    numpy_finds : dict of str to bool
        Features of which NumPy knows whether the processor has them, see `numpy_features`; the others are believed.
    machine : str
        The architecture. On ARM the file may be that of an x86 host (QEMU's emulation of user programs): then NumPy
        alone is believed.
    """
    try:
        text = cpu_info.read_text(errors="replace")
    except OSError:
        text = ""
    facts = dict(re.findall(r"^([^:\n]+?)\s*:\s*(.*)$", text, flags=re.MULTILINE))
    if machine in {"aarch64", "arm64"} and "flags" in facts:
        found = {name.lower() for name, is_there in numpy_finds.items() if is_there}
        return machine, sorted(filter(_NUMERIC_FEATURE.search, found))
    model = facts.get("model name") or facts.get("Processor") or platform.processor() or platform.machine()
    features = set((facts.get("flags") or facts.get("Features") or "").split())
    return model, sorted(name for name in features - _missing(features, numpy_finds) if _NUMERIC_FEATURE.search(name))


def _missing(features: set[str], numpy_finds: Mapping[str, bool]) -> set[str]:
    """Return the features that the system lists and NumPy does not find.

    NumPy asks the processor itself. Under an emulator of user programs (QEMU) the system's list is the host's.
    """
    found = {_plain(name): there for name, there in numpy_finds.items()}
    without = {name for name in features if not found.get(_plain(name), True)}
    wide = {name for name in features if name.startswith(("avx512", "amx"))}
    return without if found.get("avx512f", True) else without | wide


def numpy_features() -> dict[str, bool]:
    """Return the processor's features as NumPy found them, by NumPy's names; empty if it does not tell."""
    # Private since NumPy 1.17, where it was added for NumPy's own tests; numpy.show_runtime() prints it.
    for package in ("numpy._core", "numpy.core"):
        try:
            module = import_module(f"{package}._multiarray_umath")
        except ImportError:
            continue
        found: dict[str, bool] = getattr(module, "__cpu_features__", {})
        return found
    return {}


def _plain(name: str) -> str:
    """Return a feature's name without what Linux and NumPy spell differently: ``avx512_fp16`` is ``AVX512FP16``."""
    return _NUMPY_SPELLS_IT.get(name, name).replace("_", "").lower()


def facts_of(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts of an environment by which entries of a ledger select: name to version, empty without one.

    Parameters
    ----------
    environment : mapping
        What `describe_environment` returned, with the ``framework`` part.

    Returns
    -------
    dict of str to str
        The architecture (``x86_64``, ``aarch64``), the system (``linux``), each CPU feature, ``cores``, packages and
        what else decides bits of the framework's build: a switch that is on by its name (``onednn``), others with
        their value (``threads``); a compiler by its release (``clang``); a variable that is set, in lower case; the
        device and the words of it (``cuda``), and what it was found to do with numbers (``flushes_subnormal_results``).
    """
    framework = environment.get("framework") or {}
    names = [environment.get("machine", ""), str(environment.get("kernel", "")).partition(" ")[0].lower()]
    facts = dict.fromkeys([*filter(None, names), *environment.get("cpu_features", ())], "")
    facts["cores"] = str(environment.get("cores", ""))
    facts.update({name.lower(): str(value) for name, value in (environment.get("threads") or {}).items()})
    facts.update({name: str(version) for name, version in (environment.get("packages") or {}).items()})
    facts.update(dict.fromkeys(re.findall(r"[a-z][a-z0-9]*", str(framework.get("version", "")).partition("+")[2]), ""))
    facts.update(dict.fromkeys(re.findall("[a-z][a-z0-9]*", str((framework.get("build") or {}).get("device", ""))), ""))
    for name, value in [*(framework.get("build") or {}).items(), *(environment.get("arithmetic") or {}).items()]:
        facts.update(_build_fact(name, str(value)))
    return facts


def _build_fact(name: str, value: str) -> dict[str, str]:
    if compiler := _COMPILER.search(value):
        return {compiler.group(1).lower(): compiler.group(2)}
    if value.lower() in _SWITCHED_OFF:
        return {}
    return {name: "" if value.lower() in _SWITCHED_ON and name != "threads" else value}
