"""The public functions: exact results of the softmax family for arrays of any format, along any axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import format_of
from logitproof_reference.vocabulary.ops import OPS, formulas_of

from . import sigmoid
from .request import checked_indices, checked_request
from .softmax_rows import ExactRows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.numerics.enclosure import Enclosure


def softmax(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return exp(x_j) / sum_i exp(x_i) along an axis.

    Parameters
    ----------
    logits : array of one of the four formats, any number of axes but 0
        Taken as exact. `logitproof_reference.oracle.infinite_logits` says what infinities and NaN give.
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
    array([1.00000000e+000, 2.17173828e-300])
    """
    return _evaluate("softmax", "value", logits, axis=axis)


def log_softmax(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return x_j - log sum_i exp(x_i) along an axis, in nats; parameters and errors as `softmax`.

    Examples
    --------
    >>> log_softmax(np.array([0.0, -690.0])).value
    array([-2.17173828e-300, -6.90000000e+002])
    """
    return _evaluate("log_softmax", "value", logits, axis=axis)


def log_sum_exp(logits: NDArray[Any], *, axis: int = -1) -> Enclosure:
    """Return log sum_i exp(x_i) along an axis, in nats; parameters and errors as `softmax`.

    The result has the logits' shape without `axis`. Where it is close to 0 its two terms, the largest logit and the
    logarithm of the shifted sum, cancel; the radius says what is left.

    Examples
    --------
    >>> exact = log_sum_exp(np.array([[1e30, 1e30]]))
    >>> exact.value, exact.tail
    (array([1.e+30]), array([0.69314718]))
    """
    return _evaluate("log_sum_exp", "value", logits, axis=axis)


def softmax_cross_entropy(logits: NDArray[Any], labels: ArrayLike, *, axis: int = -1, **options: Any) -> Enclosure:
    """Return the cross-entropy of softmax(logits) against labels, in nats.

    Parameters
    ----------
    logits : array of one of the four formats
    labels : integer array of the logits' shape without `axis`, or floating array of the logits' shape
        Class indices, or distributions: sum_j q_j (-log p_j), the q_j as they are, whatever their sum.
    axis : int
        The class axis; at least one class.
    **options
        ``weight``, ``ignore_index``, ``label_smoothing``, ``reduction`` (``none``, ``sum`` or ``mean``) as
        torch.nn.CrossEntropyLoss means them, and the named choices of other dialects: see `LossOptions`.

    Returns
    -------
    Enclosure
        Of the logits' shape without `axis`, or one number if reduced. A loss of 1e-300 has all its digits.

    Raises
    ------
    ValueError
        There is no class, a shape does not fit, a label is out of range, or an option is not known.
    TypeError
        The logits or distributions are of none of the four formats.

    Examples
    --------
    >>> softmax_cross_entropy(np.array([[0.0, -690.0], [0.0, -690.0]]), np.array([0, 1])).value
    array([2.17173828e-300, 6.90000000e+002])
    """
    return _evaluate("softmax_cross_entropy", "value", logits, labels, axis=axis, **options)


def sigmoid_cross_entropy(logits: NDArray[Any], labels: ArrayLike, **options: Any) -> Enclosure:
    """Return the cross-entropy of sigmoid(logits) against labels in [0, 1], element by element, in nats.

    weight (pos_weight y log(1 + exp(-x)) + (1 - y) log(1 + exp(x))), as torch.nn.BCEWithLogitsLoss.

    Parameters
    ----------
    logits, labels : arrays of one shape, of one of the four formats each
    **options
        ``weight`` and ``pos_weight``, arrays that broadcast to the logits' shape, and ``reduction``
        (``none``, ``sum`` or ``mean`` over all elements).

    Raises
    ------
    ValueError
        A shape does not fit or an option is not known.
    TypeError
        The logits or labels are of none of the four formats.

    Examples
    --------
    >>> sigmoid_cross_entropy(np.array([-690.0, 690.0]), np.array([0.0, 0.0])).value
    array([2.17173828e-300, 6.90000000e+002])
    """
    return _evaluate("sigmoid_cross_entropy", "value", logits, labels, **options)


def grad_logits(
    op: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    cotangent: ArrayLike | None = None,
    **options: Any,
) -> Enclosure:
    """Return the vector-Jacobian product of an op with respect to its logits, of the logits' shape.

    Parameters
    ----------
    op : str
        ``softmax``, ``log_softmax``, ``log_sum_exp``, ``softmax_cross_entropy`` or ``sigmoid_cross_entropy``.
    logits, labels, **options
        As in the function named by `op`, ``axis`` among the options.
    cotangent : array of the shape of the op's value, or None
        The upstream gradient; None means 1 everywhere.

    Raises
    ------
    ValueError
        As the op itself, or the op is not known, or the cotangent's shape does not fit.

    Examples
    --------
    >>> grad_logits("softmax_cross_entropy", np.array([[0.0, -690.0]]), np.array([0])).value
    array([[-2.17173828e-300,  2.17173828e-300]])
    """
    return _evaluate(op, "grad_logits", logits, labels, cotangent=cotangent, **options)


def grad_labels(
    op: str, logits: NDArray[Any], labels: ArrayLike, *, cotangent: ArrayLike | None = None, **options: Any
) -> Enclosure:
    """Return the vector-Jacobian product of a cross-entropy with respect to its distributions, of the labels' shape.

    Parameters and errors as `grad_logits`. For softmax_cross_entropy it is cotangent (-log p_j).
    """
    return _evaluate(op, "grad_labels", logits, labels, cotangent=cotangent, **options)


def jvp(
    op: str, logits: NDArray[Any], labels: ArrayLike | None = None, *, tangent: ArrayLike, **options: Any
) -> Enclosure:
    """Return the derivative of an op along `tangent`, a direction of the logits; of the shape of the op's value.

    Parameters and errors as `grad_logits`; `tangent` has the logits' shape.
    """
    return _evaluate(op, "jvp", logits, labels, tangent=tangent, **options)


def hvp(
    op: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    tangent: ArrayLike,
    cotangent: ArrayLike | None = None,
    **options: Any,
) -> Enclosure:
    """Return the derivative of `grad_logits` along `tangent`: the Hessian of <cotangent, op> times `tangent`.

    Parameters and errors as `grad_logits`; `tangent` has the logits' shape, and so has the answer.
    """
    return _evaluate(op, "hvp", logits, labels, cotangent=cotangent, tangent=tangent, **options)


def _evaluate(
    op: str,
    quantity: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    cotangent: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    axis: int = -1,
    **options: Any,
) -> Enclosure:
    """Move the class axis last, evaluate rows, move it back."""
    logits = np.asarray(logits)
    format_of(logits)
    formulas_of(op, quantity)
    if OPS[op].elementwise:
        given = {"cotangent": cotangent, "tangent": tangent, **options}
        return sigmoid.evaluate(checked_request(op, quantity, logits, labels, **given))
    axis = _checked_axis(axis, logits)
    moved = np.moveaxis(logits, axis, -1)
    answer = ExactRows(_rows(logits, axis), keep=False).evaluate(
        op,
        quantity,
        None if labels is None else _label_rows(labels, logits, axis, options.get("ignore_index")),
        _fitting("cotangent", cotangent, logits, axis),
        _fitting("tangent", tangent, logits, axis),
        **options,
    )
    if answer.shape == ():
        return answer
    if not OPS[op].has_class_axis(quantity):
        return answer.reshape(*moved.shape[:-1])
    return answer.reshape(*moved.shape).moveaxis(-1, axis)


def _checked_axis(axis: int, logits: NDArray[Any]) -> int:
    if logits.ndim == 0:
        raise ValueError("logits are a scalar; a class axis is needed")
    if not -logits.ndim <= axis < logits.ndim:
        raise ValueError(f"axis {axis} is out of range for logits of shape {logits.shape}")
    if logits.shape[axis] == 0:
        raise ValueError(f"logits of shape {logits.shape} have no class along axis {axis}; one class or more is needed")
    return axis % logits.ndim


def _rows(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return an array as (rows, classes)."""
    moved = np.moveaxis(array, axis, -1)
    return moved.reshape(int(np.prod(moved.shape[:-1])), moved.shape[-1])


def _label_rows(labels: ArrayLike, logits: NDArray[Any], axis: int, ignore_index: int | None) -> NDArray[Any]:
    array = np.asarray(labels)
    if np.issubdtype(array.dtype, np.integer):
        shape = logits.shape[:axis] + logits.shape[axis + 1 :]
        return checked_indices(array, shape, logits.shape[axis], ignore_index).reshape(-1)
    if array.shape != logits.shape:
        raise ValueError(f"labels (distributions) have shape {array.shape}; logits need their own, {logits.shape}")
    return _rows(array, axis)


def _fitting(name: str, part: ArrayLike | None, logits: NDArray[Any], axis: int) -> NDArray[Any] | None:
    """Return a cotangent or tangent as rows: of the logits' shape, of that without the class axis, or a scalar."""
    if part is None:
        return None
    array = np.asarray(part, dtype=np.float64)
    reduced = logits.shape[:axis] + logits.shape[axis + 1 :]
    if array.shape == logits.shape:
        return _rows(array, axis)
    if array.shape in {reduced, ()}:
        return array.reshape(-1) if array.ndim else array
    raise ValueError(
        f"{name} has shape {array.shape}; logits of shape {logits.shape} allow {logits.shape} or {reduced}"
    )
