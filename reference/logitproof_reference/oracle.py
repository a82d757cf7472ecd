"""The public functions: exact results of the softmax family for arrays of any format, along any axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import REDUCES_CLASSES
from .enclosure import Enclosure
from .exact_rows import ExactRows, checked_indices
from .formats import format_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def softmax(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return exp(x_j) / sum_i exp(x_i) along an axis.

    Parameters
    ----------
    logits : array of one of the four formats, any number of axes but 0
        Taken as exact. `logitproof_reference.limits` says what infinities and NaN give.
    axis : int
        The class axis; at least one class.

    Returns
    -------
    Enclosure
        Of the logits' shape; relative radius at most 2**-98 (2**-1074 at least where the result is below 2**-969).

    Raises
    ------
    ValueError
        There is no class, or no such axis.
    TypeError
        The logits are of none of the four formats.

    Examples
    --------
    >>> softmax(np.array([0.0, -690.0])).value
    array([1.00000000e+000, 2.17169376e-300])
    """
    return _evaluate("softmax", "value", logits, None, None, axis)


def log_softmax(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return x_j - log sum_i exp(x_i) along an axis, in nats; parameters and errors as `softmax`.

    Examples
    --------
    >>> log_softmax(np.array([0.0, -690.0])).value
    array([-2.17169376e-300, -6.90000000e+002])
    """
    return _evaluate("log_softmax", "value", logits, None, None, axis)


def log_sum_exp(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return log sum_i exp(x_i) along an axis, in nats; parameters and errors as `softmax`.

    The result has the logits' shape without `axis`. Where it is close to 0 its two terms, the largest logit and the
    logarithm of the shifted sum, cancel; the radius says what is left.

    Examples
    --------
    >>> log_sum_exp(np.array([1e30, 1e30])).tail
    array([5.51393173e+13])
    """
    return _evaluate("log_sum_exp", "value", logits, None, None, axis)


def softmax_cross_entropy(logits: NDArray[Any], labels: ArrayLike, *, axis: int = -1) -> Enclosure:
    """Return the cross-entropy of softmax(logits) against labels, in nats.

    Parameters
    ----------
    logits : array of one of the four formats
    labels : integer array of the logits' shape without `axis`, or floating array of the logits' shape
        Class indices, or distributions: sum_j q_j (-log p_j), the q_j as they are, whatever their sum.
    axis : int
        The class axis; at least one class.

    Returns
    -------
    Enclosure
        Of the logits' shape without `axis`. A loss of 1e-300 has all its digits.

    Raises
    ------
    ValueError
        There is no class, a shape does not fit, or a label is out of range.
    TypeError
        The logits or distributions are of none of the four formats.

    Examples
    --------
    >>> softmax_cross_entropy(np.array([[0.0, -690.0], [0.0, -690.0]]), np.array([0, 1])).value
    array([2.17169376e-300, 6.90000000e+002])
    """
    return _evaluate("softmax_cross_entropy", "value", logits, labels, None, axis)


def grad_logits(
    op: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    cotangent: ArrayLike | None = None,
    axis: int = -1,
) -> Enclosure:
    """Return the vector-Jacobian product of an op with respect to its logits, of the logits' shape.

    Parameters
    ----------
    op : str
        ``softmax``, ``log_softmax``, ``log_sum_exp`` or ``softmax_cross_entropy``.
    logits, labels, axis
        As in the function named by `op`.
    cotangent : array of the shape of the op's value, or None
        The upstream gradient; None means 1 everywhere.

    Raises
    ------
    ValueError
        As the op itself, or the op is not known, or the cotangent's shape does not fit.

    Examples
    --------
    >>> grad_logits("softmax_cross_entropy", np.array([[0.0, -690.0]]), np.array([0])).value
    array([[-2.17169376e-300,  2.17169376e-300]])
    """
    return _evaluate(op, "grad_logits", logits, labels, cotangent, axis)


def grad_labels(
    op: str, logits: NDArray[Any], labels: ArrayLike, *, cotangent: ArrayLike | None = None, axis: int = -1
) -> Enclosure:
    """Return the vector-Jacobian product of softmax_cross_entropy with respect to its distributions.

    Parameters and errors as `grad_logits`; the answer has the labels' shape and is cotangent (-log p_j).
    """
    return _evaluate(op, "grad_labels", logits, labels, cotangent, axis)


def _evaluate(
    op: str, quantity: str, logits: Any, labels: ArrayLike | None, cotangent: ArrayLike | None, axis: int
) -> Enclosure:
    """Move the class axis last, evaluate rows, move it back."""
    logits = np.asarray(logits)
    format_of(logits)
    axis = _checked_axis(axis, logits)
    moved = np.moveaxis(logits, axis, -1)
    batch, classes = moved.shape[:-1], moved.shape[-1]
    rows = ExactRows(moved.reshape(-1, classes) if moved.size else moved.reshape(int(np.prod(batch)), classes))
    if labels is not None:
        labels = _as_rows("labels", labels, logits.shape, axis, classes)
    if cotangent is not None:
        cotangent = _rows_of_cotangent(op, np.asarray(cotangent, dtype=np.float64), logits.shape, axis)
    answer = rows.stream(op, quantity, labels, cotangent)
    if quantity == "value" and op in REDUCES_CLASSES:
        return answer.reshape(*batch)
    return answer.reshape(*moved.shape).moveaxis(-1, axis)


def _checked_axis(axis: int, logits: NDArray[Any]) -> int:
    if logits.ndim == 0:
        raise ValueError("logits are a scalar; a class axis is needed")
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"axis {axis} is out of range for logits of shape {logits.shape}")
    if logits.shape[axis] == 0:
        raise ValueError(f"logits of shape {logits.shape} have no class along axis {axis}; one class or more is needed")
    return axis % logits.ndim


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def _as_rows(name: str, labels: ArrayLike, shape: tuple[int, ...], axis: int, classes: int) -> NDArray[Any]:
    array = np.asarray(labels)
    if np.issubdtype(array.dtype, np.integer):
        return checked_indices(array, _without(shape, axis), classes).reshape(-1)
    if array.shape != shape:
        raise ValueError(
            f"{name} (distributions) have shape {array.shape}; logits of shape {shape} need the same shape"
        )
    return _class_last(array, axis)


def _rows_of_cotangent(op: str, cotangent: NDArray[Any], shape: tuple[int, ...], axis: int) -> NDArray[Any]:
    reduced = op in REDUCES_CLASSES
    expected = _without(shape, axis) if reduced else shape
    if cotangent.shape != expected:
        raise ValueError(f"cotangent has shape {cotangent.shape}; {op} of logits of shape {shape} needs {expected}")
    return cotangent.reshape(-1) if reduced else _class_last(cotangent, axis)


def _class_last(array: NDArray[Any], axis: int) -> NDArray[Any]:
    moved = np.moveaxis(array, axis, -1)
    return moved.reshape(int(np.prod(moved.shape[:-1])), moved.shape[-1])
