"""From the answers of blocks or rows to the answer of a batch: joined, and reduced as the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.enclosure import Enclosure, joined, normalised

from .loss_options import as_ball, inverse

if TYPE_CHECKING:
    from .request import Request


def join_rows(request: Request, answers: list[Enclosure]) -> Enclosure:
    """Join the answers of consecutive rows, and reduce them as the options say."""
    axes = request.logits.shape[1:] if request.has_class_axis else ()
    rows = joined(answers) if answers else Enclosure.exact(np.empty((0, *axes)))
    return _reduction(rows, request) if request.reduced else rows


def _reduction(rows: Enclosure, request: Request) -> Enclosure:
    """Return the sum or the mean of all numbers."""
    if request.divisor == 0:
        return Enclosure.exact(np.nan if request.options.empty_mean == "nan" else 0.0)
    if not np.isfinite(rows.value).all():
        with np.errstate(invalid="ignore"):
            return Enclosure.exact(rows.value.sum())
    if rows.value.size == 0:
        return Enclosure.exact(0.0)
    total = Ball(*(part.ravel() for part in rows.parts)).sum()
    return enclosure_of(total if request.divisor is None else total * as_ball(inverse(request.divisor)))


def enclosure_of(ball: Ball) -> Enclosure:
    """Return a ball whose class axis comes first as an enclosure whose class axis comes last."""
    parts = (np.ascontiguousarray(part.T).reshape(part.T.shape) for part in (ball.hi, ball.lo, ball.radius))
    hi, lo, radius = parts
    return normalised(hi, lo, radius * (1 + 2.0**-30))
