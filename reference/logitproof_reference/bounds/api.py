"""Error bounds of correct implementations: one absolute bound for every element of an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds.assumptions import wide
from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.bounds.forward_bounds import forward_bounds
from logitproof_reference.bounds.options import option_bound
from logitproof_reference.bounds.row_statistics import INFLATION
from logitproof_reference.bounds.table import BoundRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64, Format

HUGE = 2.0**1000
"""Logits beyond which differences may overflow float64, in which bounds are computed."""

SCALE = 256.0
"""What huge logits are divided by, where log-probabilities overflow but an answer made of them does not.

That answer, and its bound, is proportional to them: next to such differences log S is nothing.
"""

BLOCK_ELEMENTS = 1 << 18
"""Logits bounded at a time, so that memory stays flat as batches grow."""


def bound(request: Request, format: Format, arithmetic: Arithmetic) -> F64:  # noqa: A002 - the word of the vocabulary
    """Return the largest |observed - exact| of a correct implementation, elementwise.

    The bounds B1 to B5 of `forward`, `loss` and `gradient`, and those of
    `second_order`, `sigmoid` and `options`, the worst over the ordinary forms of each algorithm.
    Rows whose bound is vacuous in a half-precision accumulation (`is_vacuous`) are bounded for the
    wide-accumulation class instead: sums in float32 and gradual underflow.

    Parameters
    ----------
    request : Request
        Its logits are exact numbers of the format. A class at -inf counts as absent.
    format : Format
        The format the implementation works in.
    arithmetic : Arithmetic
        What it is assumed to do: `MUST`, `SHOULD`, or a declaration.

    Returns
    -------
    float64, shape of the answer: (rows,) or (rows, n); (1,) for a value reduced to one number
        Absolute bound; NaN where the answer is not finite.

    Raises
    ------
    ValueError
        The quantity has no bound with options.
    """
    options = request.options
    if options.reduction != "none" or (options.counts_unevenly and not request.row.elementwise):
        return option_bound(request, format, arithmetic)
    logits = request.logits
    step = max(BLOCK_ELEMENTS // max(logits.shape[1], 1), 1)
    blocks = [request.of(slice(start, start + step)) for start in range(0, max(len(logits), 1), step)]
    whole = np.concatenate([_block_bound(block, Rounding(format, arithmetic)) for block in blocks])
    return whole if request.has_class_axis else whole[:, 0]


def _block_bound(request: Request, rounding: Rounding) -> F64:
    """Return the bound of some rows, vacuous ones replaced by that of the wide-accumulation class."""
    error = _assumed(request, rounding).error
    if request.row.elementwise:
        return error
    without_bound = is_vacuous(request.logits, rounding.format, rounding.arithmetic)[:, None]
    if without_bound.any():
        widened = Rounding(rounding.format, wide(rounding.arithmetic))
        error = np.where(without_bound, _assumed(request, widened).error, error)
    magnitudes = np.abs(request.logits.astype(np.float64))
    if magnitudes.max(initial=0.0, where=np.isfinite(magnitudes)) > HUGE:
        scaled = _assumed(replace(request, logits=request.logits / SCALE), rounding)
        with np.errstate(over="ignore"):
            overflows = ~np.isfinite(SCALE * scaled.value)
        error = np.where(np.isfinite(error) | overflows, error, SCALE * scaled.error)
    return error


def _assumed(request: Request, rounding: Rounding) -> BoundedValue:
    """Return answers and bounds under one arithmetic, NaN where not finite; reduced answers keep an axis."""
    asked = BoundRequest(request, rounding)
    with np.errstate(invalid="ignore", over="ignore"):
        result = asked.answer()
        error = result.error * INFLATION
    unlimited = ~np.isfinite(result.value)
    if not request.row.elementwise:
        undefined = asked.forward.statistics.undefined
        unlimited |= undefined if result.value.shape == undefined.shape else undefined.any(axis=-1, keepdims=True)
    return BoundedValue(result.value, np.where(unlimited, np.nan, error))


def is_vacuous(logits: NDArray[Any], format: Format, arithmetic: Arithmetic) -> NDArray[np.bool_]:  # noqa: A002 - as in `bound`
    """Return for each row whether the bound under `arithmetic` is vacuous: the sum may be off by half of itself.

    From there on 1/S may be off by all of itself, so that the relative bound of every
    probability is at least 1. Shape (rows,); False where the row has no finite softmax.
    """
    return forward_bounds(logits, Rounding(format, arithmetic)).is_vacuous
