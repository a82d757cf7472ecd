"""The oldest release of each framework that is judged: the first that has what the adapters call.

Older than what is tested, which the extras of pyproject.toml say: upgrades and replays judge such releases too.
"""

from __future__ import annotations

from importlib import metadata

from packaging.version import InvalidVersion, Version

OLDEST = {
    "jax": "0.4.27",
    "keras": "3.0.5",
    "liger_kernel": "0.5.8",
    "mlx": "0.28",
    "numpy": "2.0",
    "onnx": "1.15",
    "onnxruntime": "1.19",
    "optax": "0.2.4",
    "paddle": "2.6.2",
    "scipy": "1.13",
    "sklearn": "1.4.2",
    "tensorflow": "2.18",
    "tinygrad": "0.11",
    "torch": "2.3",
    "triton": "2.3.1",
}
"""By the package that is imported. None is older than the first that runs beside NumPy 2, as Logitproof does."""

DISTRIBUTIONS = {
    "liger_kernel": ("liger-kernel",),
    "onnxruntime": ("onnxruntime", "onnxruntime-training", "onnxruntime-gpu"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "sklearn": ("scikit-learn",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
}
"""What a package is installed from, where that is not one distribution of its own name."""


def too_old(package: str) -> str | None:
    """Return in a line which release of a package is installed, where that is too old to be judged, else None.

    A package whose release nothing tells, such as one on a path, is taken for new enough.
    """
    found = _installed(package)
    least = _least(*found) if found else ""
    if not found or not least:
        return None
    name, release = found
    return (
        f"{name} {release} is installed, and {least} is the oldest release that is judged; "
        f'install a newer one with: python -m pip install "{name}>={least}"'
    )


def too_old_to_install(name: str, release: str) -> str | None:
    """Return in a line why a release of a distribution need not be installed: it is too old to be judged; else None."""
    least = _least(name, release)
    return f"{name} {release} is too old: {least} is the oldest release that is judged" if least else None


def _least(name: str, release: str) -> str:
    """Return the oldest release that is judged, where this one of a distribution is older, else an empty text."""
    package = next((package for package, names in DISTRIBUTIONS.items() if name in names), name)
    try:
        return OLDEST[package] if Version(release) < Version(OLDEST.get(package, "0")) else ""
    except InvalidVersion:
        return ""


def _installed(package: str) -> tuple[str, str] | None:
    """Return distribution and release of an installed package."""
    for name in DISTRIBUTIONS.get(package, (package,)):
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
