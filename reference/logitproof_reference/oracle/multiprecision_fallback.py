"""Which rows and elements are beyond double-double and are computed in multiple precision instead.

Only the size of the inputs decides here. Where the radius of an answer does not decide a verdict, `Answers.refined` of
answers/answers.py takes multiple precision for all rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .loss_options import inverse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.numerics.enclosure import Enclosure

    from .request import Request

LARGEST_LOGIT = 2.0**600
LARGEST_FACTOR = 300
"""Factors whose product stays within 2**-300..2**300 keep every closed form in float64."""

LARGEST_ELEMENT_FACTOR = 100
"""The same of each factor of an element, of which three at most are multiplied."""


def rows_within(logits: F64) -> NDArray[np.bool_]:
    """Return the rows whose logits are finite or -inf, one finite at least, and of ordinary size."""
    largest, smallest = logits.max(axis=1), logits.min(axis=1)
    within: NDArray[np.bool_] = (np.abs(largest) <= LARGEST_LOGIT) & (smallest >= -LARGEST_LOGIT)
    if not within.all():
        magnitude = np.abs(np.where(np.isneginf(logits), 0.0, logits)).max(axis=1)
        within = np.isfinite(largest) & (magnitude <= LARGEST_LOGIT)  # a NaN makes both NaN
    return within


def factors_within(request: Request) -> NDArray[np.bool_]:
    """Return the rows whose factors are finite and multiply to ordinary sizes only."""
    rows = len(request.logits)
    finite = np.ones(rows, dtype=bool)
    if not request.factors and request.divisor is None and request.options.weight is None:
        return finite
    most, least = np.zeros(rows), np.zeros(rows)
    weight, scale = request.options.weight, float(abs(inverse(request.divisor)))
    for part in (*request.factors, *([] if weight is None else [weight[None, :]]), np.full((1, 1), scale)):
        columns = part[:, None] if part.ndim == 1 else part
        finite &= np.isfinite(columns).all(axis=1)
        _, exponent = np.frexp(np.where(np.isfinite(columns), columns, 0.0))
        present = columns != 0.0
        most += np.where(present, exponent, 0).max(axis=1, initial=0)
        least += np.where(present, exponent, 0).min(axis=1, initial=0)
    return finite & (most <= LARGEST_FACTOR) & (least >= -LARGEST_FACTOR)


def elements_within(arrays: Sequence[F64], divisor: Fraction | None) -> NDArray[np.bool_]:
    """Return the elements whose logit, the first array, is infinite or of ordinary size, and whose factors are too."""
    logits, *factors = arrays
    fits = np.isinf(logits) | (np.abs(logits) <= LARGEST_LOGIT)
    for part in factors:
        _, exponent = np.frexp(part)
        fits &= np.isfinite(part) & ((part == 0.0) | (np.abs(exponent) <= LARGEST_ELEMENT_FACTOR))
    return fits & (float(inverse(divisor)) >= 2.0**-LARGEST_ELEMENT_FACTOR)


def fall_back(answer: Enclosure, where: NDArray[np.bool_], exactly: Callable[[int], Enclosure]) -> None:
    """Put the exact answers of these rows or elements, one by one, in place of others."""
    for place in np.flatnonzero(where).tolist():
        for part, entry in zip(answer.parts, exactly(place).parts, strict=True):
            part[place] = entry
