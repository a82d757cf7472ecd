"""What is asked of rows of logits: an op, a quantity, and the arrays and options that go with them, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball
from logitproof_reference.vocabulary.formats import format_of

from .closed_forms import FORMS, Terms
from .loss_options import PLAIN, LossOptions, as_ball, inverse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.numerics.double_double import F64

_CE = "softmax_cross_entropy"
_TAKES_COTANGENT = frozenset({"grad_logits", "grad_labels", "hvp"})
_TAKES_TANGENT = frozenset({"jvp", "hvp"})
_ONE_PER_CLASS = frozenset({"softmax", "log_softmax"})


@dataclass(frozen=True, eq=False)
class Question:
    """A quantity of an op, with everything it takes.

    Attributes
    ----------
    op, quantity : str
        Of `FORMS`.
    labels : int64 array (rows,), float64 array (rows, classes), or None
    cotangent : float64 array of the shape of the op's value before any reduction, or None
    tangent : float64 array (rows, classes) or None
        The direction of a jvp or hvp, in the logits.
    options : LossOptions
    divisor : Fraction or None
        What the mean divides by.
    """

    op: str
    quantity: str
    labels: NDArray[Any] | None = None
    cotangent: F64 | None = None
    tangent: F64 | None = None
    options: LossOptions = PLAIN
    divisor: Fraction | None = None

    @property
    def by_indices(self) -> bool:
        """Whether a label counts in one class only."""
        return self.labels is not None and self.labels.ndim == 1 and self.options.keeps_indices

    @property
    def has_class_axis(self) -> bool:
        """Whether the answer holds one number a class."""
        return self.op in _ONE_PER_CLASS or self.quantity not in {"value", "jvp"}

    @property
    def reduced(self) -> bool:
        """Whether the answer is one number for all rows."""
        return self.options.reduction != "none" and not self.has_class_axis

    @property
    def factors(self) -> list[F64]:
        """The real arrays that multiply something."""
        arrays = (self.labels, self.cotangent, self.tangent)
        return [array for array in arrays if array is not None and array.dtype == np.float64]

    def of(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp] | int) -> Question:
        """Return the question asked of some of the rows."""
        parts: dict[str, Any] = {name: array[rows] for name, array in self._arrays().items()}
        return replace(self, **parts)

    def zeroed(self, keep: NDArray[np.bool_]) -> Question:
        """Return the question with zeros in the real arrays of the rows not kept."""
        real = {name: array for name, array in self._arrays().items() if array.dtype == np.float64}
        parts: dict[str, Any] = {
            name: np.where(keep if array.ndim == 1 else keep[:, None], array, 0.0) for name, array in real.items()
        }
        return replace(self, **parts)

    def terms(self, classes: int) -> Terms:
        """Return what the closed form takes, class axis first."""
        options = self.options
        given = {"g": self.cotangent, "v": self.tangent}
        turned: dict[str, Any] = {
            name: Ball(np.ascontiguousarray(array.T)) for name, array in given.items() if array is not None
        }
        terms = Terms(clip=options.clip_probabilities)._replace(**turned)
        if self.labels is None:
            return terms
        if self.quantity in _TAKES_COTANGENT and self.divisor is not None:
            terms = terms._replace(g=terms.g * as_ball(inverse(self.divisor)))
        if self.quantity == "grad_labels":
            return terms._replace(g=options.label_slopes(classes) * terms.g)
        return self._indexed(terms) if self.by_indices else self._distributed(terms, classes)

    def _indexed(self, terms: Terms) -> Terms:
        labels = self.labels
        assert labels is not None
        weights = self.options.index_weights(labels)
        g = terms.g if weights is None else Ball(weights) if terms.g is None else terms.g * weights
        return terms._replace(indices=np.where(self.options.kept(labels), labels, 0), g=g)

    def _distributed(self, terms: Terms, classes: int) -> Terms:
        assert self.labels is not None
        tensorflow = self.options.unnormalized_gradient == "tensorflow"
        total = Ball(self.options.kept(self.labels).astype(np.float64)) if tensorflow else None
        return terms._replace(q=self.options.distributions(self.labels, classes), total=total)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        named = {"labels": self.labels, "cotangent": self.cotangent, "tangent": self.tangent}
        return {name: array for name, array in named.items() if array is not None}


def asked(
    shape: tuple[int, int],
    op: str,
    quantity: str,
    *,
    labels: ArrayLike | None = None,
    cotangent: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    options: Mapping[str, Any] | None = None,
) -> Question:
    """Return the checked question for rows of logits of a shape (rows, classes).

    Raises
    ------
    ValueError
        The quantity does not exist, a shape does not fit, a label is out of range, an option is not known.
    TypeError
        Labels that are neither integers nor of one of the four formats, or an option of another name.
    """
    chosen = LossOptions(**(options or {}))
    if options and op != _CE:
        raise ValueError(f"{op} takes no options; {', '.join(options)} belong to {_CE}")
    checked = _checked_labels(op, labels, shape, chosen)
    question = Question(op, quantity, checked, options=chosen)
    if quantity == "grad_labels" and (checked is None or checked.ndim == 1):
        raise ValueError("grad_labels needs labels that are distributions, of the logits' shape and a floating type")
    if (op, quantity, question.by_indices) not in FORMS:
        known = ", ".join(sorted({f"{quantity} of {op}" for op, quantity, _ in FORMS}))
        raise ValueError(f"{quantity} of {op} is not known; known: {known}")
    divisor = None if checked is None else chosen.divisor(checked)
    cotangent = _checked_cotangent(question, cotangent, shape)
    return replace(question, divisor=divisor, cotangent=cotangent, tangent=_checked_tangent(question, tangent, shape))


def _checked_labels(
    op: str, labels: ArrayLike | None, shape: tuple[int, int], options: LossOptions
) -> NDArray[Any] | None:
    if op != _CE:
        if labels is not None:
            raise ValueError(f"{op} takes no labels; only {_CE} does")
        return None
    if labels is None:
        raise ValueError(f"{_CE} needs labels: class indices or distributions")
    array = np.asarray(labels)
    by_indices = bool(np.issubdtype(array.dtype, np.integer))
    options.check(shape[1], by_indices=by_indices)
    if by_indices:
        return checked_indices(array, shape[:1], shape[1], options.ignore_index)
    format_of(array)
    if array.shape != shape:
        raise ValueError(f"labels (distributions) have shape {array.shape}; logits of shape {shape} need the same")
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


def _checked_cotangent(question: Question, cotangent: ArrayLike | None, shape: tuple[int, int]) -> F64 | None:
    if question.quantity not in _TAKES_COTANGENT:
        if cotangent is not None:
            raise ValueError(f"{question.quantity} takes no cotangent; {', '.join(sorted(_TAKES_COTANGENT))} do")
        return None
    full = shape if question.op in _ONE_PER_CLASS else shape[:1]
    expected = () if question.options.reduction != "none" else full
    given = np.ones(expected) if cotangent is None else np.asarray(cotangent, dtype=np.float64)
    if given.shape != expected:
        raise ValueError(f"cotangent has shape {given.shape}; {question.op} of logits {shape} needs {expected}")
    return np.broadcast_to(given, full)


def _checked_tangent(question: Question, tangent: ArrayLike | None, shape: tuple[int, int]) -> F64 | None:
    if question.quantity not in _TAKES_TANGENT:
        if tangent is not None:
            raise ValueError(f"{question.quantity} takes no tangent; {', '.join(sorted(_TAKES_TANGENT))} do")
        return None
    given = np.empty(0) if tangent is None else np.asarray(tangent, dtype=np.float64)
    if given.shape != shape:
        found = "none is given" if tangent is None else f"it has shape {given.shape}"
        raise ValueError(f"{question.quantity} needs a tangent of the logits' shape {shape}; {found}")
    return given
