"""How far an answer moves when its logits are perturbed: by the rounding of whatever produces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from logitproof_reference.vocabulary.ops import formulas_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64, Format


CHAIN = 3.0
"""Roundings of a gradient that the factor of its chain rule costs."""


def producer_bound(request: Request, format: Format) -> F64:  # noqa: A002 - the word of the vocabulary
    """Return what the rounding of the logits that a producer makes may add to the error of an answer.

    An implementation may round every logit z_i to its format, or keep it wider, or multiply with a rounded
    reciprocal (two roundings): it works on z_i (1 + e_i) with abs(e_i) <= 2u + u^2, hence off by d = 3u max abs(z_i)
    over the finite logits of a row; `moved_by` has the rest. The factor of a gradient's chain rule costs three more
    roundings of the gradient.

    Parameters
    ----------
    request : Request
        ``value`` or ``grad_logits`` of a softmax op, of the logits that the producer makes: a class at -inf stays
        there, and the cotangent has the factor of the producer in it.
    format : Format
        The format the implementation works in.

    Returns
    -------
    float64 array of the shape of the answer
        0 where a row has no finite logit.
    """
    u, logits = format.unit_roundoff, request.logits
    delta = 3.0 * u * np.max(np.abs(logits), axis=1, where=np.isfinite(logits), initial=0.0)[:, None]
    return moved_by(request, np.broadcast_to(delta, logits.shape), CHAIN * u)


def moved_by(request: Request, off: F64, chain: float = 0.0) -> F64:
    """Return how far an answer moves when each logit z_i is off by at most d_i.

    Log-sum-exp moves by at most L = log sum_i p_i e^{d_i}, for p is a distribution, hence log p_j by at most
    E_j = d_j + L, and p_j by at most p_j (e^{E_j} - 1), never out of [0, 1]. The closed forms of the quantities give
    the rest.

    Parameters
    ----------
    request : Request
        ``value`` or ``grad_logits`` of a softmax op; options count by the labels that they make of the given ones.
    off : float64 array (rows, classes)
        d.
    chain : float
        Relative error of a gradient's chain rule, if any.

    Returns
    -------
    float64 array of the shape of the answer
    """
    logits = request.logits
    finite = np.isfinite(logits)
    with np.errstate(all="ignore"):
        shifted = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        p = np.where(finite, shifted / shifted.sum(axis=1, keepdims=True), 0.0)
        off = np.where(finite, off, 0.0)
        # Where e^{d_i} overflows, at a p_i that underflows even to 0 * inf, L is at most the largest d_i.
        lse = np.fmin(np.log1p((p * np.expm1(off)).sum(axis=1, keepdims=True)), off.max(axis=1, keepdims=True))
        surprise = off + lse
        moved = np.fmin(np.nan_to_num(p * np.expm1(surprise), nan=1.0), 1.0)
        cotangent = np.empty(0) if request.cotangent is None else request.cotangent
        row = Row(p, moved, surprise, lse, _effective(request), cotangent, chain)
        term: Callable[[Row], F64] = globals()[formulas_of(request.op, request.quantity).moved]
        answer = term(row) / (1.0 if not request.divisor else abs(float(request.divisor)))
    return np.atleast_1d(answer.sum()) if request.reduced else answer


def _effective(request: Request) -> F64:
    """Return the magnitudes of the labels that count, (rows, classes); those of class indices are 0 and 1."""
    if request.labels is None:
        return np.ones((len(request.logits), 1))
    return np.abs(request.options.distributions(request.labels, request.logits.shape[1]).hi.T)


class Row(NamedTuple):
    """The ingredients of the terms.

    Attributes
    ----------
    p, moved, surprise : float64 arrays, shape (rows, n)
        Softmax, how far it may move, and how far its logarithm may.
    lse : float64 array, shape (rows, 1)
        How far log-sum-exp may move.
    q : float64 array, shape (rows, n)
        The labels' magnitudes.
    c : float64 array
        The cotangent, empty for a value.
    chain : float
        Relative error of a gradient's chain rule.
    """

    p: F64
    moved: F64
    surprise: F64
    lse: F64
    q: F64
    c: F64
    chain: float


def softmax(row: Row) -> F64:
    """Each p by what it moves."""
    return row.moved


def softmax_vjp(row: Row) -> F64:
    """Of p (c - sum p c): p moves by `moved`, the sum by at most sum moved |c|."""
    p, moved, size = row.p, row.moved, np.abs(row.c)
    mean = (p * size).sum(axis=1, keepdims=True)
    mean_moved = (moved * size).sum(axis=1, keepdims=True)
    rounded = row.chain * (p + moved) * (size + mean)
    return np.asarray(moved * (size + mean) + np.fmin(p + moved, 1.0) * mean_moved + rounded)


def log_softmax(row: Row) -> F64:
    """Each log p by what it moves."""
    return row.surprise


def log_softmax_vjp(row: Row) -> F64:
    """Of c - p sum c."""
    total = np.abs(row.c.sum(axis=1, keepdims=True))
    return np.asarray(row.moved * total + row.chain * (np.abs(row.c) + (row.p + row.moved) * total))


def log_sum_exp(row: Row) -> F64:
    """By what it moves."""
    return row.lse[:, 0]


def log_sum_exp_vjp(row: Row) -> F64:
    """Of c p."""
    return np.asarray(np.abs(row.c)[:, None] * (row.moved + row.chain * (row.p + row.moved)))


def cross_entropy(row: Row) -> F64:
    """By what log p moves, for each label."""
    return np.asarray((row.q * row.surprise).sum(axis=1))


def cross_entropy_vjp(row: Row) -> F64:
    """Of c (p sum q - q), each q at most the mass."""
    size = np.abs(row.c)[:, None] * row.q.sum(axis=1, keepdims=True)
    return np.asarray(row.moved * size + row.chain * (row.p + row.moved + 1.0) * size)
