"""The numbers of a row that its bounds depend on: the distance of each logit to the largest, and the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64

INFLATION = 1.0 + 1e-9
"""Covers the float64 rounding of the statistics and of the bounds: below 1e-10 for under 10^5 classes."""


@dataclass(frozen=True)
class RowStatistics:
    """Softmax and its relatives of rows of logits, to float64 accuracy: enough for a bound, not for a truth.

    A row without a limit (a NaN, or -inf only) has NaN throughout. A +inf leaves the finite logits
    infinitely far below it; several count as ties, and `undefined` says where that is no limit. A -inf
    is a class as if absent: depth inf, probability 0.

    Attributes
    ----------
    logits : float64, shape (rows, n)
        x.
    top : float64, shape (rows, 1)
        The largest logit.
    depth : float64, shape (rows, n)
        t_j = top - x_j >= 0; inf where it overflows float64.
    total : float64, shape (rows, 1)
        S = sum exp(-t_j), in [1, n].
    """

    logits: F64
    top: F64
    depth: F64
    total: F64

    @classmethod
    def of(cls, logits: NDArray[Any]) -> RowStatistics:
        """Return the statistics of logits of any format, shape (rows, n)."""
        x = np.asarray(logits, dtype=np.float64)
        top = x.max(axis=-1, keepdims=True, initial=-np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            depth = np.where(x == top, 0.0, top - x)
        limitless = np.isnan(top) | (top == -np.inf)
        depth = np.where(limitless, np.nan, depth)
        return cls(x, top, depth, np.exp(-depth).sum(axis=-1, keepdims=True))

    @property
    def undefined(self) -> NDArray[np.bool_]:
        """Where a class is one of several at +inf: their shares have no limit, shape (rows, n)."""
        infinite: NDArray[np.bool_] = self.logits == np.inf
        several = infinite.sum(axis=-1, keepdims=True) > 1
        unlimited: NDArray[np.bool_] = infinite & several
        return unlimited

    @property
    def log_total(self) -> F64:
        """Log S >= 0, accurate next to 0 as well, shape (rows, 1)."""
        others = np.where(self.first_top, 0.0, np.exp(-self.depth)).sum(axis=-1, keepdims=True)
        logarithm: F64 = np.log1p(others)
        return logarithm

    @property
    def first_top(self) -> NDArray[np.bool_]:
        """Where the first of the largest logits stands, shape (rows, n)."""
        first = self.depth.argmin(axis=-1, keepdims=True) if self.depth.size else np.zeros((len(self.depth), 1), int)
        chosen: NDArray[np.bool_] = np.arange(self.depth.shape[-1]) == first
        return chosen

    @property
    def softmax(self) -> F64:
        """The probabilities p_j = exp(-t_j) / S, shape (rows, n)."""
        return np.exp(-self.depth) / self.total

    @property
    def log_softmax(self) -> F64:
        """The log-probabilities -t_j - log S, shape (rows, n)."""
        return -self.depth - self.log_total

    @property
    def log_sum_exp(self) -> F64:
        """The sum top + log S, shape (rows, 1)."""
        return self.top + self.log_total
