"""Keras on each of its backends that differentiates: keras.ops and keras.losses (https://keras.io/api/losses/).

The calls are spelled in `functions`. On TensorFlow these are tf.keras.losses, the same classes by another name.
From probabilities Keras clips to [1e-7, 1 - 1e-7]; on TensorFlow it takes the logits back from its own softmax and
clips nothing. A mean is over the rows that ignore_class leaves, 0 over none.
"""

from __future__ import annotations

import os
from inspect import signature
from typing import TYPE_CHECKING

from logitproof_adapters.contract import CPU, Description
from logitproof_adapters.contract.device import parted
from logitproof_adapters.frameworks.jax.adapter import JaxAdapter
from logitproof_adapters.frameworks.keras.dialect import documented
from logitproof_adapters.frameworks.keras.expressions import ENTRIES, SPELLED, TF_ENTRIES, TORCH_ENTRIES, call
from logitproof_adapters.frameworks.tensorflow.adapter import TensorflowAdapter
from logitproof_adapters.frameworks.torch.adapter import TorchAdapter
from logitproof_adapters.sources.source_adapter import SourceAdapter, spelled_words
from logitproof_adapters.sources.unsupported import NOT_ASKED, not_wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_reference.vocabulary.cells import Cell


class KerasAdapter(SourceAdapter):
    """Asks Keras; a class a backend says which adapter differentiates, compiles and converts."""

    backend: str
    clipped: tuple[str, ...] = ("probabilities",)
    """The entries whose probabilities are clipped."""
    modes: tuple[str, ...] = ("eager", "compiled")
    entries: Mapping[tuple[str, str], tuple[str, ...]] = ENTRIES
    broadcast_labels: tuple[str, ...] = ()
    spellings: Mapping[str, tuple[str, ...]] = spelled_words(SPELLED)
    zero_dimensions: tuple[str, ...] = ()
    one_dimension: tuple[str, ...] = ("softmax", "log_softmax", "log_sum_exp")  # as keras.ops' own examples have it
    names_axis = True
    """Whether this release's SparseCategoricalCrossentropy takes an axis."""
    has_ops = True
    """Whether this release has ``keras.ops``, which came with Keras 3."""
    label_columns = True  # a model is fitted with labels of shape (rows, 1); each backend takes a last axis of one away
    floating_indices = True  # "a single floating point value per feature for y_true"

    def __init__(self, device: str = CPU) -> None:
        os.environ["KERAS_BACKEND"] = self.backend
        import keras  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        if (found := keras.backend.backend()) != self.backend:
            raise ImportError(f'Keras runs on "{found}" in this process; "{self.backend}" needs one of its own')
        super().__init__(device)  # type: ignore[call-arg]  # of the adapter of the backend, next in line
        self._namespace["keras"] = self._keras = keras
        self.has_ops = hasattr(keras, "ops")
        self.spellings = self.spellings if self.has_ops else {}
        self.names_axis = "axis" in signature(keras.losses.SparseCategoricalCrossentropy).parameters
        self.imports = f'import os\nos.environ["KERAS_BACKEND"] = "{self.backend}"\n{self.imports}\nimport keras'

    def describe(self) -> Description:
        """Return Keras' version, its backend's, and the backend's build."""
        backend = super().describe()  # type: ignore[safe-super]  # the adapter of the backend, next in line
        return Description("Keras", self._keras.__version__, {self.backend: backend.version, **backend.build})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why Keras has no such cell, or None."""
        asked, elsewhere = cell.options, cell.labels == "indices" and cell.axis != "last"
        last_alone = "SparseCategoricalCrossentropy takes the classes last alone"
        reasons = {
            "Keras' cross-entropies weight no classes": asked.weight or asked.pos_weight,
            "SparseCategoricalCrossentropy smoothes no labels": cell.labels == "indices" and asked.label_smoothing != 0,
            f"keras.ops, which has {cell.op}, came with Keras 3": (
                not self.has_ops and cell.op in {"log_softmax", "log_sum_exp"}
            ),
            f"{last_alone} in this release": elsewhere and not self.names_axis,
            f"{last_alone} on TensorFlow": elsewhere and self.backend == "tensorflow",
            f"{NOT_ASKED}{cell.format} does not resolve the clip of probabilities at 1e-7": (
                cell.entry in self.clipped and cell.format not in {"float32", "float64"}
            ),
        }
        found = next((reason for reason, applies in reasons.items() if applies), None)
        return not_wrapped(cell, self.modes, self.entries) or found

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call of Keras."""
        return call(cell, axis, ndim, has_ops=self.has_ops)


class KerasTensorflowAdapter(KerasAdapter, TensorflowAdapter):
    """Asks Keras on TensorFlow, which is tf.keras."""

    name, backend = "keras_tensorflow", "tensorflow"
    dialects = documented("tensorflow")
    clipped = ("tf_probabilities",)
    modes = ("eager", "compiled", "graph")
    entries = TF_ENTRIES


class KerasTorchAdapter(KerasAdapter, TorchAdapter):
    """Asks Keras on PyTorch, which Keras does not compile by default."""

    name, backend = "keras_torch", "torch"
    dialects = documented("torch")
    modes = ("eager",)
    entries = TORCH_ENTRIES
    ignored_labels = ()

    def __init__(self, device: str = CPU) -> None:
        super().__init__(device)
        if device != CPU or self._torch.cuda.is_available():  # which Keras would use, whatever PyTorch's default is
            kind, index = parted(device)
            scope = f'scope = keras.device("{kind}:{index}"); scope.__enter__()'
            self.place(device, "\n".join(filter(None, [self.placement, scope])))


class KerasJaxAdapter(KerasAdapter, JaxAdapter):
    """Asks Keras on JAX."""

    name, backend = "keras_jax", "jax"
    dialects = documented("jax")
