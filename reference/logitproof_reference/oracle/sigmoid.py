"""Sigmoid cross-entropy and its derivatives, element by element, in double-double.

With a = pos_weight y, b = 1 - y and e = exp(-|x|), the loss w (a log(1 + exp(-x)) + b log(1 + exp(x))) is::

    w (h |x| + (a + b) log(1 + e)),   h = b where x >= 0, else a

and its derivative w (b - a e) / (1 + e) where x >= 0, w (b e - a) / (1 + e) elsewhere; the second one is
w (a + b) e / (1 + e)**2. Like `softmax_core`, e keeps its exponent apart until the end.

Each logit is a row of its own: at +inf the sigmoid is 1, at -inf it is 0, and e is 0. With P for pos_weight the loss
w (P y log(1 + exp(-x)) + (1 - y) log(1 + exp(x))) is then 0 where the factor of its infinite term is 0 and infinite
elsewhere, its slope is w (1 - y) at +inf and -w P y at -inf, and its curvature is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.numerics import exp_log as elementary
from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.vocabulary.ops import formulas_of

from . import multiprecision
from .infinite_logits import signed_infinity
from .loss_options import as_ball, inverse
from .multiprecision_fallback import elements_within, fall_back
from .reduction import join_rows

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64

    from .request import Request

_BLOCK = 1 << 14
_TINY = -300


@dataclass(frozen=True, eq=False)
class Elements:
    """One block of elements: flat float64 arrays of one shape."""

    x: F64
    y: F64
    weight: F64
    pos_weight: F64
    cotangent: F64
    tangent: F64

    @property
    def arrays(self) -> tuple[F64, ...]:
        """All arrays, the logits first."""
        return self.x, self.y, self.weight, self.pos_weight, self.cotangent, self.tangent

    def of(self, part: slice | NDArray[np.bool_]) -> Elements:
        """Return some of the elements."""
        return Elements(*(array[part] for array in self.arrays))


def evaluate(request: Request) -> Enclosure:
    """Answer a request for an elementwise op."""
    elements = _elements(request)
    scale = None if request.reduced else request.divisor
    size = request.logits.size
    parts = [np.empty(size) for _ in range(3)]
    for start in range(0, size, _BLOCK):
        block = slice(start, start + _BLOCK)
        for part, entries in zip(parts, _block(request, elements.of(block), scale).parts, strict=True):
            part[block] = entries
    return join_rows(request, [Enclosure(*parts).reshape(*request.logits.shape)])


def _elements(request: Request) -> Elements:
    """Return the arrays of a request, flat, with ones where nothing is given."""
    options = request.options
    given = (request.labels, options.weight, options.pos_weight, request.cotangent, request.tangent)
    ones = np.ones(request.logits.shape)
    arrays = (request.logits.astype(np.float64), *(ones if part is None else part for part in given))
    return Elements(*(array.ravel() for array in arrays))


def _block(request: Request, elements: Elements, divisor: Fraction | None) -> Enclosure:
    op, quantity = request.op, request.quantity
    formulas = formulas_of(op, quantity)
    ordinary = elements_within(elements.arrays, divisor)
    safe = elements if ordinary.all() else Elements(*(np.where(ordinary, part, 0.0) for part in elements.arrays))
    ball: Ball = globals()[formulas.closed_form](Parts(safe, divisor))
    answer = normalised(np.array(ball.hi), ball.lo, ball.radius * (1 + 2.0**-30))
    if formulas.infinities:
        factor: F64 = globals()[formulas.infinities](safe)
        infinities = signed_infinity(np.where(np.isinf(safe.x), factor, 0.0))
        answer = Enclosure(answer.value + infinities, *(np.where(infinities, 0.0, part) for part in answer.parts[1:]))

    def exactly(i: int) -> Enclosure:
        return multiprecision.evaluate_element(op, quantity, [float(part[i]) for part in elements.arrays], divisor)

    fall_back(answer, ~ordinary, exactly)
    return answer


def infinite_value(elements: Elements) -> F64:
    """Return a number of the sign that the loss has at an infinite logit, 0 if it is finite."""
    up, w = elements.x == np.inf, np.sign(elements.weight)
    return w * np.where(up, np.sign(1.0 - elements.y), np.sign(elements.pos_weight) * np.sign(elements.y))


def infinite_grad_labels(elements: Elements) -> F64:
    """Return a number with the sign of the derivative with respect to the label at an infinite logit, 0 elsewhere."""
    up, factor = elements.x == np.inf, np.sign(elements.weight) * np.sign(elements.cotangent)
    return factor * np.where(up, -1.0, np.sign(elements.pos_weight))


class Parts:
    """The terms of the closed forms."""

    def __init__(self, elements: Elements, divisor: Fraction | None) -> None:
        one = np.ones_like(elements.y)
        self.positive = elements.x >= 0.0
        size = np.abs(elements.x)
        self.a = Ball(elements.pos_weight) * elements.y
        self.b = Ball(one) - elements.y
        self.v = elements.tangent
        self.w = Ball(elements.weight)
        self.pos_weight = Ball(elements.pos_weight)
        self.g = self.w * elements.cotangent
        if divisor is not None:
            self.g = self.g * as_ball(inverse(divisor))
        self.size = np.where(np.isinf(size), 0.0, size)  # what is linear in an infinite logit is added at the end
        vanishing = size > elementary.DOMAIN
        hi, lo, n = elementary.exp_scaled((np.where(vanishing, 0.0, -self.size), np.zeros_like(self.size)))
        radius = np.where(vanishing, 2.0, elementary.EXP_ERROR * 2.02)
        self.e = Ball(np.where(vanishing, 0.0, hi), np.where(vanishing, 0.0, lo), radius)
        self.exponent = np.where(vanishing, -2160, n)
        self.total = self.e.scaled(self.exponent) + 1.0

    @property
    def log(self) -> tuple[Ball, NDArray[np.int64]]:
        """log(1 + e), and the binary exponent it is still to be scaled by."""
        tiny = self.exponent <= _TINY
        itself = Ball(self.e.hi, self.e.lo, self.e.radius + 2.0**-150 * self.e.hi)
        log = elementary.log1p(self.e.scaled(np.where(tiny, _TINY, self.exponent)))
        return choose(tiny, itself, log), np.where(tiny, self.exponent, 0)

    def slope(self, g: Ball) -> Ball:
        """Return g times the derivative of the loss without its weight."""
        near = choose(self.positive, self.b, -self.a) * g
        far = choose(self.positive, -self.a, self.b) * g
        return near / self.total + (far * self.e / self.total).scaled(self.exponent)


def value(parts: Parts) -> Ball:
    """W (h |x| + (a + b) log(1 + e))."""
    log, exponent = parts.log
    linear = choose(parts.positive, parts.b, parts.a) * parts.size
    return linear * parts.w + ((parts.a + parts.b) * parts.w * log).scaled(exponent)


def grad_logits(parts: Parts) -> Ball:
    """Cotangent times the derivative with respect to x."""
    return parts.slope(parts.g)


def jvp(parts: Parts) -> Ball:
    """Tangent times the derivative with respect to x."""
    return parts.slope(parts.w * parts.v)


def grad_labels(parts: Parts) -> Ball:
    """G (pos_weight log(1 + exp(-x)) - log(1 + exp(x)))."""
    log, exponent = parts.log
    one = Ball(np.ones_like(parts.size))
    linear = choose(parts.positive, -one, parts.pos_weight) * parts.size
    return linear * parts.g + ((parts.pos_weight - one) * parts.g * log).scaled(exponent)


def hvp(parts: Parts) -> Ball:
    """Cotangent and tangent times the second derivative with respect to x."""
    curvature = (parts.a + parts.b) * parts.g * parts.e / parts.total / parts.total
    return (curvature * parts.v).scaled(parts.exponent)
