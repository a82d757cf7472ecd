"""The dialects of the adapters of this package: what each framework documents of its losses, as data.

Stated apart from the adapters, so that they can be told side by side where no framework is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.contract import Dialect
from logitproof_adapters.dialect_of_jax import jax
from logitproof_adapters.dialect_of_keras import keras
from logitproof_adapters.dialect_of_liger import liger
from logitproof_adapters.dialect_of_mlx import mlx
from logitproof_adapters.dialect_of_onnxruntime import onnxruntime
from logitproof_adapters.dialect_of_optax import optax
from logitproof_adapters.dialect_of_paddle import paddle
from logitproof_adapters.dialect_of_sklearn import sklearn
from logitproof_adapters.dialect_of_tensorflow import tensorflow
from logitproof_adapters.dialect_of_tinygrad import tinygrad
from logitproof_adapters.dialect_of_torch import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Loss
    from logitproof_reference.cells import Cell

DIALECTS: Mapping[str, Mapping[Loss, Dialect]] = {
    "torch": torch(),
    "tensorflow": tensorflow(),
    "jax": jax(),
    "keras_tensorflow": keras("tensorflow"),
    "keras_torch": keras("torch"),
    "keras_jax": keras("jax"),
    "optax": optax(),
    "paddle": paddle(),
    "mlx": mlx(),
    "onnxruntime": onnxruntime(),
    "tinygrad": tinygrad(),
    "liger": liger(),
    "sklearn": sklearn(),
}
"""By adapter, and by the op, labels and entry of a cell; the better known frameworks first."""


def dialect_of(adapter: str, cell: Cell) -> Dialect:
    """Return what is stated of the loss that `cell` asks; a `Dialect` without documentation where nothing is."""
    return DIALECTS.get(adapter, {}).get((cell.op, cell.labels, cell.entry), Dialect())
