"""What may stand in front of an op and be fused with it: the logits it makes, and how far fusing may move an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from logitproof_reference.numerics.double_double import two_prod
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.ops import formulas_of
from logitproof_reference.vocabulary.producers import PRODUCERS, Factor

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import Format


class Producer(Protocol):
    """What stands in front of an op: how its logits come about, in exact numbers, and what that may cost."""

    def exact(self, logits: NDArray[Any]) -> Enclosure:
        """Return the logits it makes, with the radius of what is not known of them."""
        ...

    def pull_back(self, cotangent: F64) -> F64:
        """Return the cotangent with which the op's gradient by its logits is that by what the producer takes."""
        ...

    def bound(self, request: Request, format: Format) -> F64:  # noqa: A002 - the word of the vocabulary
        """Return what its rounding adds to the error of an answer, `request` being for the logits that it makes."""
        ...

    def source(self, x: str) -> str:
        """Return the expression for its logits."""
        ...


@dataclass(frozen=True)
class FactorProducer:
    """A `Factor` as a producer.

    The oracle takes the value of its exact logits. Their tail, below 2**-53 of it, lies within what `bound` grants:
    three roundings of the format.
    """

    factor: Factor

    def exact(self, logits: NDArray[Any]) -> Enclosure:
        """Return products exactly, and quotients with their remainder."""
        x = logits.astype(np.float64)
        value = self.factor.apply(x)
        finite = np.isfinite(value)
        z, x = np.where(finite, value, 0.0), np.where(finite, x, 0.0)
        tail = _TAILS[self.factor.sign](x, z, float(self.factor.number))
        return Enclosure(value, tail, np.abs(tail) * 2.0**-52)

    def pull_back(self, cotangent: F64) -> F64:
        """Return the cotangent with the factor in it."""
        return self.factor.apply(cotangent.astype(np.float64))

    def bound(self, request: Request, format: Format) -> F64:  # noqa: A002 - as above
        """Return `producer_bound`."""
        return producer_bound(request, format)

    def source(self, x: str) -> str:
        """Return the expression for its logits."""
        return self.factor.source(x)


_TAILS: dict[str, Callable[[F64, F64, float], F64]] = {
    "*": lambda x, _, number: two_prod(x, np.full_like(x, number))[1],
    "/": lambda x, z, number: _remainder(x, z, number) / number,
}
"""What rounding to float64 takes from a product and from a quotient."""


def _remainder(x: F64, z: F64, number: float) -> F64:
    """Return x - z number, exactly where z is the rounded quotient."""
    hi, lo = two_prod(z, np.full_like(z, number))
    return (x - hi) - lo


def producer_of(name: str) -> Producer:
    """Return the producer of a name of `vocabulary.producers.PRODUCERS`."""
    return FactorProducer(PRODUCERS[name])


def producer_bound(request: Request, format: Format) -> F64:  # noqa: A002 - the word of the vocabulary
    """Return what the rounding of the logits that a producer makes may add to the error of an answer.

    An implementation may round every logit z_i to its format, or keep it wider, or multiply with a rounded
    reciprocal (two roundings): it works on z_i (1 + e_i) with abs(e_i) <= 2u + u^2. With d = 3u max abs(z_i) over
    the finite logits, every log p_j moves by at most 2d (its own logit by d, log-sum-exp by d), hence p_j by at most
    p_j E with E = e^{2d} - 1, and never out of [0, 1]. The closed forms of the quantities give the rest. The factor
    of a gradient's chain rule costs three more roundings of the gradient.

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
    finite = np.isfinite(logits)
    delta = 3.0 * u * np.max(np.abs(logits), axis=1, where=finite, initial=0.0)[:, None]
    with np.errstate(all="ignore"):
        shifted = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        p = np.where(finite, shifted / shifted.sum(axis=1, keepdims=True), 0.0)
        moved = np.fmin(np.nan_to_num(p * np.expm1(2.0 * delta), nan=1.0), 1.0)
        cotangent = np.empty(0) if request.cotangent is None else request.cotangent
        row = Row(p, moved, delta, _mass(request.labels, p.shape), cotangent, u)
        term: Callable[[Row], F64] = globals()[formulas_of(request.op, request.quantity).moved]
        return term(row)


def _mass(labels: NDArray[Any] | None, shape: tuple[int, ...]) -> F64:
    """Return sum abs(q) of each row, as a column."""
    if labels is None or labels.ndim == 1:
        return np.ones((shape[0], 1))
    return np.asarray(np.abs(labels.astype(np.float64)).sum(axis=1, keepdims=True))


class Row(NamedTuple):
    """What the terms are made of.

    Attributes
    ----------
    p, moved : float64 arrays, shape (rows, n)
        Softmax, and how far it may move.
    delta, mass : float64 arrays, shape (rows, 1)
        How far a logit may move, and the sum of the labels' magnitudes.
    c : float64 array
        The cotangent, empty for a value.
    u : float
        Unit roundoff.
    """

    p: F64
    moved: F64
    delta: F64
    mass: F64
    c: F64
    u: float


def softmax(row: Row) -> F64:
    """Each p by what it moves."""
    return row.moved


def softmax_vjp(row: Row) -> F64:
    """Of p (c - sum p c): p moves by `moved`, the sum by at most sum moved |c|."""
    p, moved, size = row.p, row.moved, np.abs(row.c)
    mean = (p * size).sum(axis=1, keepdims=True)
    mean_moved = (moved * size).sum(axis=1, keepdims=True)
    rounded = 3.0 * row.u * (p + moved) * (size + mean)
    return np.asarray(moved * (size + mean) + np.fmin(p + moved, 1.0) * mean_moved + rounded)


def log_softmax(row: Row) -> F64:
    """Each log p by 2d."""
    return 2.0 * row.delta + 0.0 * row.p


def log_softmax_vjp(row: Row) -> F64:
    """Of c - p sum c."""
    total = np.abs(row.c.sum(axis=1, keepdims=True))
    return np.asarray(row.moved * total + 3.0 * row.u * (np.abs(row.c) + (row.p + row.moved) * total))


def log_sum_exp(row: Row) -> F64:
    """By d."""
    return row.delta[:, 0]


def log_sum_exp_vjp(row: Row) -> F64:
    """Of c p."""
    return np.asarray(np.abs(row.c)[:, None] * (row.moved + 3.0 * row.u * (row.p + row.moved)))


def cross_entropy(row: Row) -> F64:
    """By 2d for each label."""
    return np.asarray((2.0 * row.delta * row.mass)[:, 0])


def cross_entropy_vjp(row: Row) -> F64:
    """Of c (p sum q - q), each q at most the mass."""
    size = np.abs(row.c)[:, None] * row.mass
    return np.asarray(row.moved * size + 3.0 * row.u * (row.p + row.moved + 1.0) * size)
