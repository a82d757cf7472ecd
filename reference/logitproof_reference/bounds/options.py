"""Bounds of losses with options: class weights, ignored rows, label smoothing, sums and means.

A loss with options is sum_j q'_j (-log p_j) with effective labels q' = w_j ((1 - a) q_j + a/n), 0 in rows ignored:
B4 and B5 of `loss` and `gradient` apply with q' in place of q. What an implementation rounds beyond them,
in whichever order it applies weights and smoothing, is `EXTRA_ROUNDINGS` products and sums of single numbers, each
relative to what the row holds. Reductions follow Higham (2002), section 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds import clipped as bounds_clipped
from logitproof_reference.bounds import gradient as bounds_gradient
from logitproof_reference.bounds import loss as bounds_loss
from logitproof_reference.bounds.assumptions import VACUOUS, growth, wide
from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.bounds.forward_bounds import forward_bounds
from logitproof_reference.bounds.row_statistics import INFLATION
from logitproof_reference.bounds.table import BoundRequest

if TYPE_CHECKING:
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64, Format

EXTRA_ROUNDINGS = 5
"""1 - a, a / n, their products with the label and with the row's sum, the product with the weight."""

WEIGHTS_IN_A_DIVISOR = 4
"""Terms that the sum of a divisor may have per unit of its value: weights of 1/4 and more."""


def option_bound(request: Request, format_: Format, arithmetic: Arithmetic) -> F64:
    """Return the largest |observed - exact| of a correct loss with options, as `api.bound` does.

    Raises
    ------
    ValueError
        The quantity has no bound with options.
    """
    if request.quantity not in {"value", "grad_logits"}:
        raise ValueError(f"no bound is known for {request.quantity} with options; known: value, grad_logits")
    rounding = Rounding(format_, arithmetic)
    if request.row.elementwise:
        answer = BoundRequest(request, rounding).answer()
        return _reduced(request, _flat(request, answer), answer.value.size, rounding) * INFLATION
    answer = _cross_entropy(request, rounding)
    divisor = request.divisor
    if divisor == 0 and request.reduced:
        return np.full(1, np.nan if request.options.empty_mean == "nan" else 0.0)
    return _reduced(request, answer, 1.0 if divisor is None else float(divisor), rounding) * INFLATION


def _flat(request: Request, answer: BoundedValue) -> BoundedValue:
    """Return all elements in one row, where they are reduced."""
    if not request.reduced:
        return answer
    return BoundedValue(answer.value.reshape(1, -1), np.broadcast_to(answer.error, answer.value.shape).reshape(1, -1))


def _cross_entropy(request: Request, rounding: Rounding) -> BoundedValue:
    """Return losses as one row (1, rows) where they are reduced, else (rows,); gradients as (rows, n).

    Rows whose bound is vacuous are bounded for the wide-accumulation class, as without options: the sum over the
    smoothed labels has as many terms as that of the exponentials.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # a vacuous bound is infinite
        answer = _under_one_model(request, rounding)
    vacuous = forward_bounds(request.logits, rounding).is_vacuous
    if vacuous.any():
        widened = _under_one_model(request, Rounding(rounding.format, wide(rounding.arithmetic)))
        of_rows = vacuous if request.quantity == "value" else vacuous[:, None]
        answer = BoundedValue(answer.value, np.where(of_rows, widened.error, answer.error))
    is_row = request.quantity == "value" and request.reduced
    return BoundedValue(answer.value[None], answer.error[None]) if is_row else answer


def _under_one_model(request: Request, rounding: Rounding) -> BoundedValue:
    """Return losses (rows,), or gradients (rows, n)."""
    asked = BoundRequest(request, rounding)
    labels, clip = asked.labels, request.options.clip_probabilities
    effective = request.options.distributions(labels, request.logits.shape[1]).hi.T
    if request.quantity == "value":
        losses = bounds_loss.cross_entropy_over(asked.logarithm, effective, rounding)
        return _with_extra_roundings(BoundedValue(losses.value[:, 0], losses.error[:, 0]), rounding)
    upstream, softmax = asked.cotangent, asked.softmax
    gradient = (
        bounds_gradient.cross_entropy_over_vjp(softmax, effective, upstream, rounding)
        if clip is None
        else bounds_clipped.cross_entropy_vjp(softmax, effective, upstream, clip, rounding)
    )
    # p sum(q') and q' cancel: the extra roundings are relative to each of the two.
    parts = np.abs(upstream.value) * (softmax.value * effective.sum(axis=1, keepdims=True) + effective)
    return BoundedValue(gradient.value, gradient.error + growth(EXTRA_ROUNDINGS, rounding.unit) * parts)


def _with_extra_roundings(answer: BoundedValue, rounding: Rounding) -> BoundedValue:
    relative = growth(EXTRA_ROUNDINGS, rounding.unit)
    tiny = EXTRA_ROUNDINGS * rounding.tiny
    return BoundedValue(answer.value, answer.error + relative * answer.magnitude + tiny)


def _reduced(request: Request, answer: BoundedValue, divisor: float, rounding: Rounding) -> F64:
    """Return the error of the sum or mean; of a gradient, the error after its division."""
    if request.options.reduction == "none":
        return np.broadcast_to(answer.error, answer.value.shape)
    terms = max(int(divisor), 1) * WEIGHTS_IN_A_DIVISOR
    summing = over_many(rounding, max(terms, answer.value.shape[-1] if request.reduced else 1))
    total = summing.sum(answer) if request.reduced else answer
    if request.options.reduction == "sum":
        return np.asarray(total.error[:, 0] if request.reduced else total.error)
    if divisor == 0:
        return np.zeros(total.value.shape)
    # The divisor is a sum of weights or a count; the quotient, or the product with its inverse, rounds twice more.
    relative = (1 + summing.sum_growth(terms)) * (1 + growth(3, rounding.unit)) - 1
    error = (total.error + relative * total.magnitude) / abs(divisor) + 2 * rounding.tiny
    return np.asarray(error[:, 0] if request.reduced else error)


def over_many(rounding: Rounding, terms: int) -> Rounding:
    """Return the rounding of a sum of this many terms: that of float32 if the format's own could lose half of it."""
    return rounding if rounding.sum_growth(terms) < VACUOUS else Rounding(rounding.format, wide(rounding.arithmetic))
