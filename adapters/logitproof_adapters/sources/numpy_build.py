"""What NumPy's own arithmetic depends on: the vector instructions that it found."""

from __future__ import annotations

from importlib import import_module

import numpy as np


def simd_extensions() -> str:
    """Return the vector extensions that NumPy found beside those it is built for, separated by spaces."""
    try:
        config = np.show_config(mode="dicts")
    except TypeError:  # before NumPy 1.26
        return " ".join(_cpu_features())
    return " ".join(config["SIMD Extensions"].get("found", []))


def _cpu_features() -> list[str]:
    found = getattr(import_module("numpy.core._multiarray_umath"), "__cpu_features__", {})
    return [name for name, there in found.items() if there]
