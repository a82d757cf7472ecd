"""Intermediate results shared by the bounds of all quantities of some rows, cached by content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds import forward
from logitproof_reference.bounds.assumptions import VACUOUS
from logitproof_reference.bounds.error_model import worst
from logitproof_reference.bounds.row_statistics import RowStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.bounds.error_model import BoundedValue, Rounding

FEW = 1 << 14
"""Blocks of this many logits are small change: many are kept. Of larger ones those asked last, a few megabytes each."""


@dataclass(frozen=True)
class ForwardBounds:
    """The forward bounds of rows under one model of rounding, each computed at first use; not to be written to."""

    statistics: RowStatistics
    rounding: Rounding

    @cached_property
    def total(self) -> forward.ShiftedSum:
        """The sum of shifted exponentials."""
        return forward.shifted_sum(self.statistics, self.rounding)

    @property
    def is_vacuous(self) -> NDArray[np.bool_]:
        """Whether the sum of a row may be off by half of itself, as `api.is_vacuous` says it. Shape (rows,)."""
        return np.asarray(self.total.error[:, 0] >= VACUOUS)

    @cached_property
    def softmax(self) -> BoundedValue:
        """Softmax by any ordinary form."""
        return forward.softmax(self.statistics, self.rounding, self.total)

    @cached_property
    def log_softmax(self) -> BoundedValue:
        """Log-softmax."""
        return forward.log_softmax(self.statistics, self.rounding, self.total)

    @cached_property
    def log_sum_exp(self) -> BoundedValue:
        """Log-sum-exp, where it is granted by repeated logaddexp too."""
        shifted = forward.log_sum_exp(self.statistics, self.rounding, self.total)
        if not self.rounding.arithmetic.log_domain:
            return shifted
        return worst(shifted, forward.log_sum_exp_by_merging(self.statistics, self.rounding))


def forward_bounds(logits: NDArray[Any], rounding: Rounding) -> ForwardBounds:
    """Return the forward bounds of logits of any format, shape (rows, n)."""
    wide = np.ascontiguousarray(logits, dtype=np.float64)
    kept = _of_many if wide.size <= FEW else _of_a_few
    return kept(wide.tobytes(), wide.shape, rounding)


def _forward_bounds(content: bytes, shape: tuple[int, ...], rounding: Rounding) -> ForwardBounds:
    statistics = _statistics_of_many if len(content) <= FEW * 8 else _statistics_of_a_few
    return ForwardBounds(statistics(content, shape), rounding)


def _statistics(content: bytes, shape: tuple[int, ...]) -> RowStatistics:
    return RowStatistics.of(np.frombuffer(content).reshape(shape))


_of_many, _of_a_few = (lru_cache(maxsize=size)(_forward_bounds) for size in (64, 3))
_statistics_of_many, _statistics_of_a_few = (lru_cache(maxsize=size)(_statistics) for size in (32, 1))
