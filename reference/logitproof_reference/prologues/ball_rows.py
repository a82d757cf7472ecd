"""Ops of logits that are balls, and the bounds of code whose logits have an error.

The oracle takes logits that are float64 numbers; those that prologues make are balls hi + lo +- r. An answer at hi + lo
is that at hi and its derivative along lo, with |lo| <= 2**-53 |hi|; what that leaves out goes into the radius:

- of log p_j, with t = max |lo| of the row: at most t**2, for its second derivative is the variance of lo under p;
- of log-sum-exp the same;
- of p_j: at most 3 t**2 p_j, for that of p_j is p_j ((lo_j - mean)**2 - variance), (4 + 1) t**2 at most, halved;
- r moves log p_j by at most 2 r, and p_j by at most p_j (exp(2 r) - 1).

A bound is made the same way from the one of the op and from how far the prologues' logits may be off, d: the op is
evaluated at logits off by d. Its own bound there is at most exp(4 d) times that at the exact ones and 8 u d, as in
`training.bounds`; `producers.moved_by` has what d does to the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.api import bound, is_vacuous
from logitproof_reference.bounds.assumptions import wide
from logitproof_reference.bounds.producers import moved_by
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.oracle.request import Request

DERIVATIVE = {"value": ("jvp", 1.0), "grad_logits": ("hvp", 3.0)}
"""What is the derivative of a quantity along a direction, and the factor of t**2 that it leaves out."""


@dataclass(frozen=True, eq=False)
class BallRows:
    """Rows of logits that are balls, (rows, classes)."""

    logits: Ball

    @cached_property
    def _rows(self) -> ExactRows:
        return ExactRows(self.logits.hi)

    def exact(self, request: Request) -> Ball:
        """Return the answer to a request for the midpoints `logits.hi`, at the balls."""
        second, curvature = DERIVATIVE[request.quantity]
        along = replace(request, quantity=second, tangent=self.logits.lo)
        at, moved = (_ball(self._rows.answer(one)) for one in (request, along))
        total = at + moved
        farthest = np.abs(self.logits.lo).max(axis=1, keepdims=True)
        off = np.broadcast_to(self.logits.radius + curvature * farthest**2, self.logits.hi.shape)
        return Ball(total.hi, total.lo, total.radius + moved_by(request, off) * (1.0 + 2.0**-30))

    def bound(self, request: Request, rounding: Rounding, off: F64) -> F64:
        """Return how far correct code may be from the answer to a request, of logits that are off."""
        own = bound(request, rounding.format, self._arithmetic(rounding))
        farthest = off.max(axis=1, keepdims=True)
        with np.errstate(over="ignore"):
            swollen = np.exp(4.0 * farthest)
        moved = moved_by(request, off)
        if request.reduced:
            shifts = farthest.sum() / float(request.divisor or 1)
            total: F64 = swollen.max(initial=1.0) * own + 8.0 * rounding.unit * shifts + moved
            return total
        error: F64 = (swollen if own.ndim == 2 else swollen[:, 0]) * own + moved
        return error + 8.0 * rounding.unit * self._shares(request, farthest)

    def _shares(self, request: Request, farthest: F64) -> F64:
        """Return `farthest`, for a gradient times what of a row's unit falls to each class: p, or the label."""
        if request.cotangent is None:
            return farthest if request.has_class_axis else farthest[:, 0]
        p = self._rows.evaluate("softmax", "value").value
        c = np.abs(request.cotangent).reshape(len(p), -1) / float(request.divisor or 1)
        if request.labels is None:
            alone: F64 = farthest * c * p
            return alone
        q = np.abs(request.options.distributions(request.labels, self.logits.hi.shape[1]).hi.T)
        shares: F64 = farthest * c * (p * q.sum(axis=1, keepdims=True) + q)
        return shares

    def _arithmetic(self, rounding: Rounding) -> Arithmetic:
        """Return what the op is assumed to do: where sums in the format would say nothing, sums in float32."""
        says_nothing = is_vacuous(self.logits.hi, rounding.format, rounding.arithmetic).any()
        return wide(rounding.arithmetic) if says_nothing else rounding.arithmetic


def _ball(exact: Enclosure) -> Ball:
    return Ball(*exact.parts)
