"""Extreme logits: limits in the extended reals, element by element; NaN where there is none.

======================  ==================  =====================  ==============  ======================================
row                     softmax             log_softmax            log_sum_exp     cross-entropy of class k
======================  ==================  =====================  ==============  ======================================
-inf among finite ones  0 there, the        -inf there             as without it   +inf there
                        others as without
one +inf                1 there, 0 at the   0 there, -inf at the   +inf            0 there, +inf at the others
                        others              others
two or more +inf        NaN there, 0 at     NaN there, -inf at     +inf            NaN there, +inf at the others
                        the others          the others
all -inf                NaN                 NaN                    -inf            NaN
a NaN anywhere          NaN                 NaN                    NaN             NaN
======================  ==================  =====================  ==============  ======================================

Cross-entropy with a distribution q is the sum of q_j (-log p_j) in which a zero label adds 0, whatever its class: +inf where a
positive label meets an infinite term, -inf where a negative one does, NaN where both happen or where p_j has no limit (but
+inf where another term is +inf and no label is negative). Gradients are their closed forms with these p_j: a p_j without a limit
is still bounded, so 0 times it is 0. A NaN or an infinity among the labels, the cotangent or the vector makes its row NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .double_double import F64


def without_value(x: F64) -> NDArray[np.bool_]:
    """Tell which rows (last axis) hold a NaN or +inf, or are -inf throughout."""
    mask: NDArray[np.bool_] = np.isnan(x).any(axis=-1) | (x == np.inf).any(axis=-1) | np.isneginf(x).all(axis=-1)
    return mask


def evaluate_row(op: str, quantity: str, x: F64, labels: Any, cotangent: Any) -> Any:
    """Return the answer of one row that `without_value` selects, as a float64 scalar or array.

    Parameters
    ----------
    x : float64 array, shape (classes,)
    labels : int, float64 array of shape (classes,), or None
    cotangent : float, float64 array of shape (classes,), or None
    """
    has_classes = quantity != "value" or op in {"softmax", "log_softmax"}
    undefined = np.full(x.shape, np.nan) if has_classes else np.nan
    others = [part for part in (labels, cotangent) if part is not None]
    if np.isnan(x).any() or not all(np.isfinite(part).all() for part in others):
        return undefined
    if np.isneginf(x).all():
        return -np.inf if (op, quantity) == ("log_sum_exp", "value") else undefined
    p, surprise = _limits_of(x)
    return _FORMS[op, quantity](p, surprise, labels, cotangent)


def _limits_of(x: F64) -> tuple[F64, F64]:
    """Return p and -log p of a row with at least one +inf."""
    infinite = x == np.inf
    alone = infinite.sum() == 1
    p = np.where(infinite, 1.0 if alone else np.nan, 0.0)
    return p, np.where(infinite, 0.0 if alone else np.nan, np.inf)


def product(a: Any, b: Any) -> F64:
    """Multiply with 0 times anything being 0."""
    with np.errstate(invalid="ignore"):
        return np.where((np.asarray(a) == 0.0) | (np.asarray(b) == 0.0), 0.0, np.multiply(a, b))


def cross_entropy_sum(q: F64, surprise: F64) -> float:
    """Return the sum of q_j (-log p_j) in the extended reals."""
    terms = product(q, surprise)
    if (q >= 0.0).all() and (terms == np.inf).any():
        return np.inf
    with np.errstate(invalid="ignore"):
        return float(terms.sum())


def _one_hot(k: int, p: F64) -> F64:
    q = np.zeros_like(p)
    q[k] = 1.0
    return q


def _log_softmax_vjp(p: F64, c: F64) -> F64:
    return c - product(p, c.sum())


def _softmax_vjp(p: F64, c: F64) -> F64:
    """Return p_j (c_j - sum of c_i p_i): 0, unless the cotangent tells several +inf apart."""
    tied = np.isnan(p)
    apart = tied.any() and np.ptp(c[tied]) != 0.0
    return np.where(tied & apart, np.nan, 0.0)


def _grad_logits_of_labels(p: F64, labels: Any, g: float) -> F64:
    q = _one_hot(labels, p) if np.ndim(labels) == 0 else labels
    return _log_softmax_vjp(p, -g * q)


def _cross_entropy(surprise: F64, labels: Any) -> float:
    return float(surprise[labels]) if np.ndim(labels) == 0 else cross_entropy_sum(labels, surprise)


_FORMS: dict[tuple[str, str], Any] = {
    ("softmax", "value"): lambda p, _s, _q, _c: p,
    ("log_softmax", "value"): lambda _p, s, _q, _c: 0.0 - s,
    ("log_sum_exp", "value"): lambda _p, _s, _q, _c: np.inf,
    ("softmax_cross_entropy", "value"): lambda _p, s, q, _c: _cross_entropy(s, q),
    ("softmax", "grad_logits"): lambda p, _s, _q, c: _softmax_vjp(p, c),
    ("log_softmax", "grad_logits"): lambda p, _s, _q, c: _log_softmax_vjp(p, c),
    ("log_sum_exp", "grad_logits"): lambda p, _s, _q, c: product(p, c),
    ("softmax_cross_entropy", "grad_logits"): lambda p, _s, q, c: _grad_logits_of_labels(p, q, c),
    ("softmax_cross_entropy", "grad_labels"): lambda _p, s, _q, c: product(s, c),
}
