"""The control as a whole: one entry for every op, quantity and option, in any format and with any class axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import sigmoid
from logitproof_adapters.control import softmax as control
from logitproof_adapters.control.options import LossOptions, effective_labels, mean_divisor, reduced, upstream
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS, formulas_of
from logitproof_reference.vocabulary.producers import PRODUCERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.control.softmax import Array


MIXED = {
    "softmax_cross_entropy": "mixed_derivative_of_cross_entropy",
    "sigmoid_cross_entropy": "mixed_derivative_of_sigmoid_cross_entropy",
}
"""What answers `MIXED_DERIVATIVE`, by op."""


def answer(op: str, quantity: str, logits: NDArray[Any], *, axis: int, **given: Any) -> NDArray[Any]:
    """Return the answer of one cell, in the format of `logits`, the class axis where it was.

    Parameters
    ----------
    op, quantity : str
        Of `ops.OPS`.
    logits : array
    axis : int
        Position of the class axis.
    **given
        ``labels``, ``cotangent``, ``tangent`` as `logitproof_reference.vocabulary.cells.Inputs` has them, and the
        attributes of `LossOptions`; with a reduction the cotangent is one number.

    Raises
    ------
    ValueError, TypeError, IndexError
        What is asked makes no sense; the message says what was found and what was expected.
    """
    taken = {name: given.pop(name, None) for name in ("labels", "cotangent", "tangent")}
    arrays = {name: array for name, array in taken.items() if array is not None}
    options = LossOptions(**given)
    moved = np.moveaxis(logits, axis, -1)
    if not (moved.shape[-1] or OPS[op].takes_labels or arrays):
        return _of_no_class(op, logits, axis)
    control.refuse(moved, arrays.get("labels"), axis, options.ignore_index)
    options.check(moved.shape[-1])
    working = np.result_type(logits.dtype, np.float32)

    def prepared(array: NDArray[Any]) -> NDArray[Any]:
        turned = np.moveaxis(array, axis, -1) if array.ndim == logits.ndim else array
        return np.asarray(turned, None if np.issubdtype(array.dtype, np.integer) else working, order="C")

    ready = {name: prepared(np.asarray(array)) for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        if OPS[op].elementwise:
            result = _elementwise(op, quantity, prepared(logits), ready, options)
        elif given:
            result = _with_options(quantity, prepared(logits), ready, options)
        else:
            result = function_of(op, quantity)(prepared(logits), *ready.values())
        result = np.asarray(result).astype(logits.dtype)
    return np.moveaxis(result, -1, axis) if result.ndim == logits.ndim else result


def _of_no_class(op: str, logits: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return no probability, or the logarithm of an empty sum."""
    return logits.copy() if OPS[op].keeps_classes else np.full(np.delete(logits.shape, axis), -np.inf, logits.dtype)


def function_of(op: str, quantity: str) -> Callable[..., Array]:
    """Return the function that the op's row names; it takes what it needs of labels, cotangent and tangent, in order.

    Raises
    ------
    ValueError
        The control does not offer the quantity.
    """
    name = MIXED[op] if quantity == MIXED_DERIVATIVE and op in MIXED else formulas_of(op, quantity).control
    if not name:
        raise ValueError(f"the control offers no {quantity} of {op}")
    found: Callable[..., Array] = getattr(sigmoid if OPS[op].elementwise else control, name)
    return found


def behind_producer(
    producer: str, op: str, quantity: str, logits: NDArray[Any], *, axis: int, **given: Any
) -> NDArray[Any]:
    """Return the answer for what a producer makes of the logits; a gradient goes back through it."""
    row = PRODUCERS[producer]
    result = answer(op, quantity, row.apply(logits), axis=axis, **given)
    return row.apply(result) if quantity == "grad_logits" else result


def _elementwise(op: str, quantity: str, x: Array, arrays: dict[str, Array], options: LossOptions) -> Array:
    """Return an elementwise loss or a derivative; its mean is over all elements."""
    positive = None if options.pos_weight is None else options.pos_weight.astype(x.dtype)
    if "cotangent" in arrays:
        arrays = {**arrays, "cotangent": upstream(arrays["cotangent"], x.shape, options, x.size)}
    plain = function_of(op, quantity)(x, *arrays.values(), pos_weight=positive)
    weighted: Array = plain if options.weight is None else plain * options.weight.astype(x.dtype)
    return reduced(weighted, options, x.size) if quantity == "value" else weighted


def _with_options(quantity: str, x: Array, arrays: dict[str, Array], options: LossOptions) -> Array:
    """Return the cross-entropy with options, or its gradient with respect to the logits."""
    labels = arrays["labels"]
    indices = np.issubdtype(labels.dtype, np.integer)
    kept = labels != options.ignore_index if indices else np.ones(x.shape[:-1], dtype=bool)
    q = effective_labels(control.one_hot(np.where(kept, labels, 0) if indices else labels, x), kept, options)
    divisor = mean_divisor(labels, kept, options)
    if quantity == "value":
        return reduced(np.where(kept, control.cross_entropy(x, q), 0).astype(x.dtype), options, divisor)
    cotangent = upstream(arrays["cotangent"], kept.shape, options, divisor)
    return np.where(kept[..., None], control.grad_cross_entropy(x, q, cotangent), 0)
