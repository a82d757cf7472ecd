"""The dialects of the adapters of this package: what each framework documents of its losses, as data.

Stated apart from the adapters, so that they can be told side by side where no framework is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.frameworks.jax.dialect import documented as jax
from logitproof_adapters.frameworks.keras.dialect import documented as keras
from logitproof_adapters.frameworks.liger.dialect import documented as liger
from logitproof_adapters.frameworks.mlx.dialect import documented as mlx
from logitproof_adapters.frameworks.onnxruntime.dialect import documented as onnxruntime
from logitproof_adapters.frameworks.optax.dialect import documented as optax
from logitproof_adapters.frameworks.paddle.dialect import documented as paddle
from logitproof_adapters.frameworks.sklearn.dialect import documented as sklearn
from logitproof_adapters.frameworks.tensorflow.dialect import documented as tensorflow
from logitproof_adapters.frameworks.tinygrad.dialect import documented as tinygrad
from logitproof_adapters.frameworks.torch.dialect import documented as torch

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
