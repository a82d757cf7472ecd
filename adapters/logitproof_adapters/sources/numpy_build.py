"""What NumPy's arithmetic depends on: the vector instructions that it uses."""

from __future__ import annotations

from importlib import import_module

import numpy as np

GROUPS = {
    "X86_V2": ("SSE", "SSE2", "SSE3", "SSSE3", "SSE41", "POPCNT", "SSE42"),
    "X86_V3": ("AVX", "F16C", "FMA3", "AVX2"),
    "X86_V4": ("AVX512F", "AVX512CD", "AVX512_SKX"),
}
"""What NumPy 2.4 and later call by one name: releases are compared by the same words."""

_OF_NO_MATTER = frozenset({"MMX"})


def simd_extensions() -> str:
    """Return the vector extensions that NumPy is built for or found, separated by spaces."""
    try:
        config = np.show_config(mode="dicts")
    except TypeError:  # before NumPy 1.26
        return extensions(_cpu_features())
    found = config["SIMD Extensions"]
    return extensions([*found.get("baseline", []), *found.get("found", [])])


def extensions(names: list[str]) -> str:
    """Return names of extensions without NumPy's names for groups.

    >>> extensions(["ASIMD"]), extensions(["AVX", "X86_V3"])
    ('ASIMD', 'AVX F16C FMA3 AVX2')
    """
    single = [one for name in names if name not in _OF_NO_MATTER for one in GROUPS.get(name, (name,))]
    return " ".join(dict.fromkeys(single))


def _cpu_features() -> list[str]:
    found = getattr(import_module("numpy.core._multiarray_umath"), "__cpu_features__", {})
    return [name for name, there in found.items() if there]
