"""The definitions themselves in multiple precision (mpmath), row by row: for what double-double cannot decide.

Nothing is arranged to avoid cancellation here. Instead the working precision is chosen from the input, so that every
intermediate result is right to 2**-1250 or to 2**-200 of the smallest possible answer, whichever is larger; float64's grid
ends at 2**-1074.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import limits
from .enclosure import Enclosure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .double_double import F64

_FLOOR = 1250
"""Digits below 2**-1250 cannot reach float64's grid."""

_GUARD = 200


def evaluate(
    op: str, quantity: str, logits: NDArray[Any], labels: ArrayLike | None = None, cotangent: ArrayLike | None = None
) -> Enclosure:
    """Return what `ExactRows(logits).evaluate` returns, computed by the definition.

    Parameters are those of `ExactRows.evaluate`, checked there.
    """
    from .exact_rows import ExactRows  # noqa: PLC0415 - exact_rows escalates to this module: the import of one must wait

    question = ExactRows(logits)._checked(op, quantity, labels, cotangent)  # noqa: SLF001 - one check for both ways
    x = logits.astype(np.float64)
    if len(x) == 0:
        return Enclosure.exact(np.empty(x.shape if question.has_class_axis else (0,)))
    answers = []
    for row in range(len(x)):
        one = question.of(row)
        answers.append(evaluate_row(op, quantity, x[row], one.labels, one.cotangent))
    return Enclosure(*(np.stack(parts) for parts in zip(*(answer.parts for answer in answers), strict=True)))


def evaluate_row(op: str, quantity: str, x: F64, labels: Any, cotangent: Any) -> Enclosure:
    """Return one row's answer, a scalar or one number a class.

    Parameters
    ----------
    x : float64 array, shape (classes,)
    labels : int, float64 array of shape (classes,), or None
    cotangent : float, float64 array of shape (classes,), or None
    """
    factors = [np.atleast_1d(part) for part in (labels, cotangent) if part is not None]
    if limits.without_value(x) or not all(np.isfinite(part).all() for part in factors):
        return Enclosure.exact(limits.evaluate_row(op, quantity, x, labels, cotangent))
    from mpmath import MPContext  # noqa: PLC0415 - slow to import, and seldom needed

    mp = MPContext()
    mp.prec = _working_precision(x[np.isfinite(x)], factors)
    row = _Row(mp, x, labels, cotangent)
    return _enclosed(mp, _DEFINITIONS[op, quantity](row))


def _working_precision(x: F64, factors: list[F64]) -> int:
    """Return bits enough to hold the largest intermediate result and the smallest answer at once."""
    spread = float(x.max() / 2 - x.min() / 2) * 2 / math.log(2)
    lows, highs = [0], [math.frexp(float(np.abs(x).max()))[1]]
    for part in factors:
        sizes = np.abs(part[part != 0.0]).astype(np.float64)
        if sizes.size:
            lows.append(min(0, math.frexp(float(sizes.min()))[1]))
            highs.append(max(0, math.frexp(float(sizes.max()))[1]))
    smallest = math.frexp(float(np.abs(x[x != 0.0]).min()))[1] if x.any() else 0
    depth = min(2 * min(spread, _FLOOR) - sum(lows) - min(smallest, 0), float(_FLOOR))
    return int(depth + sum(max(0, high) for high in highs)) + x.size.bit_length() + _GUARD


class _Row:
    """One row as multiple-precision numbers; a class ruled out has p = 0 and -log p = inf."""

    def __init__(self, mp: Any, x: F64, labels: Any, cotangent: Any) -> None:
        self.mp = mp
        self.x = x
        self.labels = labels
        self.present = [j for j in range(x.size) if x[j] != -np.inf]
        self.exact = {j: mp.mpf(float(x[j])) for j in self.present}
        largest = max(self.exact.values())
        exponentials = {j: mp.exp(value - largest) for j, value in self.exact.items()}
        total = mp.fsum(exponentials.values())
        self.log_sum_exp = largest + mp.log(total)
        self.p = [exponentials[j] / total if j in exponentials else mp.zero for j in range(x.size)]
        self.c = [] if cotangent is None else [mp.mpf(float(value)) for value in np.atleast_1d(cotangent)]

    def surprise(self, j: int) -> Any:
        """-log p_j."""
        return self.log_sum_exp - self.exact[j] if j in self.exact else self.mp.inf

    @property
    def q(self) -> list[Any]:
        """Labels as a distribution."""
        if np.ndim(self.labels) == 0:
            return [self.mp.mpf(int(j == self.labels)) for j in range(self.x.size)]
        return [self.mp.mpf(float(value)) for value in self.labels]

    def dot(self, a: list[Any], b: list[Any]) -> Any:
        """Sum of products."""
        return self.mp.fsum(x * y for x, y in zip(a, b, strict=True))


def _cross_entropy(row: _Row) -> Any:
    terms = [(q, row.surprise(j)) for j, q in enumerate(row.q) if q != 0]
    return row.mp.fsum(q * s for q, s in terms if s != row.mp.inf) + sum(q * s for q, s in terms if s == row.mp.inf)


def _softmax_vjp(row: _Row) -> list[Any]:
    mean = row.dot(row.c, row.p)
    return [p * (c - mean) for p, c in zip(row.p, row.c, strict=True)]


def _log_softmax_vjp(row: _Row) -> list[Any]:
    total = row.mp.fsum(row.c)
    return [c - p * total for p, c in zip(row.p, row.c, strict=True)]


def _cross_entropy_grad(row: _Row) -> list[Any]:
    q, (g,) = row.q, row.c
    total = row.mp.fsum(q)
    return [g * (p * total - label) for p, label in zip(row.p, q, strict=True)]


def _grad_labels(row: _Row) -> list[Any]:
    (g,) = row.c
    return [g * row.surprise(j) if g != 0 else row.mp.zero for j in range(row.x.size)]


_DEFINITIONS: dict[tuple[str, str], Any] = {
    ("softmax", "value"): lambda row: row.p,
    ("log_softmax", "value"): lambda row: [-row.surprise(j) for j in range(row.x.size)],
    ("log_sum_exp", "value"): lambda row: row.log_sum_exp,
    ("softmax_cross_entropy", "value"): _cross_entropy,
    ("softmax", "grad_logits"): _softmax_vjp,
    ("log_softmax", "grad_logits"): _log_softmax_vjp,
    ("log_sum_exp", "grad_logits"): lambda row: [row.c[0] * p for p in row.p],
    ("softmax_cross_entropy", "grad_logits"): _cross_entropy_grad,
    ("softmax_cross_entropy", "grad_labels"): _grad_labels,
}


def _enclosed(mp: Any, exact: Any) -> Enclosure:
    """Return the enclosure of multiple-precision numbers."""
    if not isinstance(exact, list):
        return Enclosure(*(np.asarray(part) for part in _three_parts(mp, exact)))
    return Enclosure(*(np.array(parts) for parts in zip(*(_three_parts(mp, number) for number in exact), strict=True)))


def _three_parts(mp: Any, number: Any) -> tuple[float, float, float]:
    value = float(number)
    if not math.isfinite(value) or number == 0:
        return value, 0.0, 0.0
    tail = float(number - mp.mpf(value))
    return value, tail, abs(value) * 2.0**-105 + 2.0**-1074
