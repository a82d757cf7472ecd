"""Keras 3 on each of its backends that differentiates: keras.ops and keras.losses.

The losses are asked from logits, and as entry ``probabilities`` of keras.activations.softmax (https://keras.io/api/losses/).
There Keras clips to [1e-7, 1 - 1e-7]; on TensorFlow it takes the logits back from the softmax and clips nothing. A mean
is over the rows that ignore_class leaves, 0 over none; SparseCategoricalCrossentropy takes the classes last. A format
but float32 is asked for by dtype, without which a loss is float32. BinaryCrossentropy averages the last axis.
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import Description, Dialect
from logitproof_adapters.jax_adapter import JaxAdapter
from logitproof_adapters.questions import SourceAdapter
from logitproof_adapters.scope import not_wrapped
from logitproof_adapters.tensorflow_adapter import TensorflowAdapter
from logitproof_adapters.torch_adapter import TorchAdapter
from logitproof_reference.cells import SIGMOID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_reference.cells import Cell

LOSS = "softmax_cross_entropy"
EXPRESSIONS = {
    ("softmax", "none"): "keras.ops.softmax(x, axis={axis})",
    ("log_softmax", "none"): "keras.ops.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none"): "keras.ops.logsumexp(x, axis={axis})",
    (LOSS, "indices"): "keras.losses.SparseCategoricalCrossentropy({options})(y, {last})",
    (LOSS, "distributions"): "keras.losses.CategoricalCrossentropy({options}, axis={axis})(y, {given})",
    (SIGMOID, "distributions"): "keras.losses.BinaryCrossentropy({options})(y[..., None], x[..., None])",
}
REDUCTIONS = {"none": "None", "sum": '"sum"', "mean": '"sum_over_batch_size"'}


class KerasAdapter(SourceAdapter):
    """Asks Keras; a class a backend says which adapter differentiates, compiles and converts."""

    backend: str
    modes: tuple[str, ...] = ("eager", "compiled")
    entries: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
        dict.fromkeys([(LOSS, "indices"), (LOSS, "distributions")], ("probabilities",))
    )

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = self.backend
        import keras  # noqa: PLC0415 - an adapter imports its framework here and nowhere else

        if (found := keras.backend.backend()) != self.backend:
            raise ImportError(f'Keras runs on "{found}" in this process; "{self.backend}" needs one of its own')
        super().__init__()
        self._namespace["keras"] = self._keras = keras
        self.imports = f'import os\nos.environ["KERAS_BACKEND"] = "{self.backend}"\n{self.imports}\nimport keras'

    def describe(self) -> Description:
        """Return Keras' version, its backend's, and the backend's build."""
        backend = super().describe()  # type: ignore[safe-super]  # the adapter of the backend, next in line
        return Description("Keras", self._keras.__version__, {self.backend: backend.version, **backend.build})

    def unsupported(self, cell: Cell) -> str | None:
        """Return why Keras has no such cell, or None."""
        asked = cell.options
        reasons = {
            "Keras' losses weight no classes": asked.weight or asked.pos_weight,
            "SparseCategoricalCrossentropy smoothes no labels": cell.labels == "indices" and asked.label_smoothing != 0,
            f"{cell.format} does not resolve the clip of probabilities at 1e-7": (
                cell.entry == "probabilities" and cell.format not in {"float32", "float64"}
            ),
        }
        found = next((reason for reason, applies in reasons.items() if applies), None)
        return not_wrapped(cell, self.modes, self.entries) or found

    def dialect(self, cell: Cell) -> Dialect:
        """Return what keras.losses documents."""
        names = {(LOSS, "indices"): "sparsecategorical", (LOSS, "distributions"): "categorical"}
        page = names.get((cell.op, cell.labels), "binary")
        of_tensorflow = self.backend == "tensorflow"
        return Dialect(
            documentation=f"https://keras.io/api/losses/probabilistic_losses/#{page}crossentropy-class",
            mean_over="kept_rows" if cell.labels == "indices" else None,
            empty_mean="zero",
            unnormalized_gradient="tensorflow" if of_tensorflow and cell.labels == "distributions" else "exact",
            clip_probabilities=1e-7 if cell.entry == "probabilities" and not of_tensorflow else None,
            reduction="mean",
            class_axis="last" if cell.labels == "indices" else "any",
        )

    def expression(self, cell: Cell, axis: int, ndim: int) -> str:
        """Return the call of Keras."""
        given = f"keras.activations.softmax(x, axis={axis})" if cell.entry else "x"
        last = given if axis == ndim - 1 else f"keras.ops.moveaxis({given}, {axis}, -1)"
        words = {
            "from_logits": "" if cell.entry else "True",
            "reduction": REDUCTIONS.get(cell.options.reduction, repr(cell.options.reduction)),
            "ignore_class": "" if cell.options.ignore_index is None else str(cell.options.ignore_index),
            "label_smoothing": str(cell.options.label_smoothing or ""),
            "dtype": "" if cell.format == "float32" else repr(cell.format),
        }
        options = ", ".join(f"{name}={value}" for name, value in words.items() if value)
        return EXPRESSIONS[cell.op, cell.labels].format(axis=axis, given=given, last=last, options=options)


class KerasTensorflowAdapter(KerasAdapter, TensorflowAdapter):
    """Asks Keras on TensorFlow."""

    name, backend = "keras_tensorflow", "tensorflow"


class KerasTorchAdapter(KerasAdapter, TorchAdapter):
    """Asks Keras on PyTorch, which Keras does not compile by default."""

    name, backend = "keras_torch", "torch"
    modes = ("eager",)
    ignored_labels = ()


class KerasJaxAdapter(KerasAdapter, JaxAdapter):
    """Asks Keras on JAX."""

    name, backend = "keras_jax", "jax"
    broadcast_labels = ()
