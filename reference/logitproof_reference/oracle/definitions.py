"""Every quantity evaluated by its definition, in the numbers of a multiple-precision context.

Nothing is arranged to avoid cancellation here; `multiprecision` chooses the precision for that. p, -log p and labels
may be infinite or undefined, as `infinite_logits` has it, and 0 times anything is 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof_reference.vocabulary.ops import formulas_of

from . import infinite_logits as limits
from .loss_options import inverse

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from logitproof_reference.numerics.double_double import F64

    from .request import Request

NEGLIGIBLE = -(10**6)
"""Exponent below which an exponential may stand at `_NOTHING`: no product with float64 numbers brings it back into
float64's range, and mpmath takes seconds for e^-1e308."""

_NOTHING = -1_442_696
"""Binary exponent of what stands for e^NEGLIGIBLE, not above it."""

WIDEST_SHARED_ROW = 64
"""Wider rows are not kept for the next question: their numbers take megabytes."""


class Shares(NamedTuple):
    """The terms of every quantity of a row: p, -log p and the logarithm of the sum."""

    p: list[Any]
    surprise: list[Any]
    log_sum_exp: Any


def shares_of(mp: Any, x: F64) -> Shares:
    """Return the shares of a row at the context's precision; kept, as a row is asked in some twenty quantities."""
    if x.size > WIDEST_SHARED_ROW:
        return _shares(mp, x)
    return _kept_shares(mp, mp.prec, x.tobytes())


@lru_cache(maxsize=512)
def _kept_shares(mp: Any, _precision: int, row: bytes) -> Shares:
    return _shares(mp, np.frombuffer(row))


def _shares(mp: Any, x: F64) -> Shares:
    if (x == np.inf).any():
        p, surprise = ([mp.mpf(float(value)) for value in part] for part in limits.probabilities_of(x))
        return Shares(p, surprise, mp.inf)
    exact = [mp.mpf(float(value)) for value in x]
    largest = max(exact)
    exponentials = [exponential(mp, value - largest) for value in exact]
    total = mp.fsum(exponentials)
    log_sum_exp = largest + mp.log(total)
    return Shares([value / total for value in exponentials], [log_sum_exp - value for value in exact], log_sum_exp)


def exponential(mp: Any, exponent: Any) -> Any:
    """Return e^exponent of a number that is not above 0; 0 for -inf."""
    if exponent >= NEGLIGIBLE:
        return mp.exp(exponent)
    return mp.zero if exponent == -mp.inf else mp.ldexp(mp.one, _NOTHING)


class Row:
    """One row in multiple precision: p, -log p, and the arrays of the request."""

    def __init__(self, mp: Any, request: Request) -> None:
        x: F64 = request.logits.astype(np.float64)
        self.mp = mp
        self.request = request
        self.options = request.options
        self.classes = x.size
        self.p, self.surprise, self.log_sum_exp = shares_of(mp, x)
        scale = self.of(inverse(request.divisor))
        self.c = [scale * mp.mpf(float(value)) for value in self._array(request.cotangent)]
        self.v = [mp.mpf(float(value)) for value in self._array(request.tangent)]

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
        labels = self.request.labels
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
        """The sum of the labels in the gradient, according to the dialect."""
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


def _log_softmax_vjp(row: Row, c: list[Any], total: Any) -> list[Any]:
    return [value - row.times(p, total) for value, p in zip(c, row.p, strict=True)]


def _hvp(row: Row, factor: Any) -> list[Any]:
    return [row.times(factor, value) for value in row.weighted(row.deviations(row.v))]


def softmax(row: Row) -> list[Any]:
    """p_j."""
    return row.p


def softmax_vjp(row: Row) -> list[Any]:
    """p_j (c_j - mean(c))."""
    return row.weighted(row.deviations(row.c))


def softmax_jvp(row: Row) -> list[Any]:
    """p_j (v_j - mean(v))."""
    return row.weighted(row.deviations(row.v))


def softmax_hvp(row: Row) -> list[Any]:
    """p_j (b_j - mean(b)) with b_j = (v_j - mean(v)) (c_j - mean(c))."""
    both = [row.times(v, c) for v, c in zip(row.deviations(row.v), row.deviations(row.c), strict=True)]
    return row.weighted(row.deviations(both))


def log_softmax(row: Row) -> list[Any]:
    """Log p_j."""
    return [0 - s for s in row.surprise]


def log_softmax_vjp(row: Row) -> list[Any]:
    """c_j - p_j sum(c)."""
    return _log_softmax_vjp(row, row.c, row.mp.fsum(row.c))


def log_softmax_jvp(row: Row) -> list[Any]:
    """v_j - mean(v)."""
    return row.deviations(row.v)


def log_softmax_hvp(row: Row) -> list[Any]:
    """-sum(c) p_j (v_j - mean(v))."""
    return _hvp(row, -row.mp.fsum(row.c))


def log_sum_exp(row: Row) -> Any:
    """Log sum of exp(x_j)."""
    return row.log_sum_exp


def log_sum_exp_vjp(row: Row) -> list[Any]:
    """G p_j."""
    return [row.times(row.c[0], p) for p in row.p]


def log_sum_exp_jvp(row: Row) -> Any:
    """Mean of v."""
    return row.mean(row.v)


def log_sum_exp_hvp(row: Row) -> list[Any]:
    """G p_j (v_j - mean(v))."""
    return _hvp(row, row.c[0])


def cross_entropy(row: Row) -> Any:
    """Sum of q_j (-log p_j)."""
    q, surprise = row.q, row.clipped_surprise
    infinite = any(s == row.mp.inf and w != 0 for w, s in zip(q, surprise, strict=True))
    return row.mp.inf if infinite and min(q) >= 0 else row.dot(q, surprise)


def cross_entropy_vjp(row: Row) -> list[Any]:
    """G (p_j sum(q) - q_j)."""
    (g,) = row.c
    return _log_softmax_vjp(row, [-row.times(g, q) for q in row.used_q], -g * row.total)


def cross_entropy_label_vjp(row: Row) -> list[Any]:
    """G (-log p_j), times what a label counts."""
    (g,) = row.c
    slope = row.of(row.options.smoothing(row.classes)[0])
    return [row.times(g * slope * w, s) for w, s in zip(row.weights, row.clipped_surprise, strict=True)]


def cross_entropy_jvp(row: Row) -> Any:
    """Sum of q_j (mean(v) - v_j)."""
    return 0 - row.dot(row.used_q, row.deviations(row.v))


def cross_entropy_hvp(row: Row) -> list[Any]:
    """G sum(q) p_j (v_j - mean(v))."""
    return _hvp(row, row.c[0] * row.total)


def definition(request: Request) -> Callable[[Row], Any]:
    """Return the definition that the op's row names."""
    found: Callable[[Row], Any] = globals()[formulas_of(request.op, request.quantity).definition]
    return found


class SigmoidElement:
    """One element in multiple precision; 0 times an infinity is 0."""

    def __init__(self, mp: Any, numbers: list[float], scale: Fraction) -> None:
        x, self.y, self.w, self.pos_weight, g, self.v = (mp.mpf(number) for number in numbers)
        self.g = g * scale.numerator / scale.denominator
        e = exponential(mp, -abs(x))
        self.plus, self.minus = max(x, 0) + mp.log(1 + e), max(-x, 0) + mp.log(1 + e)
        self.s, self.s_minus = (1 / (1 + e), e / (1 + e)) if x >= 0 else (e / (1 + e), 1 / (1 + e))
        self.zero = mp.zero

    def times(self, a: Any, b: Any) -> Any:
        """Multiply with 0 times anything being 0."""
        return self.zero if a == 0 or b == 0 else a * b

    def value(self) -> Any:
        """W (pos_weight y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)))."""
        negative = self.times(self.w * self.pos_weight * self.y, self.minus)
        return negative + self.times(self.w * (1 - self.y), self.plus)

    def _slope(self) -> Any:
        return self.w * ((1 - self.y) * self.s - self.pos_weight * self.y * self.s_minus)

    def grad_logits(self) -> Any:
        """Return the cotangent times the derivative with respect to x."""
        return self.g * self._slope()

    def grad_labels(self) -> Any:
        """Return the cotangent times the derivative by y."""
        return self.times(self.g * self.w * self.pos_weight, self.minus) - self.times(self.g * self.w, self.plus)

    def jvp(self) -> Any:
        """Return the derivative along the tangent."""
        return self.v * self._slope()

    def hvp(self) -> Any:
        """Return the cotangent times the second derivative along the tangent."""
        return self.g * self.v * self.w * (self.pos_weight * self.y + 1 - self.y) * self.s * self.s_minus
