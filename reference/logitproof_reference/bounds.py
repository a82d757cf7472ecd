"""How far a correct implementation may be off: one absolute bound for every element of an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from logitproof_reference import bounds_forward, bounds_gradient, bounds_loss
from logitproof_reference.cells import REDUCES_CLASSES
from logitproof_reference.rounding import Approximation, Rounding, worst
from logitproof_reference.row_statistics import INFLATION, RowStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.arithmetic import Arithmetic
    from logitproof_reference.formats import F64, Format

VOID = 0.5
"""Relative error eS of the sum from which the bound says nothing: eS / (1 - eS) >= 1."""

BLOCK_ELEMENTS = 1 << 20
"""Logits bounded at a time, so that memory stays flat as batches grow."""


@dataclass(frozen=True)
class _Rows:
    """The inputs of some rows; cotangents with an axis of length 1 where the op has no class axis."""

    logits: NDArray[Any]
    labels: NDArray[Any] | None
    cotangent: F64

    @classmethod
    def given(cls, op: str, logits: NDArray[Any], labels: NDArray[Any] | None, cotangent: NDArray[Any] | None) -> _Rows:
        shape = (len(logits), 1) if op in REDUCES_CLASSES else logits.shape
        upstream = np.ones(shape) if cotangent is None else np.asarray(cotangent, dtype=np.float64).reshape(shape)
        return cls(logits, labels, upstream)

    def part(self, block: slice) -> _Rows:
        return _Rows(self.logits[block], None if self.labels is None else self.labels[block], self.cotangent[block])


@dataclass(frozen=True)
class _Question:
    """What is bounded: some rows, with the shared numbers of each computed once."""

    statistics: RowStatistics
    rounding: Rounding
    total: bounds_forward.ShiftedSum
    labels: NDArray[Any] | None
    cotangent: Approximation

    @property
    def softmax(self) -> Approximation:
        return bounds_forward.softmax(self.statistics, self.rounding, self.total)

    @property
    def log_softmax(self) -> Approximation:
        return bounds_forward.log_softmax(self.statistics, self.rounding, self.total)

    @property
    def log_sum_exp(self) -> Approximation:
        return bounds_forward.log_sum_exp(self.statistics, self.rounding, self.total)

    @property
    def given_labels(self) -> NDArray[Any]:
        if self.labels is None:
            raise ValueError("labels are missing: softmax_cross_entropy needs class indices or distributions")
        return self.labels

    @property
    def has_indices(self) -> bool:
        return self.given_labels.dtype.kind in "iu"

    @property
    def distributions(self) -> F64:
        return self.given_labels.astype(np.float64)


def _softmax_gradient(asked: _Question) -> Approximation:
    return bounds_gradient.softmax_vjp(asked.softmax, asked.cotangent, asked.rounding)


def _log_softmax_gradient(asked: _Question) -> Approximation:
    return bounds_gradient.log_softmax_vjp(asked.softmax, asked.cotangent, asked.rounding)


def _log_sum_exp_gradient(asked: _Question) -> Approximation:
    softmax = asked.softmax
    if asked.rounding.arithmetic.rounded_log_sum_exp:
        logits = asked.statistics.logits
        saved = bounds_gradient.softmax_by_exp_of_difference(softmax, logits, asked.log_sum_exp, asked.rounding)
        softmax = worst(softmax, saved)
    return bounds_gradient.log_sum_exp_vjp(softmax, asked.cotangent, asked.rounding)


def _cross_entropy(asked: _Question) -> Approximation:
    if asked.has_indices:
        return bounds_loss.cross_entropy_at(asked.log_softmax, asked.given_labels)
    return bounds_loss.cross_entropy_over(asked.log_softmax, asked.distributions, asked.rounding)


def _cross_entropy_gradient(asked: _Question) -> Approximation:
    softmax, cotangent, rounding = asked.softmax, asked.cotangent, asked.rounding
    if asked.has_indices:
        return bounds_gradient.cross_entropy_at_vjp(softmax, asked.given_labels, cotangent, rounding)
    return bounds_gradient.cross_entropy_over_vjp(softmax, asked.distributions, cotangent, rounding)


def _cross_entropy_label_gradient(asked: _Question) -> Approximation:
    return bounds_gradient.cross_entropy_over_label_vjp(asked.log_softmax, asked.cotangent, asked.rounding)


_BOUNDS: Final[dict[tuple[str, str], Callable[[_Question], Approximation]]] = {
    ("softmax", "value"): lambda asked: asked.softmax,
    ("softmax", "grad_logits"): _softmax_gradient,
    ("log_softmax", "value"): lambda asked: asked.log_softmax,
    ("log_softmax", "grad_logits"): _log_softmax_gradient,
    ("log_sum_exp", "value"): lambda asked: asked.log_sum_exp,
    ("log_sum_exp", "grad_logits"): _log_sum_exp_gradient,
    ("softmax_cross_entropy", "value"): _cross_entropy,
    ("softmax_cross_entropy", "grad_logits"): _cross_entropy_gradient,
    ("softmax_cross_entropy", "grad_labels"): _cross_entropy_label_gradient,
}


def bound(
    op: str,
    quantity: str,
    *,
    logits: NDArray[Any],
    labels: NDArray[Any] | None = None,
    cotangent: NDArray[Any] | None = None,
    format: Format,  # noqa: A002 - the word of the vocabulary, keyword only
    arithmetic: Arithmetic,
) -> F64:
    """Return the largest |observed - exact| of a correct implementation, elementwise.

    The first-principles bounds B1 to B5 of `bounds_forward`, `bounds_loss` and `bounds_gradient`, the
    worst over the ordinary forms of each algorithm. Rows whose bound is void in a half-precision
    accumulation (`void`) are bounded for the wide-accumulation class instead: sums in float32 and
    gradual underflow.

    Parameters
    ----------
    op, quantity : str
        The vocabulary of `cells`.
    logits : array, shape (rows, n)
        Exact numbers of the format, class axis last. A class at -inf counts as absent.
    labels : integer array (rows,) or floating array (rows, n), optional
        Class indices, or distributions.
    cotangent : array of the shape of the op's value, optional
        Upstream gradient; ones when left out.
    format : Format
        The format the implementation works in.
    arithmetic : Arithmetic
        What it is assumed to do: `MUST`, `SHOULD`, or a declaration.

    Returns
    -------
    float64, shape of the answer: (rows,) or (rows, n)
        Absolute bound; NaN where the answer is not finite.

    Raises
    ------
    ValueError
        No bound is known for the op and quantity, logits have not two axes, or labels are missing.
    """
    if (op, quantity) not in _BOUNDS:
        known = ", ".join(" ".join(pair) for pair in _BOUNDS)
        raise ValueError(f"no bound is known for {op} {quantity}; known: {known}")
    if logits.ndim != 2:
        raise ValueError(f"logits have shape {logits.shape}, expected two axes, classes last")
    rows = _Rows.given(op, logits, labels, cotangent)
    step = max(BLOCK_ELEMENTS // max(logits.shape[1], 1), 1)
    blocks = [rows.part(slice(start, start + step)) for start in range(0, max(len(logits), 1), step)]
    answer = _BOUNDS[op, quantity]
    whole = np.concatenate([_block_bound(answer, block, format, arithmetic) for block in blocks])
    return whole[:, 0] if op in REDUCES_CLASSES and quantity == "value" else whole


def _block_bound(
    answer: Callable[[_Question], Approximation], rows: _Rows, format_: Format, arithmetic: Arithmetic
) -> F64:
    """Return the bound of some rows, void ones replaced by that of the wide-accumulation class."""
    statistics = RowStatistics.of(rows.logits)

    def answer_with(assumed: Arithmetic) -> tuple[F64, NDArray[np.bool_]]:
        rounding = Rounding(format_, assumed)
        total = bounds_forward.shifted_sum(statistics, rounding)
        asked = _Question(statistics, rounding, total, rows.labels, Approximation.exact(rows.cotangent))
        with np.errstate(invalid="ignore", over="ignore"):
            result = answer(asked)
            error = np.broadcast_to(result.error, result.value.shape)
            return np.where(np.isfinite(result.value), error * INFLATION, np.nan), total.error >= VOID

    error, is_void = answer_with(arithmetic)
    if not is_void.any():
        return error
    return np.where(is_void, answer_with(wide(arithmetic))[0], error)


def wide(arithmetic: Arithmetic) -> Arithmetic:
    """Return the wide-accumulation class of an arithmetic: sums in float32, without flushing to zero.

    It takes the place of a void bound: n u >= 1 in half precision, or n times the smallest normal.
    """
    return replace(arithmetic, accumulation="float32", flush_to_zero=False)


def void(logits: NDArray[Any], format: Format, arithmetic: Arithmetic) -> NDArray[np.bool_]:  # noqa: A002 - as in `bound`
    """Return for each row whether the bound under `arithmetic` is void: the sum may be off by half of itself.

    From there on 1/S may be off by all of itself, so that the relative bound of every
    probability is at least 1. Shape (rows,); False where the row has no finite softmax.
    """
    total = bounds_forward.shifted_sum(RowStatistics.of(logits), Rounding(format, arithmetic))
    return total.error[:, 0] >= VOID
