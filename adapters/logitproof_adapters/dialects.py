"""The dialects of the adapters of this package: what each framework documents of its losses, as data.

Stated apart from the adapters, so that they can be told side by side where no framework is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters import dialects_of_frameworks as frameworks
from logitproof_adapters import dialects_of_libraries as libraries
from logitproof_adapters.contract import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss
    from logitproof_reference.cells import Cell

DIALECTS: Mapping[str, Mapping[Loss, Dialect]] = {
    "torch": frameworks.torch(),
    "tensorflow": frameworks.tensorflow(),
    "jax": frameworks.jax(),
    "keras_tensorflow": libraries.keras("tensorflow"),
    "keras_torch": libraries.keras("torch"),
    "keras_jax": libraries.keras("jax"),
    "optax": libraries.optax(),
    "paddle": frameworks.paddle(),
    "mlx": frameworks.mlx(),
    "onnxruntime": libraries.onnxruntime(),
    "tinygrad": frameworks.tinygrad(),
    "liger": libraries.liger(),
    "sklearn": libraries.sklearn(),
}
"""By adapter, and by the op, labels and entry of a cell; the better known frameworks first."""


def dialect_of(adapter: str, cell: Cell) -> Dialect:
    """Return what is stated of the loss that `cell` asks; a `Dialect` without documentation where nothing is."""
    return DIALECTS.get(adapter, {}).get((cell.op, cell.labels, cell.entry), Dialect())
