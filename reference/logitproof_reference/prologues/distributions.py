"""Bernoulli and relaxed distributions of logits: entropy, divergence and log-densities in balls, with gradients.

- Bernoulli's entropy and divergence are those of the rows (0, x) and (0, t), element by element;
- relaxed Bernoulli, the density of a logistic sample s: log T + d - 2 log(1 + e^d) with d = x - T s, T the temperature;
  by x it is 1 - 2 sigmoid(d), by s it is -T times that;
- relaxed categorical, the density of the logarithms v of a sample, row by row: log (n - 1)! + (n - 1) log T +
  sum log-softmax(x - T v); by x_j it is 1 - n p_j, by v_j -T times that, p the softmax of x - T v.

Source: C. J. Maddison, A. Mnih, Y. W. Teh, "The Concrete Distribution", arXiv:1611.00712, appendices B and C.2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.logarithm import log
from logitproof_reference.oracle.derived_losses import (
    FORMULAS,
    Operands,
    over_classes,
)
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.prologues.ball_rows import BallRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


def beside_zero(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return every number of an array as a row (0, number)."""
    flat = array.ravel()
    return np.stack([np.zeros_like(flat), flat], axis=1)


def as_two_classes(given: Operands) -> Operands:
    """Return logits of Bernoulli distributions as rows of two classes."""
    target = None if given.target is None else beside_zero(given.target)
    return Operands(beside_zero(given.logits), target)


def _bernoulli(op: str, quantity: str, given: Operands) -> Ball:
    made = FORMULAS[op][quantity](as_two_classes(given))
    taken = [part if part.ndim == 1 else part[:, 1] for part in (made.hi, made.lo, made.radius)]
    return Ball(*(np.ascontiguousarray(part).reshape(given.logits.shape) for part in taken))


def less_sample(given: Operands) -> Ball:
    """Return x - T s, or x - T v."""
    if given.target is None:
        raise ValueError("the density needs a sample; none is given")
    return Ball(given.logits.astype(np.float64)) - Ball(given.target.astype(np.float64)) * float(given.temperature)


def of_pairs(d: Ball) -> BallRows:
    """Return every number as a row (0, d)."""
    parts = [np.stack([np.zeros(d.hi.size), part.ravel()], axis=1) for part in (d.hi, d.lo, d.radius)]
    return BallRows(Ball(*parts))


def _logarithm(number: float) -> Ball:
    """Return the logarithm of a number as a ball of one element."""
    return log(Ball(np.array([number])))


def relaxed_bernoulli(given: Operands) -> Ball:
    """Return log T + d - 2 log(1 + e^d)."""
    d = less_sample(given)
    rows = of_pairs(d)
    softplus = rows.exact(checked_request("log_sum_exp", "value", rows.logits.hi))
    shaped = Ball(*(part.reshape(d.hi.shape) for part in (softplus.hi, softplus.lo, softplus.radius)))
    return d - shaped * 2.0 + _logarithm(given.temperature)


def relaxed_bernoulli_slope(given: Operands, *, by_sample: bool = False) -> Ball:
    """Return 1 - 2 sigmoid(d), or -T times it."""
    d = less_sample(given)
    rows = of_pairs(d)
    shares = rows.exact(checked_request("log_sum_exp", "grad_logits", rows.logits.hi))
    none, one = (Ball(*(part[:, k].reshape(d.hi.shape) for part in _parts(shares))) for k in (0, 1))
    made = none - one
    return made * -float(given.temperature) if by_sample else made


def _parts(ball: Ball) -> tuple[F64, F64, F64]:
    return ball.hi, ball.lo, ball.radius


def constant_of(given: Operands) -> Ball:
    """Return log (n - 1)! + (n - 1) log T, one element."""
    n = given.logits.shape[1]
    factorial = log(Ball(np.arange(1.0, max(n, 2))[:, None])).sum()
    return factorial + _logarithm(given.temperature) * float(n - 1)


def relaxed_categorical(given: Operands) -> Ball:
    """Return log (n - 1)! + (n - 1) log T + sum log-softmax(x - T v)."""
    rows = BallRows(less_sample(given))
    made = rows.exact(checked_request("log_softmax", "value", rows.logits.hi))
    return over_classes(made) + constant_of(given)


def relaxed_categorical_slope(given: Operands, *, by_sample: bool = False) -> Ball:
    """Return 1 - n p, or -T times it."""
    rows = BallRows(less_sample(given))
    shares = rows.exact(checked_request("log_sum_exp", "grad_logits", rows.logits.hi))
    made = 1.0 - shares * float(given.logits.shape[1])
    return made * -float(given.temperature) if by_sample else made


DISTRIBUTIONS: Mapping[str, Mapping[str, Callable[[Operands], Ball]]] = {
    "bernoulli_entropy": {name: partial(_bernoulli, "entropy", name) for name in ("value", "grad_logits")},
    "bernoulli_kl_divergence": {
        name: partial(_bernoulli, "kl_divergence", name) for name in ("value", "grad_logits", "grad_target")
    },
    "relaxed_bernoulli": {
        "value": relaxed_bernoulli,
        "grad_logits": relaxed_bernoulli_slope,
        "grad_sample": partial(relaxed_bernoulli_slope, by_sample=True),
    },
    "relaxed_categorical": {
        "value": relaxed_categorical,
        "grad_logits": relaxed_categorical_slope,
        "grad_sample": partial(relaxed_categorical_slope, by_sample=True),
    },
}
"""Closed forms by function and quantity, as `oracle.derived_losses.FORMULAS`."""
