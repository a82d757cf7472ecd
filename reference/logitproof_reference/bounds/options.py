"""Bounds of losses with options: class weights, ignored rows, label smoothing, sums and means.

A loss with options is sum_j q'_j (-log p_j) with effective labels q' = w_j ((1 - a) q_j + a/n), 0 in rows ignored:
B4 and B5 of `loss` and `gradient` apply with q' in place of q. What an implementation rounds beyond them,
in whichever order it applies weights and smoothing, is `EXTRA_ROUNDINGS` products and sums of single numbers, each
relative to what the row holds. Reductions follow Higham (2002), section 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds import clipped as bounds_clipped
from logitproof_reference.bounds import forward as bounds_forward
from logitproof_reference.bounds import gradient as bounds_gradient
from logitproof_reference.bounds import loss as bounds_loss
from logitproof_reference.bounds.api import VOID, wide
from logitproof_reference.bounds.assumptions import Arithmetic, growth
from logitproof_reference.bounds.error_model import Approximation, Rounding
from logitproof_reference.bounds.row_statistics import INFLATION, RowStatistics
from logitproof_reference.bounds.table import BOUNDS, Question, Rows
from logitproof_reference.oracle.loss_options import LossOptions
from logitproof_reference.vocabulary.cells import SIGMOID
from logitproof_reference.vocabulary.formats import named_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64

EXTRA_ROUNDINGS = 5
"""1 - a, a / n, their products with the label and with the row's sum, the product with the weight."""

WEIGHTS_IN_A_DIVISOR = 4
"""So many terms for each unit of the divisor are granted to the sum that it is: weights of 1/4 and more."""


def option_bound(
    cell: Cell,
    *,
    logits: NDArray[Any],
    labels: NDArray[Any],
    cotangent: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    pos_weight: NDArray[Any] | None = None,
    choices: Mapping[str, Any] | None = None,
    arithmetic: Arithmetic,
) -> F64:
    """Return the largest |observed - exact| of a correct loss with the options of a cell.

    Parameters
    ----------
    cell : Cell
        Op, quantity (``value`` or ``grad_logits``), format and options.
    logits : array (rows, n)
    labels : integer array (rows,) or floating array (rows, n)
    cotangent : array of the shape of the unreduced loss, or None
        Upstream gradient before any reduction.
    weight, pos_weight : array (n,) or None
    choices : mapping, optional
        Named choices of `LossOptions`: the dialect.
    arithmetic : Arithmetic

    Returns
    -------
    float64 array, shape of the answer; (1,) for a value reduced to one number

    Raises
    ------
    ValueError
        The quantity has no bound with options.
    """
    if cell.quantity not in {"value", "grad_logits"}:
        raise ValueError(f"no bound is known for {cell.quantity} with options; known: value, grad_logits")
    rounding = Rounding(named_format(cell.format), arithmetic)
    if cell.op == SIGMOID:
        rows = Rows(logits=logits, labels=labels, cotangent=cotangent, weight=weight, pos_weight=pos_weight)
        question = Question(cell.op, rows, RowStatistics.of(logits), rounding)
        answer = BOUNDS[cell.op, cell.quantity](question)
        return _reduced(cell, _flat(cell, answer), answer.value.size, rounding) * INFLATION
    options = LossOptions(
        weight=weight,
        ignore_index=cell.options.ignore_index,
        label_smoothing=cell.options.label_smoothing,
        reduction=cell.options.reduction,
        **(choices or {}),
    )
    given = labels if labels.ndim == 1 else labels.astype(np.float64)
    effective = options.distributions(given, logits.shape[1]).hi.T
    answer = _cross_entropy(cell, logits, effective, cotangent, clip=options.clip_probabilities, rounding=rounding)
    divisor = options.divisor(labels)
    if divisor == 0 and cell.is_scalar:
        return np.full(1, np.nan if options.empty_mean == "nan" else 0.0)
    return _reduced(cell, answer, 1.0 if divisor is None else float(divisor), rounding) * INFLATION


def _flat(cell: Cell, answer: Approximation) -> Approximation:
    """Return all elements in one row, where they are reduced."""
    if not cell.is_scalar:
        return answer
    return Approximation(answer.value.reshape(1, -1), np.broadcast_to(answer.error, answer.value.shape).reshape(1, -1))


def _cross_entropy(
    cell: Cell,
    logits: NDArray[Any],
    effective: F64,
    cotangent: NDArray[Any] | None,
    *,
    clip: float | None,
    rounding: Rounding,
) -> Approximation:
    """Return losses as one row (1, rows) where they are reduced, else (rows,); gradients as (rows, n)."""
    statistics = RowStatistics.of(logits)
    total = bounds_forward.shifted_sum(statistics, rounding)
    softmax = bounds_forward.softmax(statistics, rounding, total)
    if cell.quantity == "value":
        logarithm = (
            bounds_forward.log_softmax(statistics, rounding, total)
            if clip is None
            else bounds_clipped.logarithm(softmax, clip, rounding)
        )
        losses = bounds_loss.cross_entropy_over(logarithm, effective, rounding)
        losses = _with_extra_roundings(Approximation(losses.value[:, 0], losses.error[:, 0]), rounding)
        return Approximation(losses.value[None], losses.error[None]) if cell.is_scalar else losses
    upstream = np.ones(len(logits)) if cotangent is None else cotangent.astype(np.float64)
    given = Approximation.exact(upstream[:, None])
    gradient = (
        bounds_gradient.cross_entropy_over_vjp(softmax, effective, given, rounding)
        if clip is None
        else bounds_clipped.cross_entropy_vjp(softmax, effective, given, clip, rounding)
    )
    # p sum(q') and q' cancel: the extra roundings are relative to each of the two.
    parts = np.abs(upstream)[:, None] * (softmax.value * effective.sum(axis=1, keepdims=True) + effective)
    return Approximation(gradient.value, gradient.error + growth(EXTRA_ROUNDINGS, rounding.unit) * parts)


def _with_extra_roundings(answer: Approximation, rounding: Rounding) -> Approximation:
    relative = growth(EXTRA_ROUNDINGS, rounding.unit)
    tiny = EXTRA_ROUNDINGS * rounding.tiny
    return Approximation(answer.value, answer.error + relative * answer.magnitude + tiny)


def _reduced(cell: Cell, answer: Approximation, divisor: float, rounding: Rounding) -> F64:
    """Return the error of the sum or mean; of a gradient, the error after its division."""
    if cell.options.reduction == "none":
        return np.broadcast_to(answer.error, answer.value.shape)
    terms = max(int(divisor), 1) * WEIGHTS_IN_A_DIVISOR
    summing = _over_many(rounding, max(terms, answer.value.shape[-1] if cell.is_scalar else 1))
    total = summing.sum(answer) if cell.is_scalar else answer
    if cell.options.reduction == "sum":
        return np.asarray(total.error[:, 0] if cell.is_scalar else total.error)
    if divisor == 0:
        return np.zeros(total.value.shape)
    # The divisor is a sum of weights or a count; the quotient, or the product with its inverse, rounds twice more.
    relative = (1 + summing.sum_growth(terms)) * (1 + growth(3, rounding.unit)) - 1
    error = (total.error + relative * total.magnitude) / abs(divisor) + 2 * rounding.tiny
    return np.asarray(error[:, 0] if cell.is_scalar else error)


def _over_many(rounding: Rounding, terms: int) -> Rounding:
    """Return the rounding of a sum over rows: where the format's own could lose half of it, that of float32."""
    return rounding if rounding.sum_growth(terms) < VOID else Rounding(rounding.format, wide(rounding.arithmetic))
