"""The assumed or declared arithmetic of an implementation: the parameters of every bound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from logitproof_reference.vocabulary.formats import FORMATS, Format

if TYPE_CHECKING:
    from collections.abc import Callable

HEIGHTS: Final[dict[str, Callable[[int], float]]] = {
    "sequential": lambda n: n - 1,
    "blocked": lambda n: math.ceil(n / 8 + math.log2(n)),
    "pairwise": lambda n: math.ceil(math.log2(n)),
}
"""Height of the summation tree over n terms: the largest number of additions any term takes part in.

``blocked`` is any sum in at least eight lanes. No tree over n terms is higher than n - 1.
"""


@dataclass(frozen=True)
class Arithmetic:
    """How an implementation computes, as far as its error depends on it.

    Attributes
    ----------
    exp_ulps, log_ulps : float
        Largest error of its exp and log in ulps (correctly rounded: 0.5). SLEEF's u10 functions
        state 1, OpenCL's full profile allows 3; undeclared: 4.
    height : str
        Shape of its sums: one of `HEIGHTS`.
    accumulation : str
        Format its sums run in, where that is wider than the format itself; empty for the format itself.
    flush_to_zero : bool
        Whether a result, or an operand, below the smallest normal number may be taken as 0.
    rounded_log_sum_exp : bool
        Whether derivatives of log-sum-exp may be made of exp(x - y), y its rounded value. That error
        grows with a common offset of the logits; where it makes the bound vacuous, it is not granted.
    base_2 : bool
        Whether log-softmax may be computed in base 2 throughout and brought to base e by a product at the end.
    log_domain : bool
        Whether a log-sum-exp may be computed by repeated log(e^a + e^b), each step of which rounds the whole sum.
    failure_probability : float
        0 for worst-case bounds on sums; otherwise the probability with which a sum may exceed
        its bound if rounding errors are independent of mean zero, as in `statistical_growth`.

    Raises
    ------
    ValueError
        `height` or `accumulation` is no known name, or a number lies outside its domain.
    """

    exp_ulps: float = 4.0
    log_ulps: float = 4.0
    height: str = "sequential"
    accumulation: str = ""
    flush_to_zero: bool = True
    rounded_log_sum_exp: bool = True
    base_2: bool = True
    log_domain: bool = False
    failure_probability: float = 0.0

    def __post_init__(self) -> None:
        if self.height not in HEIGHTS:
            raise ValueError(f'summation order "{self.height}" is not known; known: {", ".join(HEIGHTS)}')
        if self.accumulation and self.accumulation not in FORMATS:
            raise ValueError(f'accumulation "{self.accumulation}" is not a format; formats: {", ".join(FORMATS)}')
        if not (self.exp_ulps >= 0.5 and self.log_ulps >= 0.5):
            raise ValueError(f"exp_ulps {self.exp_ulps} and log_ulps {self.log_ulps} must be at least 0.5")
        if not 0.0 <= self.failure_probability < 1.0:
            raise ValueError(f"failure_probability {self.failure_probability} must lie in [0, 1)")

    def tree_height(self, terms: int) -> float:
        """Return the height of the tree that sums `terms` terms: 0 for none or one, never over terms - 1."""
        return min(HEIGHTS[self.height](terms), terms - 1) if terms > 1 else 0

    def accumulation_format(self, format_: Format) -> Format:
        """Return the format the sums of an implementation in `format_` run in."""
        declared = FORMATS[self.accumulation] if self.accumulation else format_
        return declared if declared.unit_roundoff < format_.unit_roundoff else format_


MUST: Final = Arithmetic()
"""The least that is asked of everyone: any summation order, in the format itself."""

SHOULD: Final = Arithmetic(
    height="blocked", accumulation="float32", flush_to_zero=False, rounded_log_sum_exp=False, base_2=False
)
"""What a good implementation reaches: vectorised sums, float32 for half precision, gradual underflow."""

VACUOUS = 0.5
"""Relative error eS of a sum from which a bound says nothing: eS / (1 - eS) >= 1."""


def wide(arithmetic: Arithmetic) -> Arithmetic:
    """Return the wide-accumulation class of an arithmetic: sums in float32, without flushing to zero.

    It takes the place of a vacuous bound: n u >= 1 in half precision, or n times the smallest normal.
    """
    return replace(arithmetic, accumulation="float32", flush_to_zero=False)


def growth(height: float, unit: float) -> float:
    """Return g_h = h u / (1 - h u), the relative error of h roundings in a row; inf once h u >= 1.

    (1 + u)^h <= 1 + g_h and (1 - u)^-h <= 1 + g_h: N. J. Higham, Accuracy and Stability of
    Numerical Algorithms (2002), lemma 3.1, doi:10.1137/1.9780898718027.
    """
    return height * unit / (1.0 - height * unit) if height * unit < 1.0 else math.inf


def statistical_growth(height: float, unit: float, terms: int, failure: float) -> float:
    """Return the growth of a sum that holds with probability 1 - `failure`: like sqrt(h), not like h.

    If roundings are independent of mean zero, the product of h factors 1 + d_i leaves
    exp(-+(l sqrt(h) u + h u^2 / (1 - u))) with probability at most 2 exp(-l^2 (1 - u)^2 / 2)
    (Hoeffding). A sum is within its bound once the product of each term is, so that l is chosen
    with 2 n exp(-l^2 (1 - u)^2 / 2) = failure for n terms. Never worse than `growth`.

    The model fails, and this threshold with it, where roundings are biased: a sequential sum in half
    precision that has stopped growing, or many equal terms. Hence a second threshold, never a MUST.

    Source: N. J. Higham, T. Mary, SIAM J. Sci. Comput. 41(5), 2019, doi:10.1137/18M1226312, theorem 2.4.
    """
    deviations = math.sqrt(2.0 * math.log(2.0 * terms / failure)) / (1.0 - unit)
    exponent = deviations * math.sqrt(height) * unit + height * unit * unit / (1.0 - unit)
    return min(growth(height, unit), math.expm1(min(exponent, 700.0)))
