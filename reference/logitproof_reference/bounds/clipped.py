"""Bounds of losses computed from probabilities clipped to [e, 1 - e] before the logarithm.

Softmax comes first and is off by B1; a loss may divide it once more by its own sum, as Keras does. From there p is
known to lie in an interval, and clipping is monotonic: log p lies between the logarithms of the clipped ends, whose
edges are rounded to the format. A derivative jumps at an edge: an interval that holds one allows both sides of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.assumptions import growth
from logitproof_reference.bounds.error_model import BoundedValue, Rounding, times, worst
from logitproof_reference.bounds.gradient import softmax_vjp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64

FLOAT64_UNIT = 2.0**-52
"""What float64, in which the interval is held, may cut off its ends."""


@dataclass(frozen=True)
class Clipped:
    """Probabilities behind a clip.

    Attributes
    ----------
    probabilities : BoundedValue
        p in [e, 1 - e].
    lowest, highest : float64, shape (rows, n)
        Where an implementation holds it.
    passes, may_differ : bool, shape (rows, n)
        Whether p itself lies between the edges, and whether an implementation may find otherwise.
    """

    probabilities: BoundedValue
    lowest: F64
    highest: F64
    passes: NDArray[np.bool_]
    may_differ: NDArray[np.bool_]

    @classmethod
    def of(cls, softmax: BoundedValue, clip: float, rounding: Rounding) -> Clipped:
        """Clip probabilities that may have been divided by their sum."""
        held = normalised(softmax, rounding)
        low = np.array([clip * (1.0 - rounding.unit) - rounding.tiny, clip * (1.0 + rounding.unit) + rounding.tiny])
        low = np.maximum(low, rounding.format.smallest_subnormal)
        high = np.array([1.0 - clip - rounding.unit, min(1.0 - clip + rounding.unit, 1.0)])
        below, above = held.value - held.error - FLOAT64_UNIT, held.value + held.error + FLOAT64_UNIT
        lowest, highest = np.clip(below, low[0], high[0]), np.clip(above, low[1], high[1])
        value = np.clip(held.value, clip, 1.0 - clip)
        near_edge = ((below < low[1]) & (above > low[0])) | ((below < high[1]) & (above > high[0]))
        error = np.maximum(value - lowest, highest - value)
        passes = (held.value >= clip) & (held.value <= 1.0 - clip)
        return cls(BoundedValue(value, error), lowest, highest, passes, near_edge)


def sum_error(softmax: BoundedValue, rounding: Rounding) -> F64:
    """Return what dividing by the computed sum of p costs: E / (1 - E), E the error of that sum. Shape (rows, 1)."""
    total = rounding.sum(softmax).error
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total < 1.0, total / (1.0 - total), np.inf)


def normalised(softmax: BoundedValue, rounding: Rounding) -> BoundedValue:
    """Return p divided by the computed sum of all p, never off by more than 1."""
    error = softmax.error + times(softmax.magnitude, sum_error(softmax, rounding))
    return rounding.rounded(softmax.value, np.minimum(error, 1.0), rounding.tiny)


def logarithm(softmax: BoundedValue, clip: float, rounding: Rounding) -> BoundedValue:
    """Bound of log p: the interval of p through the clip and the logarithm, which is off by el of itself."""
    clipped = Clipped.of(softmax, clip, rounding)
    p = clipped.probabilities.value
    inherited = np.maximum(np.log(p / clipped.lowest), np.log(clipped.highest / p))
    value = np.log(p)
    return BoundedValue(value, inherited + rounding.log_error * (np.abs(value) + inherited) + rounding.tiny)


def cross_entropy_vjp(
    softmax: BoundedValue, distributions: F64, cotangent: BoundedValue, clip: float, rounding: Rounding
) -> BoundedValue:
    """Bound of g (p_j Q - q_j) over the classes that are not clipped, Q the sum of their q.

    Reverse mode divides -g q_j by p_j, takes it back through the division by the sum where there was one, and through
    softmax. Shape (rows, n).
    """
    clipped = Clipped.of(softmax, clip, rounding)
    p = clipped.probabilities
    seed = -cotangent.value * distributions / p.value
    relative = (1.0 + p.error / clipped.lowest) * (1.0 + growth(2, rounding.unit)) - 1.0
    tiny = np.where(distributions == 0.0, 0.0, rounding.tiny * (1.0 + 1.0 / clipped.lowest))
    error = np.where(clipped.passes | clipped.may_differ, relative * np.abs(seed) + tiny, 0.0)
    error = error + np.where(clipped.may_differ, np.abs(seed), 0.0)
    slopes = BoundedValue(np.where(clipped.passes, seed, 0.0), error)
    mean = rounding.dot(slopes, normalised(softmax, rounding))
    centred = rounding.subtract(slopes, mean)
    inherited = centred.error + times(centred.magnitude, sum_error(softmax, rounding))
    divided = rounding.rounded(centred.value, inherited)
    return worst(softmax_vjp(softmax, slopes, rounding), softmax_vjp(softmax, divided, rounding))
