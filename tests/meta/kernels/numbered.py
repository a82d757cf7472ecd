"""The kernels of the corpus by number, so that a process of its own finds them: ``function_7``, ``gradient_7``."""

from __future__ import annotations

from typing import Any

from meta.kernels.every import CORRECT, FAULTY, Planted

KERNELS: tuple[Planted, ...] = (*FAULTY, *CORRECT)


def __getattr__(name: str) -> Any:
    """Return the function or the gradient of a kernel."""
    part, _, number = name.partition("_")
    if part not in {"function", "gradient"} or not number.isdigit():
        raise AttributeError(name)
    return getattr(KERNELS[int(number)], part)
