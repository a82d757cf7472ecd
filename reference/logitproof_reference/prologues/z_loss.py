"""The z-loss of a head: a factor times the squared log-sum-exp of each row, added to its loss.

For a row with log-sum-exp y it is f y**2, and its gradient with respect to the logits 2 f y p. It counts if the row
does, and is summed or averaged as the loss is: T5X and MaxText (`cross_entropy_with_logits`), PaLM (arXiv:2204.02311,
section 5), Liger's `lse_square_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, times
from logitproof_reference.bounds.options import over_many
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.oracle.loss_options import as_ball, inverse
from logitproof_reference.oracle.request import Request, checked_request

if TYPE_CHECKING:
    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.double_double import F64

    from .ball_rows import BallRows

ROUNDINGS = 6.0
"""The factor as a number of the format, its product, the square, the sum with the loss, the row's share of a mean."""


@dataclass(frozen=True, eq=False)
class ZLoss:
    """The z-loss beside a loss.

    Attributes
    ----------
    rows : BallRows
    request : Request
        Of the loss, its value or its gradient with respect to the logits: which rows count, and how they are reduced.
    factor : float
        Not negative.
    """

    rows: BallRows
    request: Request
    factor: float

    def value(self) -> Ball:
        """Return the term of each row (rows,), or the one of all (1,)."""
        y = self.rows.exact(self._of("value"))
        terms = (y * y) * (self.factor * self._kept)
        if not self.request.reduced:
            return terms
        total = terms.sum(same_sign=True)
        mean = total * as_ball(inverse(self.request.divisor))
        return Ball(*(part.reshape(1) for part in (mean.hi, mean.lo, mean.radius)))

    def gradient(self) -> Ball:
        """Return the gradient with respect to the logits, (rows, classes)."""
        y = self.rows.exact(self._of("value")) * (2.0 * self.factor)
        column = Ball(*(part[:, None] for part in (y.hi, y.lo, y.radius)))
        return self.rows.exact(self._of("grad_logits")) * column * as_ball(inverse(self.request.divisor))

    def value_bound(self, rounding: Rounding, off: F64, loss: F64) -> F64:
        """Return what the term adds to the error of a loss; `off` is that of the logits."""
        y, error = self._log_sum_exp(rounding, off)
        terms = self.factor * y**2 * self._kept
        with np.errstate(over="ignore"):  # of logits that are off by hundreds
            own = times(self.factor * (2.0 * y * error + error**2), self._kept)
        relative = ROUNDINGS * rounding.unit * (1.0 + ROUNDINGS * rounding.unit)
        own = own + relative * (terms + own) + ROUNDINGS * rounding.tiny
        added = 2.0 * rounding.unit * np.abs(loss)
        if not self.request.reduced:
            each: F64 = own + added
            return each
        summing = over_many(rounding, len(terms))
        total = summing.sum(BoundedValue(terms[None], own[None])).error[:, 0] / float(self.request.divisor or 1)
        whole: F64 = total * (1.0 + relative) + added
        return whole

    def gradient_bound(self, rounding: Rounding, off: F64) -> F64:
        """Return what the term adds to the error of a gradient with respect to the logits."""
        y, error = (one[:, None] for one in self._log_sum_exp(rounding, off))
        request = self._of("grad_logits")
        share = np.abs(self.rows.exact(request).hi)
        share_error = self.rows.bound(request, rounding, off)
        with np.errstate(over="ignore"):
            own = 2.0 * self.factor * (times(y, share_error) + times(error, share + share_error))
        term = 2.0 * self.factor * y * share
        relative = ROUNDINGS * rounding.unit * (1.0 + ROUNDINGS * rounding.unit)
        whole: F64 = (own + relative * (term + own)) / float(self.request.divisor or 1)
        return whole + ROUNDINGS * rounding.tiny

    def _log_sum_exp(self, rounding: Rounding, off: F64) -> tuple[F64, F64]:
        request = self._of("value")
        return np.abs(self.rows.exact(request).hi), self.rows.bound(request, rounding, off)

    @property
    def _kept(self) -> F64:
        """1 for the rows that count, 0 for those ignored."""
        labels = self.request.labels
        return np.ones(len(self.request.logits)) if labels is None else self.request.options.kept(labels).astype(float)

    def _of(self, quantity: str) -> Request:
        """Return the request for log-sum-exp, its gradient with the loss's cotangent."""
        if quantity == "value":
            return checked_request("log_sum_exp", "value", self.request.logits)
        cotangent = self._kept if self.request.cotangent is None else self.request.cotangent * self._kept
        return checked_request("log_sum_exp", "grad_logits", self.request.logits, cotangent=cotangent)
