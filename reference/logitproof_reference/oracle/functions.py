"""Building blocks of losses, exactly, each as log-sum-exp or softmax of rows, with first and second order.

- softplus(x) is the log-sum-exp of (0, x), log_sigmoid(x) minus that of (0, -x), logaddexp(a, b) that of (a, b);
- cumulative log-sum-exp: y_j is that of the first j logits of a row; its gradient is sum_j c_j softmax(first j), which
  its second derivative differentiates term by term;
- log-sum-exp and softmax over groups of rows, each class for itself: of the rows of one group, whichever lie between.
  A group without rows has the log-sum-exp of nothing, -inf.

A second derivative is that of the inner product of all gradients with given directions, with respect to an operand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64

    Array = NDArray[Any]

SECOND = "hvp_"
"""What a quantity's name begins with that is a second derivative, before the operand that it is by."""


@dataclass(frozen=True, eq=False)
class Operands:
    """The arguments of a function.

    Attributes
    ----------
    arrays : tuple of arrays (rows, classes) of a format
        One, or the two of logaddexp.
    groups : int64 array (rows,), or None
        The group that each row is of, from 0.
    count : int
        How many groups there are; 0 if there are none.
    """

    arrays: tuple[Array, ...]
    groups: NDArray[np.int64] | None = None
    count: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """A request for rows, what is done with its answer, and where that goes: added there to what others give.

    Attributes
    ----------
    request : Request
    column : int or None
        The one class whose numbers are taken, where the answer has classes.
    sign : float
    index : tuple
        The place in the whole answer.
    is_turned : bool
        Whether rows of the answer are columns of the whole.
    """

    request: Request
    column: int | None
    sign: float
    index: tuple[Any, ...]
    is_turned: bool = False

    def placed(self, part: F64) -> F64:
        """Return one of the arrays of an answer as it goes there."""
        taken = part if self.column is None else part[..., self.column]
        return taken.T if self.is_turned else taken


def parts(
    op: str, quantity: str, given: Operands, cotangent: F64 | None = None, tangents: tuple[F64, ...] = ()
) -> Iterator[Part]:
    """Yield the requests that an answer is the sum of."""
    yield from PARTS[op](quantity, given, cotangent, tangents)


def shape_of(op: str, quantity: str, given: Operands) -> tuple[int, ...]:
    """Return the shape of an answer."""
    rows, classes = given.arrays[0].shape
    return (given.count, classes) if op == "grouped_log_sum_exp" and quantity == "value" else (rows, classes)


def exact(
    op: str, quantity: str, given: Operands, cotangent: F64 | None = None, tangents: tuple[F64, ...] = ()
) -> Enclosure:
    """Return a value, a gradient times an upstream gradient, or a second derivative.

    Raises
    ------
    KeyError
        There is no such function.

    Examples
    --------
    >>> exact("softplus", "value", Operands((np.zeros((1, 1)),))).value
    array([[0.69314718]])
    """
    shape = shape_of(op, quantity, given)
    of_nothing = -np.inf if op == "grouped_log_sum_exp" and quantity == "value" else 0.0
    whole = np.full(shape, of_nothing), np.zeros(shape), np.zeros(shape)
    adds_up = op == "cumulative_log_sum_exp" and quantity != "value"
    for part in parts(op, quantity, given, cotangent, tangents):
        value, tail, radius = (part.placed(one) for one in ExactRows(part.request.logits).answer(part.request).parts)
        answer = part.sign * value, part.sign * tail, radius
        if adds_up:
            total = Ball(*(one[part.index] for one in whole)) + Ball(*answer)
            answer = total.hi, total.lo, total.radius
        for one, entry in zip(whole, answer, strict=True):
            one[part.index] = entry
    finite = np.isfinite(whole[0])
    if finite.all():
        return normalised(*whole)
    return Enclosure(whole[0], *(np.where(finite, one, 0.0) for one in whole[1:]))


def _log_sum_exp(
    rows: Array, quantity: str, cotangent: F64 | None, tangent: F64 | None, op: str = "log_sum_exp"
) -> Request:
    """Return the request for rows; a gradient and a second derivative take their arrays."""
    if quantity == "value":
        return checked_request(op, "value", rows)
    if not quantity.startswith(SECOND):
        return checked_request(op, "grad_logits", rows, cotangent=cotangent)
    return checked_request(op, "hvp", rows, cotangent=cotangent, tangent=tangent)


def _flat(array: F64 | None) -> F64 | None:
    return None if array is None else np.asarray(array, dtype=np.float64).ravel()


def _of_one(sign: float) -> Callable[..., Iterator[Part]]:
    """Return the requests of sign log(1 + exp(sign x))."""

    def made(quantity: str, given: Operands, cotangent: F64 | None, tangents: tuple[F64, ...]) -> Iterator[Part]:
        (x,) = given.arrays
        rows = np.stack([np.zeros_like(x.ravel()), (x * x.dtype.type(sign)).ravel()], axis=1)
        along = np.stack([np.zeros(x.size), tangents[0].ravel()], axis=1) if tangents else None
        request = _log_sum_exp(rows, quantity, _flat(cotangent), along)
        yield _reshaped(request, x.shape, None if quantity == "value" else 1, 1.0 if quantity[:4] == "grad" else sign)

    return made


def _of_two(quantity: str, given: Operands, cotangent: F64 | None, tangents: tuple[F64, ...]) -> Iterator[Part]:
    a, b = given.arrays
    rows = np.stack([a.ravel(), b.ravel()], axis=1)
    along = np.stack([one.ravel() for one in tangents], axis=1) if tangents else None
    column = None if quantity == "value" else int(quantity.endswith("_other"))
    yield _reshaped(_log_sum_exp(rows, quantity, _flat(cotangent), along), a.shape, column, 1.0)


@dataclass(frozen=True, eq=False)
class _Reshaped(Part):
    """A part whose answer is flat."""

    shape: tuple[int, ...] = ()

    def placed(self, part: F64) -> F64:
        """Return one of the arrays of an answer as it goes there."""
        return super().placed(part).reshape(self.shape)


def _reshaped(request: Request, shape: tuple[int, ...], column: int | None, sign: float) -> Part:
    return _Reshaped(request, column, sign, (slice(None), slice(None)), shape=shape)


def _cumulative(quantity: str, given: Operands, cotangent: F64 | None, tangents: tuple[F64, ...]) -> Iterator[Part]:
    (x,) = given.arrays
    for last in range(x.shape[1]):
        rows = np.ascontiguousarray(x[:, : last + 1])
        upstream = None if cotangent is None else cotangent[:, last]
        along = tangents[0][:, : last + 1] if tangents else None
        place = last if quantity == "value" else slice(last + 1)
        yield Part(_log_sum_exp(rows, quantity, upstream, along), None, 1.0, (slice(None), place))


def _grouped(op: str) -> Callable[..., Iterator[Part]]:
    """Return the requests of an op over groups of rows."""

    def made(quantity: str, given: Operands, cotangent: F64 | None, tangents: tuple[F64, ...]) -> Iterator[Part]:
        (x,) = given.arrays
        for group in range(given.count):
            at = np.flatnonzero(given.groups == group)
            if not len(at):
                continue
            upstream = cotangent if cotangent is None else cotangent[group] if op == "log_sum_exp" else cotangent[at].T
            along = np.ascontiguousarray(tangents[0][at].T) if tangents else None
            request = _log_sum_exp(np.ascontiguousarray(x[at].T), quantity, upstream, along, op)
            is_one = op == "log_sum_exp" and quantity == "value"
            yield Part(request, None, 1.0, (group,) if is_one else (at,), is_turned=not is_one)

    return made


PARTS: Mapping[str, Callable[..., Iterator[Part]]] = {
    "softplus": _of_one(1.0),
    "log_sigmoid": _of_one(-1.0),
    "logaddexp": _of_two,
    "cumulative_log_sum_exp": _cumulative,
    "grouped_log_sum_exp": _grouped("log_sum_exp"),
    "grouped_softmax": _grouped("softmax"),
}
"""The terms whose sum is the answer, by function."""
