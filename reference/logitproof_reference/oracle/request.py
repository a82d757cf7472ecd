"""A request to oracle and bounds: an op, a quantity, rows of logits, and the arrays and options that go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import format_of
from logitproof_reference.vocabulary.ops import OPS, QUANTITIES, Op, formulas_of

from .loss_options import PLAIN, LossOptions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.numerics.double_double import F64


@dataclass(frozen=True, eq=False)
class Request:
    """A quantity of an op of some rows, with everything it takes; `checked_request` makes one.

    Attributes
    ----------
    op, quantity : str
        Of `ops.OPS`.
    logits : array of one of the four formats, shape (rows, classes)
        Taken as exact. Of an elementwise op the logits have any shape, and what is said of rows below holds of the
        first axis.
    labels : int64 array (rows,), float64 array of the logits' shape, or None
    cotangent : float64 array of the shape of the op's value before any reduction, or None
    tangent : float64 array of the logits' shape, or None
        The direction of a jvp or hvp.
    options : LossOptions
    divisor : Fraction or None
        What the mean divides by.
    """

    op: str
    quantity: str
    logits: NDArray[Any]
    labels: NDArray[Any] | None = None
    cotangent: F64 | None = None
    tangent: F64 | None = None
    options: LossOptions = PLAIN
    divisor: Fraction | None = None

    @property
    def row(self) -> Op:
        """The row of the op."""
        return OPS[self.op]

    @property
    def by_indices(self) -> bool:
        """Whether a label counts in one class only."""
        return self.labels is not None and self.labels.dtype.kind == "i" and self.options.keeps_indices

    @property
    def has_class_axis(self) -> bool:
        """Whether the answer holds one number per class."""
        return self.row.has_class_axis(self.quantity)

    @property
    def reduced(self) -> bool:
        """Whether the answer is one number for all rows."""
        return self.options.reduction != "none" and not QUANTITIES[self.quantity].takes_cotangent

    @property
    def factors(self) -> list[F64]:
        """The real arrays that multiply something."""
        arrays = (self.labels, self.cotangent, self.tangent)
        return [array for array in arrays if array is not None and array.dtype == np.float64]

    def of(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp] | int) -> Request:
        """Return the request for some of the rows."""
        parts: dict[str, Any] = {name: array[rows] for name, array in self._arrays().items()}
        options = self.options.of(rows) if self.row.elementwise else self.options
        return replace(self, logits=self.logits[rows], options=options, **parts)

    def zeroed(self, keep: NDArray[np.bool_]) -> Request:
        """Return the request with zeros in the real arrays of the rows not kept, but for the logits."""
        real = {name: array for name, array in self._arrays().items() if array.dtype == np.float64}
        parts: dict[str, Any] = {
            name: np.where(keep if array.ndim == 1 else keep[:, None], array, 0.0) for name, array in real.items()
        }
        return replace(self, **parts)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        named = {"labels": self.labels, "cotangent": self.cotangent, "tangent": self.tangent}
        return {name: array for name, array in named.items() if array is not None}


def checked_request(
    op: str,
    quantity: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    cotangent: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    **options: Any,
) -> Request:
    """Return the checked request.

    Parameters
    ----------
    op, quantity : str
        Of `ops.OPS`.
    logits : array of one of the four formats, shape (rows, classes); of an elementwise op, any shape
    labels : integer array (rows,), floating array of the logits' shape, or None
        Class indices or distributions, where the op takes labels.
    cotangent : array of the shape of the op's value, or None
        Upstream gradient, where the quantity takes one; None means 1 everywhere.
    tangent : array of the logits' shape, or None
        The direction of a jvp or hvp, in the logits.
    **options
        Attributes of `LossOptions` that the op takes.

    Raises
    ------
    ValueError
        The quantity does not exist, a shape does not fit, a label is out of range, an option is not known.
    TypeError
        Logits or labels of none of the four formats, or an option of another name.
    """
    formulas_of(op, quantity)
    format_of(logits)
    row, chosen = OPS[op], LossOptions(**options)
    if not row.elementwise and logits.ndim != 2:
        raise ValueError(f"logits have shape {logits.shape}; rows need (rows, classes)")
    if wrong := [name for name in options if name not in row.options]:
        raise ValueError(f"{op} takes no {', '.join(wrong)}; its options: {', '.join(row.options) or 'none'}")
    given = _checked_labels(row, labels, logits, chosen)
    if quantity == "grad_labels" and (given is None or given.dtype.kind == "i"):
        raise ValueError("grad_labels needs labels that are distributions, of the logits' shape and a floating type")
    chosen, divisor = _checked_options(row, chosen, logits, given)
    return Request(
        op,
        quantity,
        logits,
        labels=given,
        cotangent=_checked_cotangent(row, quantity, cotangent, logits.shape, chosen.reduction),
        tangent=_checked_tangent(quantity, tangent, logits.shape),
        options=chosen,
        divisor=divisor,
    )


def _checked_labels(
    row: Op, labels: ArrayLike | None, logits: NDArray[Any], options: LossOptions
) -> NDArray[Any] | None:
    if not row.takes_labels:
        if labels is not None:
            raise ValueError(f"{row.name} takes no labels")
        return None
    if labels is None:
        raise ValueError(f"{row.name} needs labels: {' or '.join(row.label_kinds)}; none are given")
    array = np.asarray(labels)
    if np.issubdtype(array.dtype, np.integer) and "indices" in row.label_kinds:
        return checked_indices(array, logits.shape[:1], logits.shape[1], options.ignore_index)
    format_of(array)
    if array.shape != logits.shape:
        raise ValueError(f"labels (distributions) have shape {array.shape}; logits of shape {logits.shape} need theirs")
    return array.astype(np.float64)


def checked_indices(
    labels: NDArray[Any], shape: tuple[int, ...], classes: int, ignore_index: int | None = None
) -> NDArray[np.int64]:
    """Return class indices as int64.

    Raises
    ------
    ValueError
        The shape is not `shape`, or a label other than `ignore_index` lies outside [0, classes).
    """
    if labels.shape != shape:
        raise ValueError(f"class indices need shape {shape}, not {labels.shape}; distributions need a floating type")
    wrong = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if wrong.any():
        raise ValueError(f"label {labels[wrong][0]} is out of range; labels must lie in [0, {classes})")
    return labels.astype(np.int64)


def _checked_options(
    row: Op, options: LossOptions, logits: NDArray[Any], labels: NDArray[Any] | None
) -> tuple[LossOptions, Fraction | None]:
    """Return the options and what a mean divides by; weights of an elementwise op take the logits' shape."""
    if row.elementwise:
        return options.spread(logits.shape), Fraction(logits.size) if options.reduction == "mean" else None
    if labels is None:
        return options, None
    options.check(logits.shape[1], by_indices=labels.dtype.kind == "i")
    return options, options.divisor(labels)


def _checked_cotangent(
    row: Op, quantity: str, cotangent: ArrayLike | None, shape: tuple[int, ...], reduction: str
) -> F64 | None:
    if not QUANTITIES[quantity].takes_cotangent:
        if cotangent is not None:
            raise ValueError(f"{quantity} takes no cotangent; grad_logits, grad_labels and hvp do")
        return None
    full = shape if row.keeps_classes else shape[:1]
    expected = full if reduction == "none" else ()
    given = np.ones(expected) if cotangent is None else np.asarray(cotangent, dtype=np.float64)
    if given.shape != expected:
        raise ValueError(f"cotangent has shape {given.shape}; {row.name} of logits {shape} needs {expected}")
    return np.broadcast_to(given, full)


def _checked_tangent(quantity: str, tangent: ArrayLike | None, shape: tuple[int, ...]) -> F64 | None:
    if not QUANTITIES[quantity].takes_tangent:
        if tangent is not None:
            raise ValueError(f"{quantity} takes no tangent; jvp and hvp do")
        return None
    given = np.empty(0) if tangent is None else np.asarray(tangent, dtype=np.float64)
    if tangent is None or given.shape != shape:
        found = "none is given" if tangent is None else f"it has shape {given.shape}"
        raise ValueError(f"{quantity} needs a tangent of the logits' shape {shape}; {found}")
    return given
