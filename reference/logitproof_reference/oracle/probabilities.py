"""Losses of probabilities: cross-entropies, entropy and divergence of numbers that are taken for probabilities.

Of numbers x, with r = x / sum x where the convention divides by the sum, else x; then held within [e, 1 - e] where it
clips; and l = log r, not below a floor where it has one:

- cross-entropy of q, a class index being its unit vector: C = -sum q l; by r: -q / r;
- binary cross-entropy of y: B = -y log r - (1 - y) log(1 - r), element by element; by r: -y / r + (1 - y) / (1 - r);
- binary entropy: H = -r log r - (1 - r) log(1 - r), likewise; by r: log(1 - r) - log r;
- binary divergence from a target t: K = t (log t - log r) + (1 - t) (log(1 - t) - log(1 - r)), likewise; by r:
  -t / r + (1 - t) / (1 - r), by t: (log t - log r) - (log(1 - t) - log(1 - r));
- entropy: H = -sum r l; by r: -(l + 1);
- divergence from a target t: K = sum t (log t - l); by r: -t / r, by t: log t - l + 1.

A gradient by r is 0 where a clip holds r. By x it is G where nothing divides, else (G - sum G r) / sum x.

A number r = 0 has the logarithm -inf: the loss is +inf where its label is not 0, and where it is, nothing is added:
0 log 0 = 0, the limit. Sources: T. M. Cover, J. A. Thomas, "Elements of Information Theory", 2nd ed., 2006, section
2.1, doi:10.1002/047174882X (0 log 0 = 0), and section 2.3 (0 log(0 / q) = 0, p log(p / 0) = inf).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.oracle.conventions import Convention, Probabilities
from logitproof_reference.oracle.derived_losses import column, over_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True, eq=False)
class Operands:
    """The arguments of such a function.

    Attributes
    ----------
    probabilities : array (rows, classes) of a format
    target : array of the same shape, or None
    labels : int64 array (rows,), array of a format (rows, classes), or None
    convention : Convention
        Of the probabilities, and of a target.
    """

    probabilities: NDArray[Any]
    target: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    convention: Convention = field(default_factory=Convention)

    def of(self, rows: slice) -> Operands:
        """Return some of the rows."""
        target, labels = (None if one is None else one[rows] for one in (self.target, self.labels))
        return Operands(self.probabilities[rows], target, labels, self.convention)

    @cached_property
    def own(self) -> Probabilities:
        """The probabilities."""
        return Probabilities(self.probabilities, self.convention)

    @cached_property
    def aimed(self) -> Probabilities:
        """Those of the target."""
        if self.target is None:
            raise ValueError("the divergence needs a target; none is given")
        return Probabilities(self.target, self.convention)

    @cached_property
    def weights(self) -> F64:
        """The labels as numbers, a class index as its unit vector."""
        if self.labels is None:
            raise ValueError("the loss needs labels; none are given")
        if self.labels.dtype.kind == "i":
            return np.asarray(np.arange(self.probabilities.shape[1]) == self.labels[:, None], dtype=np.float64)
        return self.labels.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Slope:
    """A gradient by r: its finite part, that times r, and 0 or an infinity to be added."""

    by_share: Ball
    times_share: Ball
    infinite: F64


def _value(made: Ball, infinite: NDArray[np.bool_]) -> Enclosure:
    answer = normalised(made.hi, made.lo, made.radius)
    return _with_infinities(answer, np.where(infinite, np.inf, 0.0))


def _with_infinities(answer: Enclosure, infinite: F64) -> Enclosure:
    where = infinite != 0.0
    return Enclosure(
        np.where(where, infinite, answer.value), *(np.where(where, 0.0, part) for part in answer.parts[1:])
    )


def _over(numerator: F64 | Ball, r: Ball) -> Ball:
    """Return a quotient by r, 0 where r is 0."""
    safe = choose(r.hi > 0.0, r, Ball(np.ones(r.hi.shape)))
    top = numerator if isinstance(numerator, Ball) else Ball(np.broadcast_to(numerator, r.hi.shape).copy())
    return choose(r.hi > 0.0, top / safe, Ball(np.zeros(r.hi.shape)))


def cross_entropy(given: Operands) -> Enclosure:
    """Return C."""
    own, q = given.own, given.weights
    lost = np.asarray((own.is_nothing(own.share) & (q != 0.0)).any(axis=1))
    return _value(-over_classes(own.logarithm(own.share) * q), lost)


def cross_entropy_slope(given: Operands) -> Slope:
    """Return -q / r."""
    own, q = given.own, given.weights
    infinite = np.where(own.is_nothing(own.share) & (q > 0.0), -np.inf, 0.0)
    return Slope(_over(-q, own.share), Ball(-q), infinite)


def binary(given: Operands) -> Enclosure:
    """Return B."""
    own, y = given.own, given.weights
    made = own.logarithm(own.share) * -y - own.logarithm(own.other) * (1.0 - Ball(y))
    lost = (own.is_nothing(own.share) & (y != 0.0)) | (own.is_nothing(own.other) & (y != 1.0))
    return _value(made, lost)


def binary_slope(given: Operands) -> Slope:
    """Return -y / r + (1 - y) / (1 - r)."""
    own, y = given.own, given.weights
    made = _over(-y, own.share) + _over(1.0 - Ball(y), own.other)
    infinite = np.where(own.is_nothing(own.share) & (y != 0.0), -np.inf, 0.0)
    infinite = np.where(own.is_nothing(own.other) & (y != 1.0), np.inf, infinite)
    return Slope(made, made * own.share, infinite)


def _xlogx(own: Probabilities, r: Ball) -> Ball:
    return r * own.logarithm(r)


def binary_entropy(given: Operands) -> Enclosure:
    """Return H of two outcomes."""
    own = given.own
    made = -_xlogx(own, own.share) - _xlogx(own, own.other)
    return _value(made, np.zeros(own.given.shape, bool))


def binary_entropy_slope(given: Operands) -> Slope:
    """Return log(1 - r) - log r; +inf where r is 0, -inf where it is 1."""
    own = given.own
    made = own.logarithm(own.other) - own.logarithm(own.share)
    infinite = np.where(own.is_nothing(own.share), np.inf, np.where(own.is_nothing(own.other), -np.inf, 0.0))
    return Slope(made, made * own.share, infinite)


def _apart_twice(given: Operands) -> tuple[Ball, Ball, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return log t - log r, and of the other outcome; and where each is infinite beside a t that counts."""
    own, aimed = given.own, given.aimed
    first = aimed.logarithm(aimed.share) - own.logarithm(own.share)
    second = aimed.logarithm(aimed.other) - own.logarithm(own.other)
    lost = own.is_nothing(own.share) & (aimed.share.hi > 0.0), own.is_nothing(own.other) & (aimed.other.hi > 0.0)
    return first, second, *lost


def binary_divergence(given: Operands) -> Enclosure:
    """Return K of two outcomes."""
    first, second, lost, other_lost = _apart_twice(given)
    aimed = given.aimed
    return _value(aimed.share * first + aimed.other * second, lost | other_lost)


def binary_divergence_slope(given: Operands) -> Slope:
    """Return -t / r + (1 - t) / (1 - r)."""
    own, aimed = given.own, given.aimed
    made = _over(-aimed.share, own.share) + _over(aimed.other, own.other)
    infinite = np.where(own.is_nothing(own.share) & (aimed.share.hi > 0.0), -np.inf, 0.0)
    infinite = np.where(own.is_nothing(own.other) & (aimed.other.hi > 0.0), np.inf, infinite)
    return Slope(made, made * own.share, infinite)


def binary_divergence_slope_of_target(given: Operands) -> Slope:
    """Return (log t - log r) - (log(1 - t) - log(1 - r)), asked where neither t nor r is 0 or 1."""
    first, second, lost, other_lost = _apart_twice(given)
    made = first - second
    return Slope(made, made * given.aimed.share, np.where(lost, np.inf, np.where(other_lost, -np.inf, 0.0)))


def entropy(given: Operands) -> Enclosure:
    """Return H."""
    own = given.own
    return _value(-over_classes(own.share * own.logarithm(own.share)), np.zeros(len(given.probabilities), bool))


def entropy_slope(given: Operands) -> Slope:
    """Return -(l + 1), +inf where r is 0."""
    own = given.own
    made = -(own.logarithm(own.share) + 1.0)
    return Slope(made, made * own.share, np.where(own.is_nothing(own.share), np.inf, 0.0))


def _apart(given: Operands) -> tuple[Ball, NDArray[np.bool_]]:
    """Return log t - l, and where it is infinite by r = 0 beside a t that is not."""
    own, aimed = given.own, given.aimed
    lost = own.is_nothing(own.share) & (aimed.share.hi > 0.0)
    return aimed.logarithm(aimed.share) - own.logarithm(own.share), lost


def divergence(given: Operands) -> Enclosure:
    """Return K."""
    apart, lost = _apart(given)
    return _value(over_classes(given.aimed.share * apart), np.asarray(lost.any(axis=1)))


def divergence_slope(given: Operands) -> Slope:
    """Return -t / r."""
    own, aimed = given.own, given.aimed
    infinite = np.where(own.is_nothing(own.share) & (aimed.share.hi > 0.0), -np.inf, 0.0)
    return Slope(_over(-aimed.share, own.share), -aimed.share, infinite)


def divergence_slope_of_target(given: Operands) -> Slope:
    """Return log t - l + 1; -inf where t is 0."""
    apart, lost = _apart(given)
    aimed = given.aimed
    infinite = np.where(aimed.is_nothing(aimed.share), -np.inf, np.where(lost, np.inf, 0.0))
    made = apart + 1.0
    return Slope(made, made * aimed.share, infinite)


VALUES: Mapping[str, Callable[[Operands], Enclosure]] = {
    "probability_cross_entropy": cross_entropy,
    "binary_cross_entropy": binary,
    "binary_entropy": binary_entropy,
    "binary_kl_divergence": binary_divergence,
    "probability_entropy": entropy,
    "probability_kl_divergence": divergence,
}
SLOPES: Mapping[tuple[str, str], Callable[[Operands], Slope]] = {
    ("probability_cross_entropy", "grad_probabilities"): cross_entropy_slope,
    ("binary_cross_entropy", "grad_probabilities"): binary_slope,
    ("binary_entropy", "grad_probabilities"): binary_entropy_slope,
    ("binary_kl_divergence", "grad_probabilities"): binary_divergence_slope,
    ("binary_kl_divergence", "grad_target"): binary_divergence_slope_of_target,
    ("probability_entropy", "grad_probabilities"): entropy_slope,
    ("probability_kl_divergence", "grad_probabilities"): divergence_slope,
    ("probability_kl_divergence", "grad_target"): divergence_slope_of_target,
}
"""Derivatives by function and quantity."""


def exact(op: str, quantity: str, given: Operands, cotangent: F64 | None = None) -> Enclosure:
    """Return a value, or a gradient times an upstream gradient of the value's shape.

    Raises
    ------
    KeyError
        There is no such function, or no such quantity of it.
    ValueError
        A number has no meaning, or an operand is missing.

    Examples
    --------
    >>> half = Operands(np.full((1, 2), 0.5), labels=np.array([0]))
    >>> exact("probability_cross_entropy", "value", half).value
    array([0.69314718])
    """
    if quantity == "value":
        return VALUES[op](given)
    slope = SLOPES[op, quantity](given)
    numbers = given.aimed if quantity == "grad_target" else given.own
    passes = np.broadcast_to(numbers.passes, numbers.share.hi.shape)
    nothing = Ball(np.zeros(passes.shape))
    by = choose(passes, slope.by_share, nothing)
    if given.convention.normalized:
        pulled = column(over_classes(choose(passes, slope.times_share, nothing)))
        wide = [
            np.broadcast_to(part, passes.shape) for part in (numbers.total.hi, numbers.total.lo, numbers.total.radius)
        ]
        by = (by - pulled) / Ball(*wide)
    c = np.ones(len(passes)) if cotangent is None else np.asarray(cotangent, dtype=np.float64)
    upstream = c.reshape(len(passes), -1)
    by = by * np.broadcast_to(upstream, passes.shape)
    infinite = np.where(passes, slope.infinite, 0.0)
    signed = np.where(infinite != 0.0, infinite * np.where(upstream == 0.0, 1.0, upstream), 0.0)
    return _with_infinities(normalised(by.hi, by.lo, by.radius), signed)
