"""Bounds for all rows of n classes whose logits span at most a given reach: tolerances for other projects' tests.

The bounds B1 to B3 of a row grow with each t_j <= R, with log S <= log n and with the sum over the shifts, which is at
most that of a row all of whose terms are shifted by D = u R + 3 flush: sum p_j (e^D_j - 1) <= e^D - 1. So the bound of
one class at depth R below a sum of n, with that error of the sum, is one for every class of every such row. The error
of a log-sum-exp holds u |y| beside it, whatever the common offset of the logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds import forward
from logitproof_reference.bounds.row_statistics import INFLATION, RowStatistics

if TYPE_CHECKING:
    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True)
class UniformBound:
    """How far correct code may be off: by `absolute` + `relative` times the exact answer."""

    relative: float
    absolute: float


class WorstClass(RowStatistics):
    """One class as deep as the reach, below a sum as great as the classes make it, without a common offset."""

    @classmethod
    def below(cls, n: int, reach: float) -> WorstClass:
        """Return the class `reach` below the largest of n."""
        return cls(np.array([[-reach]]), np.zeros((1, 1)), np.array([[reach]]), np.array([[float(n)]]))

    @property
    def log_total(self) -> F64:
        """Log n."""
        return np.log(self.total)


def uniform_bound(op: str, n: int, reach: float, rounding: Rounding) -> UniformBound:
    """Return the bound of an op's value; of softmax cross-entropy that with class indices.

    Raises
    ------
    KeyError
        The op has no such bound.
    """
    worst = WorstClass.below(n, reach)
    total = worst_sum(worst, n, rounding)
    relative, absolute = FORMS[op](worst, rounding, total)
    return UniformBound(relative * INFLATION, absolute * INFLATION)


def worst_sum(worst: WorstClass, n: int, rounding: Rounding) -> forward.ShiftedSum:
    """B1, its first half, with all terms shifted as far as the deepest: eS = e^D (1 + ee)(1 + g_h) - 1 + n eta."""
    shift = forward.shift_error(worst, rounding)
    summation = rounding.sum_growth(n)
    relative = forward.compound(np.expm1(shift), rounding.exp_error, summation)
    return forward.ShiftedSum(shift, relative + n * rounding.exp_tiny * (1.0 + summation))


def _softmax(worst: WorstClass, rounding: Rounding, total: forward.ShiftedSum) -> tuple[float, float]:
    """B1 by either form: e^D (1 + ee)(1 + eS')(1 + u)^2 - 1, and e^dy (1 + ee) - 1; what underflows is absolute."""
    logarithm = forward.log_softmax_by_difference(worst, rounding, total).error
    scale = forward.compound(rounding.exp_error, total.reciprocal, (1.0 + rounding.unit) ** 2 - 1.0)
    divided = forward.compound(np.expm1(total.shift), scale)
    exponential = forward.compound(np.expm1(logarithm), rounding.exp_error)
    tiny = rounding.exp_tiny * (1.0 + scale) + 2.0 * rounding.tiny
    return float(np.maximum(divided, exponential)[0, 0]), float(tiny[0, 0])


def _log_softmax(worst: WorstClass, rounding: Rounding, total: forward.ShiftedSum) -> tuple[float, float]:
    """B2 of the deepest class, all of it absolute: |y_j| <= R + log n."""
    return 0.0, float(forward.log_softmax(worst, rounding, total).error[0, 0])


def _log_sum_exp(worst: WorstClass, rounding: Rounding, total: forward.ShiftedSum) -> tuple[float, float]:
    """B3: u |y|, and the rest at a largest logit of 0."""
    return rounding.unit, float(forward.log_sum_exp(worst, rounding, total).error[0, 0])


FORMS = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "log_sum_exp": _log_sum_exp,
    "softmax_cross_entropy": _log_softmax,
}
"""Bounds by op."""
