"""Error bounds of the building blocks of losses: those of log-sum-exp and softmax of their rows.

softplus, log_sigmoid, logaddexp and what goes over groups of rows are held to the bounds of the rows that they are
(`oracle.functions`): B3, B1 and those of their derivatives. Beside them

- a sigmoid, the slope of softplus, may be a quotient in any form, and s (1 - s) a product of these (`bounds.sigmoid`);
- softplus and log_sigmoid should keep their digits where they are small: log1p(exp(-|x|)), not log(1 + exp(-|x|));
- a cumulative log-sum-exp may be merged, term by term or in a tree (B10). Its gradient sum_j c_j exp(x_i - y_j) may be
  taken through that tree, h steps high: each multiplies by exp(a - y) of two numbers off by what merging grants, and of
  size A at most, so that the relative error of a term is exp(E) - 1 with E = g_h (2 A + 1 + 2 c_exp + 2 c_log), and by
  the MUST bound the error of a rounded y_j beside it; or in the log domain, where log |c_j| joins A. Then g of the sum.
  The second derivative sum_j c_j p_ij (v_i - sum_k p_kj v_k) has two such factors in each product.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds.api import bound as bound_of
from logitproof_reference.bounds.assumptions import growth
from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.bounds.options import over_many
from logitproof_reference.bounds.sigmoid import SigmoidLoss
from logitproof_reference.oracle.functions import SECOND, parts, shape_of
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.functions import Operands
    from logitproof_reference.vocabulary.formats import F64, Format

ROUNDINGS = 6.0
SIGNS = {"softplus": 1.0, "log_sigmoid": -1.0}
CUMULATIVE = "cumulative_log_sum_exp"


def bound(
    op: str,
    quantity: str,
    given: Operands,
    model: tuple[Format, Arithmetic],
    upstream: tuple[F64 | None, tuple[F64, ...]] = (None, ()),
) -> F64:
    """Return the largest |observed - exact| of a correct implementation; `upstream` is cotangent and tangents."""
    cotangent, tangents = upstream
    if op == CUMULATIVE and quantity != "value":
        return _cumulative_slope(quantity, given, model, upstream)
    format_, arithmetic = model
    granted = replace(arithmetic, log_domain=True) if op == CUMULATIVE else arithmetic
    error = np.zeros(shape_of(op, quantity, given))
    for part in parts(op, quantity, given, cotangent, tangents):
        error[part.index] = part.placed(bound_of(part.request, format_, granted))
    if op not in SIGNS:
        return error
    return _with_sigmoids(op, quantity, error, given, (Rounding(*model), upstream))


def _with_sigmoids(
    op: str, quantity: str, error: F64, given: Operands, asked: tuple[Rounding, tuple[F64 | None, tuple[F64, ...]]]
) -> F64:
    """Return the bound with the other forms of softplus and its slopes."""
    rounding, (cotangent, tangents) = asked
    sign, x = SIGNS[op], given.arrays[0].astype(np.float64)
    ones = np.ones_like(x)
    loss = SigmoidLoss(x, ones, ones, ones, rounding)
    if quantity == "value":
        keeps_digits = not rounding.arithmetic.flush_to_zero
        own = loss.softplus(sign).error
        return own if keeps_digits else np.maximum(error, own)
    upstream = ones if cotangent is None else np.broadcast_to(cotangent, x.shape)
    factors = [upstream, tangents[0]] if quantity.startswith(SECOND) else [upstream]
    made = loss.curvature() if quantity.startswith(SECOND) else loss.sigmoid(sign)
    scaled: BoundedValue = loss.scaled(made, *factors)
    return np.maximum(error, scaled.error)


def _cumulative_slope(
    quantity: str, given: Operands, model: tuple[Format, Arithmetic], upstream: tuple[F64 | None, tuple[F64, ...]]
) -> F64:
    cotangent, tangents = upstream
    x = given.arrays[0].astype(np.float64)
    c = np.ones_like(x) if cotangent is None else np.abs(np.asarray(cotangent, np.float64))
    rounding = over_many(Rounding(*model), x.shape[1])
    y = np.logaddexp.accumulate(x, axis=1)
    relative = _relative(given, y, c, model)
    total = np.zeros_like(x)
    reach = np.zeros_like(x)
    for last in range(x.shape[1]):
        p = np.exp(x[:, : last + 1] - y[:, last : last + 1])
        e, size = relative[:, last : last + 1], c[:, last : last + 1] * p
        if quantity.startswith(SECOND):
            v = np.abs(tangents[0][:, : last + 1])
            size = size * (v + (p * v).sum(axis=1, keepdims=True))
            e = 2.0 * e + e * e + rounding.sum_growth(last + 1)
        total[:, : last + 1] += size * e
        reach[:, : last + 1] += size * (1.0 + e)
    sums = rounding.sum_growth(x.shape[1]) + ROUNDINGS * rounding.unit
    error: F64 = total + sums * reach + ROUNDINGS * x.shape[1] * rounding.tiny * (1.0 + c.max(axis=1, keepdims=True))
    return error * (1.0 + 2.0**-20)


def _relative(given: Operands, y: F64, c: F64, model: tuple[Format, Arithmetic]) -> F64:
    """Return the relative error of each exp(x_i - y_j), whatever i."""
    format_, arithmetic = model
    x = given.arrays[0].astype(np.float64)
    unit = min(format_.unit_roundoff, FORMATS["float32"].unit_roundoff)
    size = np.maximum(np.abs(x).max(axis=1), np.abs(y).max(axis=1))
    with np.errstate(divide="ignore"):
        logarithm = np.abs(np.log(np.where(c > 0.0, c, 1.0))).max(axis=1)
    height = arithmetic.tree_height(x.shape[1]) + 3.0
    steps = growth(height, unit) * (
        2.0 * size + 2.0 * logarithm + 1.0 + 2.0 * (arithmetic.exp_ulps + arithmetic.log_ulps)
    )
    of_value = bound(CUMULATIVE, "value", given, model) if arithmetic.rounded_log_sum_exp else np.zeros_like(y)
    exponent = steps[:, None] + 2.0 * of_value
    relative: F64 = np.expm1(np.minimum(exponent, 700.0)) + 2.0 * arithmetic.exp_ulps * format_.unit_roundoff
    return relative
