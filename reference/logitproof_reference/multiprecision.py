"""The definitions themselves in multiple precision (mpmath), row by row: for what double-double cannot decide.

Nothing is arranged to avoid cancellation here. Instead the working precision is chosen from the input, so that every
intermediate result is right to 2**-1250, or to 2**-200 of the smallest possible answer, whichever is larger; float64's
grid ends at 2**-1074.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from . import limits
from .enclosure import Enclosure
from .formats import format_of
from .loss_options import inverse
from .question import asked

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from .double_double import F64
    from .question import Question

_FLOOR = 1250
_GUARD = 200
_PRODUCTS = 3
"""No definition multiplies more probabilities than this."""


NEGLIGIBLE = -(10**6)
"""Exponent below which an exponential may stand at e^NEGLIGIBLE: no product with float64 numbers brings it back into
float64's range, and mpmath takes seconds for e^-1e308."""


def evaluate(
    op: str,
    quantity: str,
    logits: NDArray[Any],
    labels: ArrayLike | None = None,
    cotangent: ArrayLike | None = None,
    *,
    vector: ArrayLike | None = None,
    **options: Any,
) -> Enclosure:
    """Return what `ExactRows(logits).evaluate` returns, computed by the definition; parameters and errors as there."""
    from .exact_rows import whole  # noqa: PLC0415 - exact_rows escalates to this module: one import must wait

    format_of(logits)
    question = asked(logits.shape, op, quantity, labels=labels, cotangent=cotangent, vector=vector, options=options)
    answers = [evaluate_row(x, question.of(row)) for row, x in enumerate(logits.astype(np.float64))]
    return whole(question, logits.shape, [Enclosure(*(part[None] for part in answer.parts)) for answer in answers])


def evaluate_row(x: F64, question: Question) -> Enclosure:
    """Return one row's answer, a scalar or one number a class.

    Parameters
    ----------
    x : float64 array, shape (classes,)
    question : Question
        Of this row: its arrays have lost their first axis.
    """
    shape = x.shape if question.has_class_axis else ()
    if question.labels is not None and question.labels.ndim == 0 and question.labels == question.options.ignore_index:
        return Enclosure.exact(np.zeros(shape))
    if np.isnan(x).any() or not all(np.isfinite(part).all() for part in question.factors):
        return Enclosure.exact(np.full(shape, np.nan))
    if np.isneginf(x).all():
        sums = (question.op, question.quantity) == ("log_sum_exp", "value")
        return Enclosure.exact(np.full(shape, -np.inf if sums else np.nan))
    mp = _context()
    mp.prec = working_precision(x[np.isfinite(x)], _factors(question))
    answer = enclosed(mp, _DEFINITIONS[question.op, question.quantity](_Row(mp, x, question)))
    if np.isfinite(x).all() and x.size > 1:
        answer.radius[answer.value == 0.0] = 2.0**-1074  # a number below 2**-1250 may have been lost to the precision
    return answer


@cache
def _context() -> Any:
    """Return a context of our own, whose precision no one else sets; making one takes milliseconds."""
    from mpmath import MPContext  # noqa: PLC0415 - slow to import, and seldom needed

    return MPContext()


def _factors(question: Question) -> list[F64]:
    scale = np.array([float(inverse(question.divisor))])
    weight = question.options.weight
    return [*question.factors, scale, *([] if weight is None else [weight])]


def working_precision(x: F64, factors: list[F64]) -> int:
    """Return bits enough to hold the largest intermediate result and the smallest answer at once."""
    if x.size == 0:
        return _FLOOR
    depth = _PRODUCTS * min(float(x.max() / 2 - x.min() / 2) * 2 / math.log(2), _FLOOR)
    height = float(max(0, _exponents(x)[1]))
    for lowest, highest in map(_exponents, [x, *factors]):
        depth -= min(lowest, 0)
        height += max(highest, 0)
    return int(min(depth, _FLOOR) + height) + 2 * x.size.bit_length() + _GUARD


def _exponents(part: F64) -> tuple[int, int]:
    """Return the binary exponents of the smallest and the largest magnitude above 0."""
    sizes = np.abs(part[part != 0.0])
    return (math.frexp(float(sizes.min()))[1], math.frexp(float(sizes.max()))[1]) if sizes.size else (0, 0)


class _Row:
    """One row in multiple precision: p, -log p, and the arrays of the question."""

    def __init__(self, mp: Any, x: F64, question: Question) -> None:
        self.mp = mp
        self.question = question
        self.options = question.options
        self.classes = x.size
        if (x == np.inf).any():
            self.p, self.surprise = ([mp.mpf(float(value)) for value in part] for part in limits.probabilities_of(x))
            self.log_sum_exp = mp.inf
        else:
            self._define(x)
        scale = self.of(inverse(question.divisor))
        self.c = [scale * mp.mpf(float(value)) for value in self._array(question.cotangent)]
        self.v = [mp.mpf(float(value)) for value in self._array(question.vector)]

    def _define(self, x: F64) -> None:
        mp = self.mp
        exact = [mp.mpf(float(value)) for value in x]
        largest = max(exact)
        exponentials = [mp.exp(max(value - largest, NEGLIGIBLE)) if value != -mp.inf else mp.zero for value in exact]
        total = mp.fsum(exponentials)
        self.log_sum_exp = largest + mp.log(total)
        self.p = [value / total for value in exponentials]
        self.surprise = [self.log_sum_exp - value for value in exact]

    @staticmethod
    def _array(part: F64 | None) -> F64:
        return np.empty(0) if part is None else np.atleast_1d(part)

    def of(self, number: Fraction) -> Any:
        """Return a fraction."""
        return self.mp.mpf(number.numerator) / number.denominator

    @property
    def weights(self) -> list[Any]:
        """Class weights."""
        weight = np.ones(self.classes) if self.options.weight is None else self.options.weight
        return [self.mp.mpf(float(value)) for value in weight]

    @property
    def q(self) -> list[Any]:
        """Labels as a distribution, smoothed and weighted."""
        labels = self.question.labels
        assert labels is not None
        given = labels if labels.ndim else (np.arange(self.classes) == labels).astype(np.float64)
        slope, level = (self.of(number) for number in self.options.smoothing(self.classes))
        return [w * (slope * self.mp.mpf(float(q)) + level) for w, q in zip(self.weights, given, strict=True)]

    @property
    def used_q(self) -> list[Any]:
        """Labels where p is not clipped, else 0."""
        clip = self.options.clip_probabilities
        if clip is None:
            return self.q
        return [q if clip <= p <= 1 - self.mp.mpf(clip) else self.mp.zero for q, p in zip(self.q, self.p, strict=True)]

    @property
    def total(self) -> Any:
        """The sum of the labels, as the dialect has it in the gradient."""
        tensorflow = self.options.unnormalized_gradient == "tensorflow"
        return self.mp.one if tensorflow else self.mp.fsum(self.used_q)

    @property
    def clipped_surprise(self) -> list[Any]:
        """-log p, of the clipped p where the options say so."""
        clip = self.options.clip_probabilities
        if clip is None:
            return self.surprise
        least, most = -self.mp.log(1 - self.mp.mpf(clip)), -self.mp.log(self.mp.mpf(clip))
        return [s if s != s else min(max(s, least), most) for s in self.surprise]  # noqa: PLR0124 - NaN stays

    def times(self, a: Any, b: Any) -> Any:
        """Multiply with 0 times anything being 0."""
        return self.mp.zero if a == 0 or b == 0 else a * b

    def dot(self, a: list[Any], b: list[Any]) -> Any:
        """Sum of products, infinite and undefined ones included."""
        terms = [self.times(x, y) for x, y in zip(a, b, strict=True)]
        finite = self.mp.fsum(term for term in terms if self.mp.isfinite(term))
        return finite + sum(term for term in terms if not self.mp.isfinite(term))

    def mean(self, v: list[Any]) -> Any:
        """Sum of p_i v_i; the p_i without a limit add up to 1."""
        tied = [value for p, value in zip(self.p, v, strict=True) if self.mp.isnan(p)]
        if tied:
            return tied[0] if all(value == tied[0] for value in tied) else self.mp.nan
        return self.dot(self.p, v)

    def deviations(self, v: list[Any]) -> list[Any]:
        """v_j - mean(v)."""
        mean = self.mean(v)
        return [value - mean for value in v]

    def weighted(self, factors: list[Any]) -> list[Any]:
        """p_j factor_j."""
        return [self.times(p, factor) for p, factor in zip(self.p, factors, strict=True)]


def _cross_entropy(row: _Row) -> Any:
    q, surprise = row.q, row.clipped_surprise
    infinite = any(s == row.mp.inf and w != 0 for w, s in zip(q, surprise, strict=True))
    return row.mp.inf if infinite and min(q) >= 0 else row.dot(q, surprise)


def _log_softmax_grad(row: _Row, c: list[Any], total: Any) -> list[Any]:
    return [value - row.times(p, total) for value, p in zip(c, row.p, strict=True)]


def _cross_entropy_grad(row: _Row) -> list[Any]:
    (g,) = row.c
    return _log_softmax_grad(row, [-row.times(g, q) for q in row.used_q], -g * row.total)


def _grad_labels(row: _Row) -> list[Any]:
    (g,) = row.c
    slope = row.of(row.options.smoothing(row.classes)[0])
    return [row.times(g * slope * w, s) for w, s in zip(row.weights, row.clipped_surprise, strict=True)]


def _hvp(row: _Row, factor: Any) -> list[Any]:
    return [row.times(factor, value) for value in row.weighted(row.deviations(row.v))]


def _softmax_hvp(row: _Row) -> list[Any]:
    both = [row.times(v, c) for v, c in zip(row.deviations(row.v), row.deviations(row.c), strict=True)]
    return row.weighted(row.deviations(both))


_DEFINITIONS: dict[tuple[str, str], Any] = {
    ("softmax", "value"): lambda row: row.p,
    ("log_softmax", "value"): lambda row: [0 - s for s in row.surprise],
    ("log_sum_exp", "value"): lambda row: row.log_sum_exp,
    ("softmax_cross_entropy", "value"): _cross_entropy,
    ("softmax", "grad_logits"): lambda row: row.weighted(row.deviations(row.c)),
    ("log_softmax", "grad_logits"): lambda row: _log_softmax_grad(row, row.c, row.mp.fsum(row.c)),
    ("log_sum_exp", "grad_logits"): lambda row: [row.times(row.c[0], p) for p in row.p],
    ("softmax_cross_entropy", "grad_logits"): _cross_entropy_grad,
    ("softmax_cross_entropy", "grad_labels"): _grad_labels,
    ("softmax", "jvp"): lambda row: row.weighted(row.deviations(row.v)),
    ("log_softmax", "jvp"): lambda row: row.deviations(row.v),
    ("log_sum_exp", "jvp"): lambda row: row.mean(row.v),
    ("softmax_cross_entropy", "jvp"): lambda row: 0 - row.dot(row.used_q, row.deviations(row.v)),
    ("softmax", "hvp"): _softmax_hvp,
    ("log_softmax", "hvp"): lambda row: _hvp(row, -row.mp.fsum(row.c)),
    ("log_sum_exp", "hvp"): lambda row: _hvp(row, row.c[0]),
    ("softmax_cross_entropy", "hvp"): lambda row: _hvp(row, row.c[0] * row.total),
}


def enclosed(mp: Any, exact: Any) -> Enclosure:
    """Return the enclosure of a multiple-precision number or of a list of them."""
    if not isinstance(exact, list):
        return Enclosure(*(np.asarray(part) for part in _three_parts(mp, exact)))
    return Enclosure(*(np.array(parts) for parts in zip(*(_three_parts(mp, number) for number in exact), strict=True)))


def _three_parts(mp: Any, number: Any) -> tuple[float, float, float]:
    value = float(number)
    if not math.isfinite(value) or number == 0:
        return value, 0.0, 0.0
    tail = float(number - mp.mpf(value))
    return value, tail, abs(value) * 2.0**-105 + 2.0**-1074


def evaluate_sigmoid(quantity: str, numbers: list[float], divisor: Fraction | None) -> Enclosure:
    """Return sigmoid_cross_entropy, or a derivative of it, for one element.

    Parameters
    ----------
    numbers : list of float
        x, y, weight, pos_weight, cotangent, vector.
    divisor : Fraction or None
        What the mean divides the cotangent by.
    """
    if not all(math.isfinite(number) for number in numbers[1:]) or math.isnan(numbers[0]):
        return Enclosure.exact(np.nan)
    from mpmath import MPContext  # noqa: PLC0415 - slow to import, and seldom needed

    mp = MPContext()
    size = abs(numbers[0])
    gap = np.array([0.0, 2 * min(size, float(_FLOOR))])
    factors = [np.array([number]) for number in (*numbers[1:], size if math.isfinite(size) else 0.0)]
    mp.prec = working_precision(gap, [*factors, np.array([float(inverse(divisor))])])
    sigmoid = _Sigmoid(mp, numbers, inverse(divisor))
    return enclosed(mp, getattr(sigmoid, quantity)())


class _Sigmoid:
    """One element in multiple precision; 0 times an infinity is 0."""

    def __init__(self, mp: Any, numbers: list[float], scale: Fraction) -> None:
        x, self.y, self.w, self.pos_weight, g, self.v = (mp.mpf(number) for number in numbers)
        self.g = g * scale.numerator / scale.denominator
        self.plus, self.minus = mp.log(1 + mp.exp(x)), mp.log(1 + mp.exp(-x))
        self.s, self.s_minus = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        self.times = lambda a, b: mp.zero if a == 0 or b == 0 else a * b

    def value(self) -> Any:
        """W (pos_weight y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)))."""
        negative = self.times(self.w * self.pos_weight * self.y, self.minus)
        return negative + self.times(self.w * (1 - self.y), self.plus)

    def _slope(self) -> Any:
        return self.w * ((1 - self.y) * self.s - self.pos_weight * self.y * self.s_minus)

    def grad_logits(self) -> Any:
        """Return the cotangent times the derivative by x."""
        return self.g * self._slope()

    def grad_labels(self) -> Any:
        """Return the cotangent times the derivative by y."""
        return self.times(self.g * self.w * self.pos_weight, self.minus) - self.times(self.g * self.w, self.plus)

    def jvp(self) -> Any:
        """Return the derivative along the vector."""
        return self.v * self._slope()

    def hvp(self) -> Any:
        """Return the cotangent times the second derivative along the vector."""
        return self.g * self.v * self.w * (self.pos_weight * self.y + 1 - self.y) * self.s * self.s_minus
