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
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics import exp_log as elementary
from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.vocabulary.formats import format_of

from . import multiprecision
from .infinite_logits import signed_infinity
from .loss_options import as_ball, inverse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.numerics.double_double import F64

QUANTITIES = ("value", "grad_logits", "grad_labels", "jvp", "hvp")
_LARGEST_LOGIT = 2.0**600
_LARGEST_FACTOR = 100
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


def evaluate(
    quantity: str,
    logits: NDArray[Any],
    labels: ArrayLike | None,
    cotangent: ArrayLike | None = None,
    tangent: ArrayLike | None = None,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    reduction: str = "none",
) -> Enclosure:
    """Return one quantity; `api.sigmoid_cross_entropy` says what the parameters are."""
    format_of(logits)
    if quantity not in QUANTITIES:
        raise ValueError(f'quantity "{quantity}" is not known; known: {", ".join(QUANTITIES)}')
    if reduction not in {"none", "sum", "mean"}:
        raise ValueError(f'reduction "{reduction}" is not known; known: none, sum, mean')
    if (tangent is None) == (quantity in {"jvp", "hvp"}):
        raise ValueError("jvp and hvp need a tangent of the logits' shape, and nothing else takes one")
    if cotangent is not None and quantity in {"value", "jvp"}:
        raise ValueError(f"{quantity} takes no cotangent; grad_logits, grad_labels and hvp do")
    elements = _elements(
        logits,
        labels,
        cotangent=cotangent,
        tangent=tangent,
        weight=weight,
        pos_weight=pos_weight,
        reduction=reduction,
    )
    divisor = Fraction(max(logits.size, 1)) if reduction == "mean" else None
    summed = reduction != "none" and quantity in {"value", "jvp"}
    scale = None if summed else divisor
    parts = [np.empty(logits.size) for _ in range(3)]
    for start in range(0, logits.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        for part, entries in zip(parts, _block(quantity, elements.of(block), scale).parts, strict=True):
            part[block] = entries
    answer = Enclosure(*parts)
    return _total(answer, divisor) if summed else answer.reshape(*logits.shape)


def _elements(
    logits: NDArray[Any],
    labels: ArrayLike | None,
    *,
    cotangent: ArrayLike | None,
    tangent: ArrayLike | None,
    weight: ArrayLike | None,
    pos_weight: ArrayLike | None,
    reduction: str,
) -> Elements:
    y = np.asarray(labels) if labels is not None else None
    if y is None or y.shape != logits.shape:
        found = "none are given" if y is None else f"they have shape {y.shape}"
        raise ValueError(f"sigmoid_cross_entropy needs labels of the logits' shape {logits.shape}; {found}")
    format_of(y)
    upstream = logits.shape if reduction == "none" else ()
    return Elements(
        logits.astype(np.float64).ravel(),
        y.astype(np.float64).ravel(),
        _spread("weight", weight, logits.shape),
        _spread("pos_weight", pos_weight, logits.shape),
        _spread("cotangent", cotangent, logits.shape, upstream),
        _spread("tangent", tangent, logits.shape, logits.shape),
    )


def _spread(name: str, part: ArrayLike | None, shape: tuple[int, ...], expected: tuple[int, ...] | None = None) -> F64:
    """Return a flat array of the logits' shape, of ones where nothing is given."""
    array = np.ones(()) if part is None else np.asarray(part, dtype=np.float64)
    if part is not None and expected is not None and array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}; it must have shape {expected}")
    try:
        return np.broadcast_to(array, shape).ravel()
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}; it must broadcast to the logits' shape {shape}") from None


def _block(quantity: str, elements: Elements, divisor: Fraction | None) -> Enclosure:
    ordinary = _ordinary(elements, divisor)
    safe = elements if ordinary.all() else Elements(*(np.where(ordinary, part, 0.0) for part in elements.arrays))
    ball = _FORMS[quantity](_Parts(safe, divisor))
    answer = normalised(np.array(ball.hi), ball.lo, ball.radius * (1 + 2.0**-30))
    infinities = _infinities(quantity, safe)
    answer = Enclosure(answer.value + infinities, *(np.where(infinities, 0.0, part) for part in answer.parts[1:]))
    for i in np.flatnonzero(~ordinary):
        exact = multiprecision.evaluate_sigmoid(quantity, [float(part[i]) for part in elements.arrays], divisor)
        for part, entry in zip(answer.parts, exact.parts, strict=True):
            part[i] = entry
    return answer


def _infinities(quantity: str, elements: Elements) -> F64:
    """Return an infinity where an infinite logit makes a quantity so, 0 elsewhere."""
    up, w = elements.x == np.inf, np.sign(elements.weight)
    positive, c = np.sign(elements.pos_weight), np.sign(elements.cotangent)
    factors = {
        "value": w * np.where(up, np.sign(1.0 - elements.y), positive * np.sign(elements.y)),
        "grad_labels": w * c * np.where(up, -1.0, positive),
    }
    return signed_infinity(np.where(np.isinf(elements.x), factors.get(quantity, 0.0), 0.0))


def _ordinary(elements: Elements, divisor: Fraction | None) -> NDArray[np.bool_]:
    scale = float(inverse(divisor))
    fits = np.isinf(elements.x) | (np.abs(elements.x) <= _LARGEST_LOGIT)
    for part in elements.arrays[1:]:
        _, exponent = np.frexp(part)
        fits &= np.isfinite(part) & ((part == 0.0) | (np.abs(exponent) <= _LARGEST_FACTOR))
    return fits & (scale >= 2.0**-_LARGEST_FACTOR)


class _Parts:
    """What the closed forms are made of."""

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


def _value(parts: _Parts) -> Ball:
    log, exponent = parts.log
    linear = choose(parts.positive, parts.b, parts.a) * parts.size
    return linear * parts.w + ((parts.a + parts.b) * parts.w * log).scaled(exponent)


def _grad_labels(parts: _Parts) -> Ball:
    """G (pos_weight log(1 + exp(-x)) - log(1 + exp(x)))."""
    log, exponent = parts.log
    one = Ball(np.ones_like(parts.size))
    linear = choose(parts.positive, -one, parts.pos_weight) * parts.size
    return linear * parts.g + ((parts.pos_weight - one) * parts.g * log).scaled(exponent)


def _hvp(parts: _Parts) -> Ball:
    curvature = (parts.a + parts.b) * parts.g * parts.e / parts.total / parts.total
    return (curvature * parts.v).scaled(parts.exponent)


_FORMS: dict[str, Callable[[_Parts], Ball]] = {
    "value": _value,
    "grad_logits": lambda parts: parts.slope(parts.g),
    "grad_labels": _grad_labels,
    "jvp": lambda parts: parts.slope(parts.w * parts.v),
    "hvp": _hvp,
}


def _total(answer: Enclosure, divisor: Fraction | None) -> Enclosure:
    """Return the sum or the mean of all elements."""
    if answer.value.size == 0:
        return Enclosure.exact(0.0 if divisor is None else np.nan)
    if not np.isfinite(answer.value).all():
        with np.errstate(invalid="ignore"):
            return Enclosure.exact(answer.value.sum())
    total = Ball(*answer.parts).sum() * as_ball(inverse(divisor))
    return normalised(np.asarray(total.hi), total.lo, total.radius * (1 + 2.0**-30))
