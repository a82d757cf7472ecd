"""Lower and upper limits of the bound over ranges of d, which decide nearly all rows.

The bound of an element is a sum and a maximum of positive products of exp(-t), softmax, exp(u t), t, log S and
constants, t = abs(d). As functions of t each of these grows or falls by at most itself, or twice that in a product of
two, wherever t < `SATURATED`; hence so does the bound: over half a step, h = 2**-10, by a factor of exp(2 h) at most,
which `MARGIN` covers twice. Where t is larger only terms in t and constants are left: on a stretch of the upper 16 bits
of d as float32 the bound lies between those at its ends, but for `MARGIN`. Both are tested against the bounds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters.sources.two_logits import inputs_of
from logitproof_reference.bounds.api import bound
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.two_classes import SATURATED, STEPS, point_of, two_class
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.functions import Function
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64

MARGIN = 2.0**-8

NEXT_TO_ZERO = 2.0**-20

CENTRE = int(SATURATED * STEPS)
"""The number of the cell of d = 0."""


class Allowed:
    """Limits of the bound of one element.

    Attributes
    ----------
    near, near_most : float64 arrays
        For abs(d) < `SATURATED`, by `two_classes.cell_of`: the bound is at least and at most that.
    far, far_most : float64 arrays
        Beyond, by the upper 16 bits of d as float32.
    at_zero : (float, float)
        The smallest and the largest bound at d = 0 and next to it: a product with 0 is exact, and may flush nothing.
    unit : float
        Of a log-sum-exp of pairs, what is to be multiplied with its size and added; otherwise 0.
    is_least : bool
        Whether the bound may be far larger: with a gradient of log-sum-exp of pairs.
    """

    def __init__(self, function: Function, element: int, arithmetic: Arithmetic) -> None:
        # Where both logits vary, exp(x - y) of a rounded log-sum-exp is granted more, the more the larger they are.
        self.is_least = function.are_pairs and (function.op, function.quantity) == ("log_sum_exp", "grad_logits")
        granted = replace(arithmetic, rounded_log_sum_exp=False) if self.is_least else arithmetic
        self.unit = 0.0
        of_sum = function.are_pairs and function.elements[element].adds_logit
        points = point_of(np.arange(2 * CENTRE + 1))
        near, ends = _bounds(function, element, points, granted), _bounds(function, element, _ends(), granted)
        if of_sum:  # the row is taken as (-abs(d), 0), whose answer is log1p(exp(-abs(d)))
            self.unit = FORMATS[function.format].unit_roundoff * (1.0 - 2.0**-20)
            near = _bounds(function, element, -np.abs(points), granted)
            ends = _bounds(function, element, -np.abs(_ends()), granted)
            near -= self.unit * two_class(-np.abs(points), "softplus")
            ends -= self.unit * two_class(-np.abs(_ends()), "softplus")
        at_zero = near[CENTRE], *_bounds(function, element, np.array([-NEXT_TO_ZERO, NEXT_TO_ZERO]), granted)
        self.at_zero = (float(near[CENTRE]),) * 2 if of_sum else (float(min(at_zero)), float(max(at_zero)))
        self.near, self.near_most = near * (1.0 - MARGIN), near * (1.0 + MARGIN)
        self.near[CENTRE], self.near_most[CENTRE] = self.at_zero[0] * (1.0 - MARGIN), self.at_zero[1] * (1.0 + MARGIN)
        following = np.roll(ends, -1)
        self.far = np.fmin(ends, following) * (1.0 - MARGIN)
        self.far_most = np.fmax(ends, following) * (1.0 + MARGIN)


@lru_cache(maxsize=32)
def allowed_of(function: Function, element: int, arithmetic: Arithmetic) -> Allowed:
    """Return the limits of an element; kept, for all units of a function share them."""
    return Allowed(function, element, arithmetic)


def prefix_of(d: F64) -> NDArray[np.int64]:
    """Return the upper 16 bits of each d as float32; past its largest number those of that."""
    largest = FORMATS["float32"].largest
    return (np.clip(d, -largest, largest).astype(np.float32).view(np.uint32) >> 16).astype(np.int64)


@lru_cache(maxsize=1)
def _ends() -> F64:
    """Return the smallest d, in size, of every prefix; 0 if that is not finite."""
    with np.errstate(invalid="ignore"):  # of NaN
        numbers = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32).astype(np.float64)
    largest = FORMATS["float32"].largest
    return np.where(np.isnan(numbers), 0.0, np.clip(numbers, -largest, largest))


def _bounds(function: Function, element: int, d: F64, arithmetic: Arithmetic) -> F64:
    """Return the bound of the rows (d, 0), or (d, d) of an op without a class axis."""
    given = inputs_of(function.cell(""), 0, len(d))
    logits = np.stack([d, d if OPS[function.op].elementwise else np.zeros_like(d)], axis=1)
    cotangent = given.cotangent if function.quantity in TAKES_COTANGENT else None
    request = checked_request(
        function.op,
        function.quantity,
        logits,
        given.labels,
        cotangent=None if cotangent is None else cotangent.astype(np.float64),
    )
    with np.errstate(all="ignore"):
        found = bound(request, FORMATS[function.format], arithmetic)
    return np.array(found if found.ndim == 1 else found[:, element])
