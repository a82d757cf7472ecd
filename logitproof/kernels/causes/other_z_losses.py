"""Heads with another z-loss than the one declared: the ones that answers are compared with, to name a fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from logitproof_reference.prologues.ball_rows import BallRows
from logitproof_reference.prologues.head import Head
from logitproof_reference.prologues.z_loss import ROUNDINGS, ZLoss

if TYPE_CHECKING:
    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.ball import Ball
    from logitproof_reference.numerics.double_double import F64


class ShiftedZLossHead(Head):
    """A head whose z-loss squares the log-sum-exp of logits less their maximum."""

    @property
    def _z_rows(self) -> BallRows:
        return BallRows(self.logits - self.logits.hi.max(axis=1, keepdims=True))


class EarlyZLossHead(Head):
    """A head whose z-loss is that of the logits of the linear layer."""

    @property
    def _z_rows(self) -> BallRows:
        return BallRows(self.first)


class FlatZLoss(ZLoss):
    """A z-loss with the derivative 2 f p."""

    def gradient(self) -> Ball:
        """Return the gradient without log-sum-exp."""
        return self.rows.exact(self._of("grad_logits")) * (2.0 * self.factor / float(self.request.divisor or 1))

    def gradient_bound(self, rounding: Rounding, off: F64) -> F64:
        """Return what it adds to the error."""
        request, factor = self._of("grad_logits"), 2.0 * self.factor / float(self.request.divisor or 1)
        share = np.abs(self.rows.exact(request).hi)
        error: F64 = factor * (self.rows.bound(request, rounding, off) + 2.0 * ROUNDINGS * rounding.unit * share)
        return error + ROUNDINGS * rounding.tiny


class IgnoredZLoss(ZLoss):
    """A z-loss of all rows."""

    @property
    def _kept(self) -> F64:
        return np.ones(len(self.request.logits))


@dataclass(frozen=True, eq=False)
class SummedZLoss(ZLoss):
    """A z-loss that is added up where the loss is averaged."""

    def __post_init__(self) -> None:
        """Drop the divisor."""
        object.__setattr__(self, "request", replace(self.request, divisor=None))


@dataclass(frozen=True, eq=False)
class MeanZLoss(ZLoss):
    """A z-loss that is divided by all rows, where the loss is divided by those that count."""

    def __post_init__(self) -> None:
        """Put another divisor in place."""
        object.__setattr__(self, "request", replace(self.request, divisor=Fraction(len(self.request.logits))))


class FlatZLossHead(Head):
    """A head with that derivative."""

    z_term: ClassVar[type[ZLoss]] = FlatZLoss


class IgnoredZLossHead(Head):
    """A head with the z-loss of ignored rows."""

    z_term: ClassVar[type[ZLoss]] = IgnoredZLoss


class MeanZLossHead(Head):
    """A head with such a mean."""

    z_term: ClassVar[type[ZLoss]] = MeanZLoss


class SummedZLossHead(Head):
    """A head with such a sum."""

    z_term: ClassVar[type[ZLoss]] = SummedZLoss
