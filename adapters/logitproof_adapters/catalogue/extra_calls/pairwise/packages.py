"""The packages that calls are derived for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.extra_calls.pairwise import (
    of_jax,
    of_keras,
    of_mlx,
    of_onnx,
    of_optax,
    of_paddle,
    of_scipy,
    of_sklearn,
    of_tensorflow,
    of_tinygrad,
    of_torch,
)
from logitproof_adapters.catalogue.extra_calls.pairwise.tables import derived

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.pairwise.tables import DerivedCall

_OF = {
    "torch": of_torch,
    "jax": of_jax,
    "optax": of_optax,
    "tensorflow": of_tensorflow,
    "keras": of_keras,
    "paddle": of_paddle,
    "mlx": of_mlx,
    "tinygrad": of_tinygrad,
    "onnx": of_onnx,
    "scipy": of_scipy,
    "sklearn": of_sklearn,
}
"""The program and the functions of each."""


@cache
def derived_calls(package: str) -> tuple[DerivedCall, ...]:
    """Return the calls derived for a package; empty if none is."""
    if package not in _OF:
        return ()
    table = _OF[package]
    return derived(package, table.PROGRAM, table.FUNCTIONS, getattr(table, "FURTHER_WAYS", ()))
