"""Error bounds of Bernoulli and relaxed distributions of logits: those of their rows, and of x - T s before them.

- Bernoulli's entropy and divergence have the bounds of two classes (`bounds.derived_losses`); by the MUST bound the
  entropy may also be softplus(x) - x sigmoid(x), which rounds at the size of x, and the divergence sigmoid(t) (t - x) +
  softplus(x) - softplus(t), likewise;
- d = x - T s is off by three roundings of |x| + T |s|: the product, the difference, or a quotient by T on the way;
- log T + d - 2 softplus(d) has the slope 1 - 2 sigmoid(d), at most 1: it is off by what d is, twice softplus, and four
  roundings of the sizes of its terms; its derivative by what a sigmoid is, and by d / 2;
- sum log-softmax is off by what each logarithm is at moved logits (`prologues.ball_rows`), and by g of their sizes;
  log-gamma and log T by el of themselves, and four roundings.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.bounds import derived_losses
from logitproof_reference.bounds.sigmoid import SigmoidLoss
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.prologues.ball_rows import BallRows
from logitproof_reference.prologues.distributions import as_two_classes, constant_of, less_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from logitproof_reference.bounds.error_model import Rounding
    from logitproof_reference.oracle.derived_losses import Operands
    from logitproof_reference.vocabulary.formats import F64

ROUNDINGS = 4.0


def _sigmoid(x: F64, rounding: Rounding) -> SigmoidLoss:
    ones = np.ones_like(x)
    return SigmoidLoss(x, ones, ones, ones, rounding)


def _bernoulli(op: str, quantity: str, given: Operands, rounding: Rounding) -> F64:
    made = derived_losses.BOUNDS[op][quantity](as_two_classes(given), rounding)
    own = (made if made.ndim == 1 else made[:, 1]).reshape(given.logits.shape)
    if not rounding.arithmetic.flush_to_zero:
        return own
    sizes = [np.abs(one.astype(np.float64)) for one in (given.logits, given.target) if one is not None]
    size = np.asarray(sum(sizes)) + 1.0
    at_once: F64 = (2.0 * ROUNDINGS * rounding.unit + rounding.exp_error + rounding.log_error) * size
    return np.maximum(own, at_once)


def _off(given: Operands, rounding: Rounding) -> tuple[F64, F64]:
    """Return d, and how far it may be off."""
    assert given.target is not None
    size = np.abs(given.logits.astype(np.float64)) + given.temperature * np.abs(given.target.astype(np.float64))
    return less_sample(given).hi, 3.0 * rounding.unit * (1.0 + 3.0 * rounding.unit) * size + 3.0 * rounding.tiny


def _relaxed_bernoulli(given: Operands, rounding: Rounding) -> F64:
    d, off = _off(given, rounding)
    softplus = _sigmoid(d, rounding).softplus(1.0)
    constant = abs(np.log(given.temperature))
    terms = constant + np.abs(d) + 2.0 * softplus.value
    error: F64 = off + 2.0 * softplus.error + rounding.log_error * constant + ROUNDINGS * rounding.unit * (terms + off)
    return error * (1.0 + 2.0**-10)


def _relaxed_bernoulli_slope(given: Operands, rounding: Rounding, *, by_sample: bool = False) -> F64:
    d, off = _off(given, rounding)
    share = np.maximum(_sigmoid(d, rounding).sigmoid(1.0).error, _sigmoid(d, rounding).sigmoid(-1.0).error)
    error: F64 = 2.0 * share + 0.5 * off + ROUNDINGS * rounding.unit * 3.0
    return error * (1.0 + 2.0**-10) * (given.temperature if by_sample else 1.0)


def _relaxed_categorical(given: Operands, rounding: Rounding) -> F64:
    _, off = _off(given, rounding)
    rows = BallRows(less_sample(given))
    request = checked_request("log_softmax", "value", rows.logits.hi)
    size, each = np.abs(rows.exact(request).hi), rows.bound(request, rounding, off)
    classes = given.logits.shape[1]
    total = each.sum(axis=1)
    relative = rounding.sum_growth(classes) + ROUNDINGS * rounding.unit
    constant = abs(float(constant_of(given).hi[0])) + 2.0 * classes * abs(np.log(given.temperature))
    extra = (2.0 * rounding.log_error + ROUNDINGS * rounding.unit) * constant
    error: F64 = total + relative * (size.sum(axis=1) + total + constant) + extra
    return error


def _relaxed_categorical_slope(given: Operands, rounding: Rounding, *, by_sample: bool = False) -> F64:
    _, off = _off(given, rounding)
    rows = BallRows(less_sample(given))
    request = checked_request("log_sum_exp", "grad_logits", rows.logits.hi, cotangent=np.ones(len(given.logits)))
    share, each = rows.exact(request).hi, rows.bound(request, rounding, off)
    classes = float(given.logits.shape[1])
    own = rounding.sum_growth(int(classes)) + 2.0 * ROUNDINGS * rounding.unit
    error: F64 = classes * each + own * (1.0 + classes * (share + each))
    return error * (given.temperature if by_sample else 1.0)


DISTRIBUTIONS: Mapping[str, Mapping[str, Callable[[Operands, Rounding], F64]]] = {
    "bernoulli_entropy": {name: partial(_bernoulli, "entropy", name) for name in ("value", "grad_logits")},
    "bernoulli_kl_divergence": {
        name: partial(_bernoulli, "kl_divergence", name) for name in ("value", "grad_logits", "grad_target")
    },
    "relaxed_bernoulli": {
        "value": _relaxed_bernoulli,
        "grad_logits": _relaxed_bernoulli_slope,
        "grad_sample": partial(_relaxed_bernoulli_slope, by_sample=True),
    },
    "relaxed_categorical": {
        "value": _relaxed_categorical,
        "grad_logits": _relaxed_categorical_slope,
        "grad_sample": partial(_relaxed_categorical_slope, by_sample=True),
    },
}
"""As `prologues.distributions.DISTRIBUTIONS`."""
