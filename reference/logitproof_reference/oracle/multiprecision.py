"""The definitions in multiple precision (mpmath), row by row: for what double-double cannot decide.

Nothing is arranged to avoid cancellation here. Instead the working precision is chosen from the input, so that every
intermediate result is right to 2**-1250, or to 2**-200 of the smallest possible answer, whichever is larger; float64's
grid ends at 2**-1074.
"""

from __future__ import annotations

import math
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.ops import formulas_of

from .definitions import Row, SigmoidElement, definition
from .loss_options import inverse
from .reduction import join_rows

if TYPE_CHECKING:
    from fractions import Fraction

    from logitproof_reference.numerics.double_double import F64

    from .request import Request

_FLOOR = 1250
_GUARD = 200
_PRODUCTS = 3
"""No definition multiplies more probabilities than this."""


def evaluate(request: Request) -> Enclosure:
    """Return what `softmax_rows.evaluate` returns, computed by the definition."""
    answers = [evaluate_row(request.of(row)) for row in range(len(request.logits))]
    return join_rows(request, [Enclosure(*(part[None] for part in answer.parts)) for answer in answers])


def evaluate_row(request: Request) -> Enclosure:
    """Return one row's answer, a scalar or one number per class.

    Parameters
    ----------
    request : Request
        Of this row: its arrays have lost their first axis.
    """
    x = request.logits.astype(np.float64)
    shape = x.shape if request.has_class_axis else ()
    if request.labels is not None and request.labels.ndim == 0 and request.labels == request.options.ignore_index:
        return Enclosure.exact(np.zeros(shape))
    if np.isnan(x).any() or not all(np.isfinite(part).all() for part in request.factors):
        return Enclosure.exact(np.full(shape, np.nan))
    if np.isneginf(x).all():
        falls = request.quantity == "value" and request.row.shift_slope > 0.0
        return Enclosure.exact(np.full(shape, -np.inf if falls else np.nan))
    mp = _context()
    with _LOCK:
        mp.prec = working_precision(x[np.isfinite(x)], _factors(request))
        answer = enclosed(mp, definition(request)(Row(mp, request)))
    if np.isfinite(x).all() and x.size > 1:
        answer.radius[answer.value == 0.0] = 2.0**-1074  # a number below 2**-1250 may have been lost to the precision
    return answer


_LOCK = Lock()
"""Held while a row is computed: the context has one precision for all threads."""


@cache
def _context() -> Any:
    """Return a context of our own, whose precision no one else sets; making one takes milliseconds."""
    from mpmath import MPContext  # noqa: PLC0415 - slow to import, and seldom needed

    return MPContext()


def _factors(request: Request) -> list[F64]:
    scale = np.array([float(inverse(request.divisor))])
    weight = request.options.weight
    return [*request.factors, scale, *([] if weight is None else [weight])]


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


def evaluate_element(op: str, quantity: str, numbers: list[float], divisor: Fraction | None) -> Enclosure:
    """Return a quantity of an elementwise op for one element.

    Parameters
    ----------
    numbers : list of float
        x, y, weight, pos_weight, cotangent, tangent.
    divisor : Fraction or None
        What the mean divides the cotangent by.
    """
    if not all(math.isfinite(number) for number in numbers[1:]) or math.isnan(numbers[0]):
        return Enclosure.exact(np.nan)
    mp = _context()
    size = abs(numbers[0])
    gap = np.array([0.0, 2 * min(size, float(_FLOOR))])
    factors = [np.array([number]) for number in (*numbers[1:], size if math.isfinite(size) else 0.0)]
    with _LOCK:
        mp.prec = working_precision(gap, [*factors, np.array([float(inverse(divisor))])])
        element = SigmoidElement(mp, numbers, inverse(divisor))
        return enclosed(mp, getattr(element, formulas_of(op, quantity).definition)())
