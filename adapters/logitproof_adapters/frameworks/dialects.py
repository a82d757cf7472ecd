"""The dialects of the adapters of this package: what each framework documents about its losses, as data.

They stand in the classes of the adapters, which import no framework before they are made; so the dialects can be told
side by side where no framework is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_adapters.contract import Dialect, Loss

BETTER_KNOWN = (
    *("torch", "tensorflow", "jax", "keras_tensorflow", "keras_torch", "keras_jax"),
    *("optax", "paddle", "mlx", "onnxruntime", "tinygrad"),
)
"""The frameworks that readers look for; the others come behind them."""


def _of_adapter(name: str) -> Mapping[Loss, Dialect]:
    module, _, attribute = FRAMEWORKS[name].adapter_spec.partition(":")
    found: Mapping[Loss, Dialect] = getattr(import_module(module), attribute).dialects
    return found


DIALECTS: Mapping[str, Mapping[Loss, Dialect]] = {
    name: dialects for name in dict.fromkeys((*BETTER_KNOWN, *FRAMEWORKS)) if (dialects := _of_adapter(name))
}
"""Dialects by the name of an adapter with losses, then by the op, labels and entry of a cell."""
