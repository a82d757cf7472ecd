"""A loss head: prologues, then an op. Its exact answers, and how far correct code may be from them.

The oracle takes logits that are float64 numbers; those that prologues make are balls hi + lo +- r. An answer at hi + lo
is that at hi and its derivative along lo, with |lo| <= 2**-53 |hi|; what that leaves out goes into the radius:

- of log p_j, with t = max |lo| of the row: at most t**2, for its second derivative is the variance of lo under p;
- of p_j: at most 3 t**2 p_j, for that of p_j is p_j ((lo_j - mean)**2 - variance), (4 + 1) t**2 at most, halved;
- r moves log p_j by at most 2 r, and p_j by at most p_j (exp(2 r) - 1).

A bound is made the same way from the one of the op and from how far the prologues' logits may be off, d: the op is
evaluated at logits off by d. Its own bound there is at most exp(4 d) times that at the exact ones and 8 u d, as in
`training.bounds`; `producers.moved_by` has what d does to the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.bounds.api import bound, is_vacuous
from logitproof_reference.bounds.assumptions import wide
from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.bounds.producers import moved_by
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.oracle.request import Request, checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.vocabulary.formats import Format

    from .protocol import Prologue

GRADIENT = "grad_"
"""What a quantity's name begins with that is the derivative by the operand named after it."""


@dataclass(frozen=True, eq=False)
class Head:
    """A chain of prologues and an op, of given operands.

    Attributes
    ----------
    prologues : tuple of Prologue
        The first takes the operands, each other one the logits of the one before it.
    operands : mapping of str to array
        The first prologue's, of any format, finite; taken as exact.
    op : str
        ``softmax_cross_entropy``, or another op of `vocabulary.ops` whose value is asked.
    labels : array or None
    options : mapping
        Attributes of `LossOptions`.

    Raises
    ------
    ValueError
        An operand is missing or not finite, or shapes do not fit.
    """

    prologues: tuple[Prologue, ...]
    operands: Mapping[str, NDArray[Any]]
    op: str
    labels: ArrayLike | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    _upstreams: dict[bytes, Ball] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        names = self.prologues[0].operands
        if tuple(self.operands) != names:
            raise ValueError(f"operands are {', '.join(self.operands) or 'none'}; needed: {', '.join(names)}")
        for name, array in self.operands.items():
            if not np.isfinite(array.astype(np.float64)).all():
                raise ValueError(f"{name} has an infinity or a NaN; a product with 0 has no limit there")

    @cached_property
    def _balls(self) -> tuple[Ball, ...]:
        return tuple(Ball(array.astype(np.float64)) for array in self.operands.values())

    @cached_property
    def _stages(self) -> list[Ball]:
        """The logits behind each prologue."""
        stages: list[Ball] = []
        for prologue in self.prologues:
            stages.append(prologue.exact(*((stages[-1],) if stages else self._balls)))
        return stages

    @property
    def logits(self) -> Ball:
        """The exact logits of the op."""
        return self._stages[-1]

    @cached_property
    def _rows(self) -> ExactRows:
        return ExactRows(self.logits.hi)

    def exact(self, quantity: str, cotangent: ArrayLike | None = None) -> Enclosure:
        """Return the value, the gradient by the logits, or that by an operand: ``grad_hidden``, ``grad_weight``, ...

        Parameters
        ----------
        quantity : str
        cotangent : array of the shape of the value, or None
            Of a gradient; None means 1 everywhere.

        Raises
        ------
        ValueError
            There is no such operand.
        """
        if quantity == "value":
            return self._value()
        upstream = self._at_logits(cotangent)
        if quantity == "grad_logits":
            return normalised(upstream.hi, upstream.lo, upstream.radius)
        chain = list(zip(self.prologues, [None, *self._stages], strict=False))
        for prologue, before in reversed(chain[1:]):
            assert before is not None
            (upstream,) = prologue.pull_back(upstream, before)
        answer = self.prologues[0].pull_back(upstream, *self._balls)[self._position(quantity)]
        return normalised(answer.hi, answer.lo, answer.radius)

    def bound(self, quantity: str, format_: Format, arithmetic: Arithmetic, cotangent: ArrayLike | None = None) -> F64:
        """Return the largest |observed - exact| of a correct implementation in a format, elementwise."""
        rounding = Rounding(format_, arithmetic)
        held = [BoundedValue.exact(ball.hi) for ball in self._balls]
        stages: list[BoundedValue] = []
        for prologue in self.prologues:
            stages.append(prologue.computed(rounding, *((stages[-1],) if stages else held)))
        off = stages[-1].error + np.abs(self.logits.lo) + self.logits.radius
        error = self._bound_of_op("value" if quantity == "value" else "grad_logits", rounding, off, cotangent)
        if quantity in {"value", "grad_logits"}:
            return error
        upstream = rounding.rounded(self._at_logits(cotangent).hi, error, rounding.tiny)
        for prologue, before in reversed(list(zip(self.prologues[1:], stages, strict=False))):
            (upstream,) = prologue.computed_pull_back(rounding, upstream, before)
        by_operands = self.prologues[0].computed_pull_back(rounding, upstream, *held)
        return by_operands[self._position(quantity)].error

    def _position(self, quantity: str) -> int:
        names = self.prologues[0].operands
        name = quantity.removeprefix(GRADIENT)
        if not quantity.startswith(GRADIENT) or name not in names:
            raise ValueError(f"{quantity} is not known; known: value, {', '.join(GRADIENT + one for one in names)}")
        return names.index(name)

    def _request(self, quantity: str, cotangent: ArrayLike | None = None) -> Request:
        given = {"cotangent": cotangent} if quantity == "grad_logits" else {}
        return checked_request(self.op, quantity, self.logits.hi, self.labels, **given, **self.options)

    def _value(self) -> Enclosure:
        request = self._request("value")
        along = replace(request, quantity="jvp", tangent=self.logits.lo)
        value, moved = (_ball(self._rows.answer(one)) for one in (request, along))
        total = value + moved
        farthest = np.abs(self.logits.lo).max(axis=1, keepdims=True)
        off = np.broadcast_to(self.logits.radius + farthest**2, self.logits.hi.shape)
        radius = total.radius + moved_by(request, off) * (1.0 + 2.0**-30)
        shape = (1,) if request.reduced else total.hi.shape
        return normalised(total.hi.reshape(shape), total.lo.reshape(shape), radius.reshape(shape))

    def _at_logits(self, cotangent: ArrayLike | None) -> Ball:
        """Return the gradient by the logits that the op takes; kept, as every operand's gradient is made of it."""
        key = b"" if cotangent is None else np.asarray(cotangent, dtype=np.float64).tobytes()
        if key not in self._upstreams:
            self._upstreams[key] = self._upstream(cotangent)
        return self._upstreams[key]

    def _upstream(self, cotangent: ArrayLike | None) -> Ball:
        request = self._request("grad_logits", cotangent)
        along = replace(request, quantity="hvp", tangent=self.logits.lo)
        slope, bent = (_ball(self._rows.answer(one)) for one in (request, along))
        total = slope + bent
        farthest = np.abs(self.logits.lo).max(axis=1, keepdims=True)
        off = np.broadcast_to(self.logits.radius + 3.0 * farthest**2, self.logits.hi.shape)
        return Ball(total.hi, total.lo, total.radius + moved_by(request, off) * (1.0 + 2.0**-30))

    def _bound_of_op(self, quantity: str, rounding: Rounding, off: F64, cotangent: ArrayLike | None) -> F64:
        """Return the bound of the op at logits that are off."""
        request = self._request(quantity, cotangent)
        own = bound(request, rounding.format, self._arithmetic(rounding))
        farthest = off.max(axis=1, keepdims=True)
        with np.errstate(over="ignore"):
            swollen = np.exp(4.0 * farthest)
        moved = moved_by(request, off)
        if request.reduced:
            shifts = farthest.sum() / float(request.divisor or 1)
            total: F64 = swollen.max(initial=1.0) * own + 8.0 * rounding.unit * shifts + moved
            return total
        error: F64 = (swollen if own.ndim == 2 else swollen[:, 0]) * own + moved
        return error + 8.0 * rounding.unit * self._shares(request, farthest)

    def _shares(self, request: Request, farthest: F64) -> F64:
        """Return `farthest`, for a gradient times what of a row's unit falls to each class: p, or the label."""
        if request.cotangent is None:
            return farthest[:, 0]
        assert request.labels is not None
        q = np.abs(request.options.distributions(request.labels, self.logits.hi.shape[1]).hi.T)
        p = self._rows.evaluate("softmax", "value").value
        c = np.abs(request.cotangent).reshape(len(q), -1) / float(request.divisor or 1)
        shares: F64 = farthest * c * (p * q.sum(axis=1, keepdims=True) + q)
        return shares

    def _arithmetic(self, rounding: Rounding) -> Arithmetic:
        """Return what the op is assumed to do: where sums in the format would say nothing, sums in float32."""
        says_nothing = is_vacuous(self.logits.hi, rounding.format, rounding.arithmetic).any()
        return wide(rounding.arithmetic) if says_nothing else rounding.arithmetic


def _ball(exact: Enclosure) -> Ball:
    return Ball(*exact.parts)
