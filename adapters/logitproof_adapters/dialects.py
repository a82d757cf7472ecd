"""The dialects of the adapters of this package: what each framework documents of its losses, as data.

Stated apart from the adapters, so that they can be told side by side where no framework is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.dialect_of_jax import documented as jax
from logitproof_adapters.dialect_of_keras import documented as keras
from logitproof_adapters.dialect_of_liger import documented as liger
from logitproof_adapters.dialect_of_mlx import documented as mlx
from logitproof_adapters.dialect_of_onnxruntime import documented as onnxruntime
from logitproof_adapters.dialect_of_optax import documented as optax
from logitproof_adapters.dialect_of_paddle import documented as paddle
from logitproof_adapters.dialect_of_sklearn import documented as sklearn
from logitproof_adapters.dialect_of_tensorflow import documented as tensorflow
from logitproof_adapters.dialect_of_tinygrad import documented as tinygrad
from logitproof_adapters.dialect_of_torch import documented as torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Dialect, Loss

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
