"""Extreme logits: limits in the extended reals, element by element; NaN if there is none.

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

from logitproof_reference.vocabulary.ops import formulas_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64

    from .closed_forms import Terms
    from .request import Request


def probabilities_of(x: F64) -> tuple[F64, F64]:
    """Return the limits of p and of -log p of one row with at least one +inf and no NaN."""
    infinite = x == np.inf
    alone = infinite.sum() == 1
    p = np.where(infinite, 1.0 if alone else np.nan, 0.0)
    return p, np.where(infinite, 0.0 if alone else np.nan, np.inf)


def infinities(request: Request, terms: Terms, absent: NDArray[np.bool_]) -> F64 | None:
    """Return an array of the answer's shape, infinite or NaN where a class ruled out makes the answer so.

    Parameters
    ----------
    request : Request
        The row of its op names the function; None if there is none.
    absent : bool array, shape (classes, rows)
    """
    name = formulas_of(request.op, request.quantity).infinities
    found: F64 | None = globals()[name](terms, absent) if name else None
    return found


def log_softmax(_: Terms, absent: NDArray[np.bool_]) -> F64:
    """Return -inf at a class ruled out."""
    return np.where(absent, -np.inf, 0.0).T


def cross_entropy(terms: Terms, absent: NDArray[np.bool_]) -> F64 | None:
    """Return the infinities that labels of classes ruled out add up to; none of a clipped p."""
    if terms.clip is not None:
        return None
    if terms.indices is not None:
        weight: Any = 1.0 if terms.g is None else terms.g.hi
        return signed_infinity(np.where(absent[terms.indices, np.arange(absent.shape[1])], weight, 0.0))
    with np.errstate(invalid="ignore"):
        total: F64 = signed_infinity(np.where(absent, terms.q.hi, 0.0)).sum(axis=0)
    return total


def cross_entropy_label_vjp(terms: Terms, absent: NDArray[np.bool_]) -> F64 | None:
    """Return the infinity that a label of a class ruled out costs; none of a clipped p."""
    return None if terms.clip is not None else signed_infinity(np.where(absent, terms.g.hi, 0.0)).T


def signed_infinity(factor: F64) -> F64:
    """Return an infinity of the sign of each factor, and 0 at 0."""
    return np.where(factor == 0.0, 0.0, np.copysign(np.inf, factor))
