"""Every quantity of a batch of rows, from one shared core of exponentials and sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from . import closed_forms, limits, multiprecision
from .ball import Ball
from .core import Core
from .enclosure import Enclosure, joined, normalised
from .formats import format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from .double_double import F64

BLOCK = 1 << 15
"""Logits worked on at a time: the intermediate arrays of a block stay in the cache."""

LARGEST_LOGIT = 2.0**600
SMALLEST_FACTOR, LARGEST_FACTOR = 2.0**-300, 2.0**300
"""Within these ranges no product of the closed forms leaves float64; rows beyond go to multiple precision."""


@dataclass(frozen=True)
class Question:
    """What is asked of rows: op, quantity and the arrays beside the logits.

    Attributes
    ----------
    labels : int64 array (rows,), float64 array (rows, classes), or None
    cotangent : float64 array of the shape of the op's value, or None
    """

    op: str
    quantity: str
    labels: NDArray[Any] | None = None
    cotangent: F64 | None = None

    def of(self, rows: slice | NDArray[np.bool_] | int) -> Question:
        """Return the question asked of some of the rows."""
        labels, cotangent = (None if part is None else part[rows] for part in (self.labels, self.cotangent))
        return Question(self.op, self.quantity, labels, cotangent)

    @property
    def by_indices(self) -> bool:
        """Whether the labels are class indices."""
        return self.labels is not None and self.labels.ndim == 1

    @property
    def has_class_axis(self) -> bool:
        """Whether the answer holds one number a class."""
        return self.quantity != "value" or self.op in {"softmax", "log_softmax"}


class ExactRows:
    """The exact results for rows of logits; what the quantities share is computed once.

    Parameters
    ----------
    logits : array of one of the four formats, shape (rows, classes)
        classes >= 1. -inf rules a class out; `limits` says what NaN and other infinities give.

    Raises
    ------
    ValueError
        The logits do not have two axes, or no class.
    TypeError
        The logits are of none of the four formats.

    Examples
    --------
    >>> rows = ExactRows(np.array([[0.0, 700.0]]))
    >>> rows.evaluate("softmax_cross_entropy", "value", np.array([1])).value
    array([9.85967654e-305])
    """

    def __init__(self, logits: NDArray[Any]) -> None:
        self.format = format_of(logits)
        if logits.ndim != 2 or logits.shape[1] == 0:
            raise ValueError(
                f"logits have shape {logits.shape}; rows need the shape (rows, classes) with one class or more"
            )
        self.shape: tuple[int, int] = logits.shape
        self._logits = logits
        self._blocks: dict[int, Block] = {}

    def evaluate(
        self, op: str, quantity: str, labels: ArrayLike | None = None, cotangent: ArrayLike | None = None
    ) -> Enclosure:
        """Return one quantity of one op.

        Parameters
        ----------
        op : str
            ``softmax``, ``log_softmax``, ``log_sum_exp`` or ``softmax_cross_entropy``.
        quantity : str
            ``value``, ``grad_logits`` or ``grad_labels`` (of softmax_cross_entropy only).
        labels : integer array (rows,), floating array (rows, classes), or None
            Class indices or distributions, for softmax_cross_entropy only.
        cotangent : array of the shape of the op's value, or None
            Upstream gradient, for the gradients only; None means 1 everywhere.

        Raises
        ------
        ValueError
            The quantity does not exist, a shape does not fit, or a label is out of range.
        """
        question = self._checked(op, quantity, labels, cotangent)
        if self.shape[0] == 0:
            return Enclosure.exact(np.empty(self.shape if question.has_class_axis else (0,)))
        return joined([block.evaluate(question.of(rows)) for rows, block in self._each_block()])

    def stream(self, op: str, quantity: str, labels: ArrayLike | None, cotangent: ArrayLike | None) -> Enclosure:
        """Return what `evaluate` returns and keep nothing: memory stays flat as the batch grows."""
        try:
            self._keep = False
            return self.evaluate(op, quantity, labels, cotangent)
        finally:
            self._keep = True

    _keep = True

    def _each_block(self) -> Iterator[tuple[slice, Block]]:
        rows, classes = self.shape
        step = max(1, BLOCK // classes)
        for start in range(0, rows, step):
            part = slice(start, start + step)
            block = self._blocks.get(start) or Block(self._logits[part])
            if self._keep:
                self._blocks[start] = block
            yield part, block

    def _checked(self, op: str, quantity: str, labels: ArrayLike | None, cotangent: ArrayLike | None) -> Question:
        if quantity == "grad_labels" and (labels is None or np.ndim(labels) == 1):
            raise ValueError(
                "grad_labels needs labels that are distributions, of the logits' shape and a floating type"
            )
        checked = _checked_labels(op, labels, self.shape)
        question = Question(op, quantity, checked)
        if (op, quantity, question.by_indices) not in _FORMS:
            raise ValueError(
                f"{quantity} of {op} is not known; known: {', '.join(f'{q} of {o}' for o, q, _ in _FORMS)}"
            )
        if quantity == "value":
            return question
        shape = self.shape if op in {"softmax", "log_softmax"} else self.shape[:1]
        upstream = np.ones(shape) if cotangent is None else np.asarray(cotangent, dtype=np.float64)
        if upstream.shape != shape:
            raise ValueError(f"cotangent has shape {upstream.shape}; {op} of logits {self.shape} needs {shape}")
        return Question(op, quantity, checked, upstream)


def _checked_labels(op: str, labels: ArrayLike | None, shape: tuple[int, int]) -> NDArray[Any] | None:
    if op != "softmax_cross_entropy":
        if labels is not None:
            raise ValueError(f"{op} takes no labels; only softmax_cross_entropy does")
        return None
    if labels is None:
        raise ValueError("softmax_cross_entropy needs labels: class indices or distributions")
    array = np.asarray(labels)
    if np.issubdtype(array.dtype, np.integer):
        return checked_indices(array, shape[:1], shape[1])
    format_of(array)
    if array.shape != shape:
        raise ValueError(
            f"labels (distributions) have shape {array.shape}; logits of shape {shape} need the same shape"
        )
    return array.astype(np.float64)


def checked_indices(labels: NDArray[Any], shape: tuple[int, ...], classes: int) -> NDArray[np.int64]:
    """Return class indices as int64.

    Raises
    ------
    ValueError
        The shape is not `shape`, or a label lies outside [0, classes).
    """
    if labels.shape != shape:
        raise ValueError(f"labels (class indices) have shape {labels.shape}; these logits need {shape}")
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        raise ValueError(f"label {labels[wrong][0]} is out of range; labels must lie in [0, {classes})")
    return labels.astype(np.int64)


class Block:
    """A block of rows: the ordinary ones in double-double, the others one by one."""

    def __init__(self, logits: NDArray[Any]) -> None:
        self.logits = logits.astype(np.float64)
        self._undefined = limits.without_value(self.logits)
        finite = np.where(np.isneginf(self.logits), 0.0, self.logits)
        self._ordinary = ~self._undefined & (np.abs(finite).max(axis=1) <= LARGEST_LOGIT)

    @cached_property
    def core(self) -> Core:
        """Core of all rows; those not ordinary stand there as rows of zeros."""
        rows = self.logits if self._ordinary.all() else np.where(self._ordinary[:, None], self.logits, 0.0)
        return Core(np.ascontiguousarray(rows.T))

    def evaluate(self, question: Question) -> Enclosure:
        """Answer a question about all rows of the block."""
        in_range = _in_range(question)
        ordinary = self._ordinary & in_range
        if not ordinary.any():
            answer = Enclosure.exact(np.zeros(self.logits.shape if question.has_class_axis else len(self.logits)))
        else:
            answer = self._ordinary_answer(question if in_range.all() else _zeroed(question, in_range))
        for row in np.flatnonzero(~ordinary):
            self._put_row(answer, row, question.of(row))
        return answer

    def _ordinary_answer(self, question: Question) -> Enclosure:
        ball = _FORMS[question.op, question.quantity, question.by_indices](self.core, question)
        answer = normalised(
            *(np.ascontiguousarray(part.T) for part in (ball.hi, ball.lo, ball.radius * (1 + 2.0**-30)))
        )
        if self.core.absent.any():
            _put_absent(answer, self.core.absent.T, question)
        return answer

    def _put_row(self, answer: Enclosure, row: int, question: Question) -> None:
        exact = multiprecision.evaluate_row(
            question.op, question.quantity, self.logits[row], question.labels, question.cotangent
        )
        for whole, part in zip(answer.parts, exact.parts, strict=True):
            whole[row] = part


def _in_range(question: Question) -> NDArray[np.bool_]:
    """Tell the rows whose labels and cotangents are 0 or of an ordinary size."""
    fits: Any = np.True_
    for part in (question.labels, question.cotangent):
        if part is not None and part.dtype == np.float64:
            size = np.abs(part)
            one = (size == 0.0) | ((size >= SMALLEST_FACTOR) & (size <= LARGEST_FACTOR))
            fits = fits & (one if one.ndim == 1 else one.all(axis=1))
    return np.asarray(fits)


def _zeroed(question: Question, keep: NDArray[np.bool_]) -> Question:
    """Return the question with zeros for the labels and cotangents of the rows not kept."""
    parts = []
    for part in (question.labels, question.cotangent):
        zeroed = part is not None and part.dtype == np.float64
        parts.append(np.where(keep if part.ndim == 1 else keep[:, None], part, 0.0) if zeroed else part)
    return Question(question.op, question.quantity, *parts)


def _put_absent(answer: Enclosure, absent: NDArray[np.bool_], question: Question) -> None:
    """Write the infinities that a class ruled out brings."""
    surprise = np.where(absent, np.inf, 0.0)
    key = question.op, question.quantity
    if key == ("log_softmax", "value"):
        infinite = -surprise
    elif key == ("softmax_cross_entropy", "grad_labels"):
        infinite = limits.product(surprise, question.cotangent[:, None])
    elif key == ("softmax_cross_entropy", "value") and question.by_indices:
        infinite = surprise[np.arange(len(surprise)), question.labels]
    elif key == ("softmax_cross_entropy", "value"):
        infinite = np.array([limits.cross_entropy_sum(q, s) for q, s in zip(question.labels, surprise, strict=True)])
    else:
        return
    where = ~np.isfinite(infinite)
    answer.value[where] = infinite[where]
    answer.tail[where] = answer.radius[where] = 0.0


_CE = "softmax_cross_entropy"
_FORMS: dict[tuple[str, str, bool], Callable[[Core, Any], Ball]] = {
    ("softmax", "value", False): lambda core, _: closed_forms.softmax(core),
    ("log_softmax", "value", False): lambda core, _: closed_forms.log_softmax(core),
    ("log_sum_exp", "value", False): lambda core, _: closed_forms.log_sum_exp(core),
    (_CE, "value", True): lambda core, q: closed_forms.cross_entropy_of_indices(core, q.labels),
    (_CE, "value", False): lambda core, q: closed_forms.cross_entropy_of_distributions(core, _turned(q.labels)),
    ("softmax", "grad_logits", False): lambda core, q: closed_forms.softmax_vjp(core, Ball(_turned(q.cotangent))),
    ("log_softmax", "grad_logits", False): lambda core, q: closed_forms.log_softmax_vjp(
        core, Ball(_turned(q.cotangent))
    ),
    ("log_sum_exp", "grad_logits", False): lambda core, q: closed_forms.scaled_softmax(core, q.cotangent),
    (_CE, "grad_logits", True): lambda core, q: closed_forms.grad_of_indices(core, q.labels, q.cotangent),
    (_CE, "grad_logits", False): lambda core, q: closed_forms.grad_of_distributions(
        core, _turned(q.labels), q.cotangent
    ),
    (_CE, "grad_labels", False): lambda core, q: closed_forms.grad_labels(core, q.cotangent),
}


def _turned(array: F64) -> F64:
    return np.ascontiguousarray(array.T)
