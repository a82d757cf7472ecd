"""Entropy, divergences and focal loss of finite logits: closed forms in ball arithmetic, with gradients.

With p = softmax(z), l = log p, and t, m of the target's logits:

- entropy: H = -sum p l; by the logits -p_j (l_j + H);
- divergence: K = sum t (m - l); by the logits p_j - t_j, by the target's logits t_j (m_j - l_j - K);
- Jensen-Shannon divergence: J = (sum t (m - a) + sum p (l - a)) / 2 with a = log((p + t) / 2), which is
  max(l, m) + log((1 + exp(-|l - m|)) / 2); by the logits p_j (l_j - a_j - sum p (l - a)) / 2, by the target's likewise;
- focal loss of a label k, g >= 1 a whole number: F = (1 - p_k)**g L with L = -l_k; by the logits A (p_j - [j = k]) with
  A = dF/dL = (1 - p_k)**g + g (1 - p_k)**(g - 1) p_k L, and 1 - p_k the sum of the other shares.

Sources: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002, section 3; G. Hinton, O. Vinyals,
J. Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531; J. Lin, "Divergence Measures Based on the
Shannon Entropy", IEEE Trans. Inf. Theory 37 (1991), doi:10.1109/18.61115.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.numerics.exp_log import exp_of_difference, log1p
from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True, eq=False)
class Operands:
    """The arguments of a function.

    Attributes
    ----------
    logits : array (rows, classes) of a format
    target : array of the same shape, or None
        Logits of the distribution that is aimed at, or a sample of a relaxed one.
    labels : int64 array (rows,), or None
    gamma : int
        Of the focal loss.
    temperature : float
        Of a relaxed distribution.
    """

    logits: NDArray[Any]
    target: NDArray[Any] | None = None
    labels: NDArray[np.int64] | None = None
    gamma: int = 2
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for array in (self.logits, self.target):
            if array is not None and not np.isfinite(array.astype(np.float64)).all():
                raise ValueError("logits have an infinity or a NaN; these functions are judged of finite ones")

    @cached_property
    def of_logits(self) -> Softmax:
        """Shares and their logarithms."""
        return Softmax(ExactRows(self.logits))

    @cached_property
    def of_target(self) -> Softmax:
        """The same of the target."""
        if self.target is None:
            raise ValueError("the divergence needs the logits of a target; none are given")
        return Softmax(ExactRows(self.target))


@dataclass(frozen=True, eq=False)
class Softmax:
    """Softmax and log-softmax of rows, as balls."""

    rows: ExactRows

    @cached_property
    def share(self) -> Ball:
        """Softmax."""
        return Ball(*self.rows.evaluate("softmax", "value").parts)

    @cached_property
    def logarithm(self) -> Ball:
        """Log-softmax."""
        return Ball(*self.rows.evaluate("log_softmax", "value").parts)


def over_classes(terms: Ball) -> Ball:
    """Return the sum over the classes of each row, (rows,)."""
    return Ball(*(np.ascontiguousarray(part.T) for part in (terms.hi, terms.lo, terms.radius))).sum()


def column(x: Ball) -> Ball:
    """Return one number per row as a column."""
    return Ball(*(part[:, None] for part in (x.hi, x.lo, x.radius)))


def entropy(given: Operands) -> Ball:
    """Return H."""
    return -over_classes(given.of_logits.share * given.of_logits.logarithm)


def entropy_by_logits(given: Operands) -> Ball:
    """Return -p (l + H)."""
    return -(given.of_logits.share * (given.of_logits.logarithm + column(entropy(given))))


def divergence(given: Operands) -> Ball:
    """Return K."""
    return over_classes(given.of_target.share * (given.of_target.logarithm - given.of_logits.logarithm))


def divergence_by_logits(given: Operands) -> Ball:
    """Return p - t."""
    return given.of_logits.share - given.of_target.share


def divergence_by_target(given: Operands) -> Ball:
    """Return t (m - l - K)."""
    apart = given.of_target.logarithm - given.of_logits.logarithm
    return given.of_target.share * (apart - column(divergence(given)))


def _above_mixture(given: Operands) -> tuple[Ball, Ball]:
    """Return l - a and m - a."""
    own, other = given.of_logits.logarithm, given.of_target.logarithm
    apart = own - other
    size = choose(apart.hi < 0.0, -apart, apart)
    # exp(-lo - r) = 1 - lo within lo**2 and the radius, all below 2**-40.
    power = exp_of_difference(-size.hi, np.zeros(size.hi.shape[1:]))
    power = power * (1.0 - Ball(size.lo, 0.0, size.radius + size.lo**2))
    lowered = log1p(Ball(np.ones(size.hi.shape))) - log1p(power)  # log 2 - log(1 + exp(-|l - m|))
    nothing = Ball(np.zeros(size.hi.shape))
    return lowered + choose(apart.hi < 0.0, apart, nothing), lowered + choose(apart.hi < 0.0, nothing, -apart)


def jensen_shannon(given: Operands) -> Ball:
    """Return J."""
    own, other = _above_mixture(given)
    return over_classes(given.of_target.share * other + given.of_logits.share * own).scaled(-1)


def jensen_shannon_by_logits(given: Operands) -> Ball:
    """Return p (l - a - sum p (l - a)) / 2."""
    return _half_pulled(given.of_logits.share, _above_mixture(given)[0])


def jensen_shannon_by_target(given: Operands) -> Ball:
    """Return t (m - a - sum t (m - a)) / 2."""
    return _half_pulled(given.of_target.share, _above_mixture(given)[1])


def _half_pulled(share: Ball, above: Ball) -> Ball:
    return (share * (above - column(over_classes(share * above)))).scaled(-1)


def focal(given: Operands) -> Ball:
    """Return (1 - p)**g L."""
    _, others, loss = _at_label(given)
    return _power(others, given.gamma) * loss


def focal_by_logits(given: Operands) -> Ball:
    """Return A (p_j - [j = k]); at the label -A times the shares of the others."""
    own, others, loss = _at_label(given)
    slope = _power(others, given.gamma) + _power(others, given.gamma - 1) * own * loss * float(given.gamma)
    rows = np.arange(len(given.logits))
    return (given.of_logits.share.put((rows, _labels(given)), -others)) * column(slope)


def _labels(given: Operands) -> NDArray[np.int64]:
    if given.labels is None:
        raise ValueError("the focal loss needs class indices; none are given")
    return given.labels


def _at_label(given: Operands) -> tuple[Ball, Ball, Ball]:
    """Return p_k, 1 - p_k as the sum of the others, and L."""
    at = np.arange(len(given.logits)), _labels(given)
    share = given.of_logits.share
    nothing = Ball(np.zeros(len(given.logits)))
    return share.take(at), over_classes(share.put(at, nothing)), -given.of_logits.logarithm.take(at)


def _power(x: Ball, exponent: int) -> Ball:
    made = Ball(np.ones(x.hi.shape))
    for _ in range(exponent):
        made = made * x
    return made


FORMULAS: Mapping[str, Mapping[str, Callable[[Operands], Ball]]] = {
    "entropy": {"value": entropy, "grad_logits": entropy_by_logits},
    "kl_divergence": {
        "value": divergence,
        "grad_logits": divergence_by_logits,
        "grad_target": divergence_by_target,
    },
    "js_divergence": {
        "value": jensen_shannon,
        "grad_logits": jensen_shannon_by_logits,
        "grad_target": jensen_shannon_by_target,
    },
    "focal_cross_entropy": {"value": focal, "grad_logits": focal_by_logits},
}
"""Closed forms by function and quantity."""


def exact(
    op: str,
    quantity: str,
    given: Operands,
    cotangent: F64 | None = None,
    *,
    formulas: Mapping[str, Mapping[str, Callable[[Operands], Ball]]] = FORMULAS,
) -> Enclosure:
    """Return a value, or a gradient, of the logits' shape, times an upstream gradient of the value's shape.

    Raises
    ------
    KeyError
        There is no such function, or no such quantity of it.
    ValueError
        A logit is not finite, or an operand is missing.

    Examples
    --------
    >>> exact("entropy", "value", Operands(np.zeros((1, 4)))).value
    array([1.38629436])
    """
    made = formulas[op][quantity](given)
    if cotangent is not None and quantity != "value":
        made = made * np.asarray(cotangent, dtype=np.float64).reshape(len(given.logits), -1)
    return normalised(made.hi, made.lo, made.radius)
