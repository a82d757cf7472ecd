"""Keras' functions as source: what is called for an op, from logits and, as an entry, from probabilities.

A format other than float32 is asked for by dtype, without which a loss is float32. BinaryCrossentropy averages the last
axis, so that each logit is given one of its own. Keras 2 has no keras.ops, and its losses keep the format of what they
are given. Entry ``probabilities`` is what a model ends with:
keras.activations.softmax. Entry ``tf_probabilities``, on TensorFlow alone, is tf.nn.softmax in its place.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from logitproof_adapters.contract import DISTRIBUTIONS, INDICES, SIGMOID

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Cell

EXPRESSIONS = {
    ("softmax", "none"): "keras.ops.softmax(x, axis={axis})",
    ("log_softmax", "none"): "keras.ops.log_softmax(x, axis={axis})",
    ("log_sum_exp", "none"): "keras.ops.logsumexp(x, axis={axis})",
    INDICES: "keras.losses.SparseCategoricalCrossentropy({options})({true}, {given})",
    DISTRIBUTIONS: "keras.losses.CategoricalCrossentropy({options}, axis={axis})(y, {given})",
    SIGMOID: "keras.losses.BinaryCrossentropy({options})(y[..., None], x[..., None])",
}

SPELLED = {
    ("softmax", "two_class_axes"): "keras.ops.softmax(x, axis=({axis}, {last}))",
    ("log_softmax", "two_class_axes"): "keras.ops.log_softmax(x, axis=({axis}, {last}))",
    ("log_sum_exp", "two_class_axes"): "keras.ops.logsumexp(x, axis=({axis}, {last}))",
    ("log_sum_exp", "kept_axis"): "keras.ops.logsumexp(x, axis={axis}, keepdims=True)",
    ("log_sum_exp", "every_axis"): "keras.ops.logsumexp(x)",
}
"""Further calls by op and word of `Adapter.spellings`; keras.ops has branches of its own for a tuple of axes."""

FOCAL = "keras.losses.BinaryFocalCrossentropy(gamma=0.0, {options})(y[..., None], x[..., None])"
"""Entry ``focal``: with gamma 0 the focal factor (1 - p)^gamma is 1, and the loss the binary cross-entropy."""

EXPRESSIONS_OF_2 = {**EXPRESSIONS, ("softmax", "none"): "keras.activations.softmax(x, axis={axis})"}
"""The expressions of Keras 2, on TensorFlow."""

PREDICTIONS = {
    "": "x",
    "focal": "x",
    "probabilities": "keras.activations.softmax(x, axis={axis})",
    "tf_probabilities": "tf.nn.softmax(x, axis={axis})",
}
"""What a loss is given, by entry."""

TORCH_ENTRIES = MappingProxyType(dict.fromkeys((INDICES, DISTRIBUTIONS), ("probabilities",)))
"""On PyTorch entry ``focal`` is an error for all rows where one holds a NaN: it would tell nothing of the others."""

ENTRIES = MappingProxyType({**TORCH_ENTRIES, SIGMOID: ("focal",)})
TF_ENTRIES = MappingProxyType({**ENTRIES, DISTRIBUTIONS: ("probabilities", "tf_probabilities")})

REDUCTIONS = {"none": "None", "sum": '"sum"', "mean": '"sum_over_batch_size"'}
REDUCTIONS_OF_2 = {**REDUCTIONS, "none": '"none"'}


def call(cell: Cell, axis: int, ndim: int, *, has_ops: bool = True) -> str:
    """Return the call that answers a cell, where the logits x have `ndim` axes and their classes lie at `axis`.

    Parameters
    ----------
    has_ops : bool
        Whether Keras has ``keras.ops``; Keras 2 has not.
    """
    if (cell.op, cell.entry) in SPELLED:
        return SPELLED[cell.op, cell.entry].format(axis=axis, last=ndim - 1)
    expressions, reductions = (EXPRESSIONS, REDUCTIONS) if has_ops else (EXPRESSIONS_OF_2, REDUCTIONS_OF_2)
    given = PREDICTIONS[cell.entry].format(axis=axis)
    elsewhere = cell.labels == "indices" and axis != ndim - 1
    words = {
        "axis": str(axis) if elsewhere else "",
        "from_logits": "True" if given == "x" else "",
        "reduction": reductions.get(cell.options.reduction, repr(cell.options.reduction)),
        "ignore_class": "" if cell.options.ignore_index is None else str(cell.options.ignore_index),
        "label_smoothing": str(cell.options.label_smoothing or ""),
        "dtype": "" if cell.format == "float32" or not has_ops else repr(cell.format),
    }
    options = ", ".join(f"{name}={value}" for name, value in words.items() if value)
    # Labels may keep the axis of the classes with a length of 1; where it is not the last, that says which one it is.
    true = f"keras.ops.expand_dims(y, {axis})" if elsewhere else "y"
    expression = FOCAL if cell.entry == "focal" else expressions[cell.op, cell.labels]
    return expression.format(axis=axis, given=given, true=true, options=options)
