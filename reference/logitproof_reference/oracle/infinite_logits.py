"""Extreme logits: limits in the extended reals, element by element; NaN where there is none.

====================  =====================  =====================  ===========  ============================
row                   softmax                log_softmax            log_sum_exp  cross-entropy of class k
====================  =====================  =====================  ===========  ============================
-inf among finite     0 there, the others    -inf there, the        as without   +inf there, as without it at
                      as without it          others as without it   it           the others
one +inf              1 there, 0 elsewhere   0 there, -inf          +inf         0 there, +inf elsewhere
                                             elsewhere
two or more +inf      NaN there, 0           NaN there, -inf        +inf         NaN there, +inf elsewhere
                      elsewhere              elsewhere
all -inf              NaN                    NaN                    -inf         NaN
a NaN anywhere        NaN                    NaN                    NaN          NaN
====================  =====================  =====================  ===========  ============================

Cross-entropy with a distribution q is the sum of q_j (-log p_j) in which a zero label adds 0, whatever its class: +inf
where a positive label meets an infinite term, -inf where a negative one does, NaN where both happen or where p_j has no
limit (but +inf where another term is +inf and no label is negative).

Derivatives are their closed forms with these p_j. A p_j without a limit is still bounded, so 0 times it is 0, and as
the p_j of the infinite logits add up to 1, a tangent that is constant there has a mean. A NaN or an infinity among the
labels, the cotangent or the tangent makes its row NaN. A row that is ignored gives 0, whatever it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64

    from .closed_forms import Terms
    from .request import Question


def probabilities_of(x: F64) -> tuple[F64, F64]:
    """Return the limits of p and of -log p of one row with at least one +inf and no NaN."""
    infinite = x == np.inf
    alone = infinite.sum() == 1
    p = np.where(infinite, 1.0 if alone else np.nan, 0.0)
    return p, np.where(infinite, 0.0 if alone else np.nan, np.inf)


def infinities(question: Question, terms: Terms, absent: NDArray[np.bool_]) -> F64 | None:
    """Return an array of the answer's shape, infinite or NaN where a class ruled out makes the answer so.

    Parameters
    ----------
    absent : bool array, shape (classes, rows)
    """
    rows = np.arange(absent.shape[1])
    match question.op, question.quantity:
        case "log_softmax", "value":
            return np.where(absent, -np.inf, 0.0).T
        case "softmax_cross_entropy", ("value" | "grad_labels") if terms.clip is not None:
            return None
        case "softmax_cross_entropy", "grad_labels":
            return signed_infinity(np.where(absent, terms.g.hi, 0.0)).T
        case "softmax_cross_entropy", "value" if terms.indices is not None:
            weight: Any = 1.0 if terms.g is None else terms.g.hi
            return signed_infinity(np.where(absent[terms.indices, rows], weight, 0.0))
        case "softmax_cross_entropy", "value":
            with np.errstate(invalid="ignore"):
                total: F64 = signed_infinity(np.where(absent, terms.q.hi, 0.0)).sum(axis=0)
            return total
        case _:
            return None


def signed_infinity(factor: F64) -> F64:
    """Return an infinity of the sign of each factor, and 0 at 0."""
    return np.where(factor == 0.0, 0.0, np.copysign(np.inf, factor))
