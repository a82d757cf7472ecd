"""A loss head: prologues, then an op, then a term added to its loss or a divisor.

`ball_rows` has the op of logits that are not numbers but balls, `z_loss` the term beside a loss. A given divisor, of a
sum over the rows of a micro-batch, divides last, or each row's loss, or the upstream gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.numerics.ball import Ball
from logitproof_reference.numerics.enclosure import Enclosure, normalised
from logitproof_reference.oracle.request import Request, checked_request

from .ball_rows import BallRows
from .factor import FactorsPrologue
from .z_loss import ZLoss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.numerics.double_double import F64
    from logitproof_reference.vocabulary.formats import Format

    from .protocol import Prologue

LARGEST_FACTOR = 2.0**500

DIVISIONS = 3.0
"""Roundings that a divisor costs: its reciprocal, the product, and that of each row before the sum."""

FARTHEST = 2.0**512
"""No finite number of a format of less range is so far off: in place of infinity, whose product with 0 is undefined."""

GRADIENT = "grad_"
"""What a quantity's name begins with that is the derivative with respect to the operand named after it."""

BY_FACTORS = "grad_factors"
"""The derivative with respect to the tensor of factors behind the linear layer, where there is one."""


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
    z_loss : float
        The factor of the squared log-sum-exp that is added to the loss of each row; not negative.
    divisor : float or None
        What the sum of the losses is divided by: with the reduction ``sum``.

    Raises
    ------
    ValueError
        An operand is missing or not finite, shapes do not fit, or a factor or divisor lies outside its domain.
    """

    prologues: tuple[Prologue, ...]
    operands: Mapping[str, NDArray[Any]]
    op: str
    labels: ArrayLike | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    z_loss: float = 0.0
    divisor: float | None = None
    _upstreams: dict[bytes, Ball] = field(default_factory=dict, init=False, repr=False)
    _computed: dict[tuple[str, Arithmetic], list[BoundedValue]] = field(default_factory=dict, init=False, repr=False)
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    z_term: ClassVar[type[ZLoss]] = ZLoss

    def __post_init__(self) -> None:
        names = self.prologues[0].operands
        if tuple(self.operands) != names:
            raise ValueError(f"operands are {', '.join(self.operands) or 'none'}; needed: {', '.join(names)}")
        for name, array in self.operands.items():
            if not np.isfinite(array.astype(np.float64)).all():
                raise ValueError(f"{name} has an infinity or a NaN; a product with 0 has no limit there")
        if not 0.0 <= self.z_loss < LARGEST_FACTOR:
            raise ValueError(f"z_loss is {self.z_loss}; it must be a number from 0")
        if self.divisor is not None and not (self.options.get("reduction") == "sum" and 0 < self.divisor < np.inf):
            raise ValueError(f'divisor is {self.divisor}; it must be a positive number, of the reduction "sum"')

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
    def first(self) -> Ball:
        """The exact logits behind the first prologue."""
        return self._stages[0]

    @property
    def logits(self) -> Ball:
        """The exact logits of the op."""
        return self._stages[-1]

    @cached_property
    def _rows(self) -> BallRows:
        return BallRows(self.logits)

    @property
    def _z_rows(self) -> BallRows:
        """The rows whose log-sum-exp the z-loss squares: those of the loss."""
        return self._rows

    def exact(self, quantity: str, cotangent: ArrayLike | None = None) -> Enclosure:
        """Return the value, or a gradient: ``grad_logits``, ``grad_hidden``, ``grad_weight``, ...

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
        asked = (quantity, _bytes(cotangent))
        exact: Enclosure = self._once(asked, "exact", lambda: self._exact(quantity, cotangent))
        return exact

    def _exact(self, quantity: str, cotangent: ArrayLike | None) -> Enclosure:
        if quantity == "value":
            return self._value()
        upstream = self._at_logits(cotangent)
        if quantity == "grad_logits":
            return normalised(upstream.hi, upstream.lo, upstream.radius)
        chain = list(zip(self.prologues, [None, *self._stages], strict=False))
        for prologue, before in reversed(chain[1:]):
            assert before is not None
            if quantity == BY_FACTORS and isinstance(prologue, FactorsPrologue):
                by_factors = prologue.by_numbers(upstream, before)
                return normalised(by_factors.hi, by_factors.lo, by_factors.radius)
            upstream = prologue.pull_back(upstream, before)
        answer = self.prologues[0].pull_back(upstream, *self._balls, of=self._position(quantity))
        return normalised(answer.hi, answer.lo, answer.radius)

    def bound(self, quantity: str, format_: Format, arithmetic: Arithmetic, cotangent: ArrayLike | None = None) -> F64:
        """Return the largest |observed - exact| of a correct implementation in a format, elementwise."""
        asked, model = (quantity, _bytes(cotangent)), (format_.name, arithmetic)
        bound: F64 = self._once(asked, model, lambda: self._bound(quantity, format_, arithmetic, cotangent))
        return bound

    def _bound(self, quantity: str, format_: Format, arithmetic: Arithmetic, cotangent: ArrayLike | None) -> F64:
        rounding = Rounding(format_, arithmetic)
        held = [BoundedValue.exact(ball.hi) for ball in self._balls]
        stages = self._stages_computed(rounding, held)
        off = stages[-1].error + np.abs(self.logits.lo) + self.logits.radius
        error = self._bound_at_logits("value" if quantity == "value" else "grad_logits", rounding, off, cotangent)
        if quantity in {"value", "grad_logits"}:
            return error
        if format_.largest < FARTHEST:
            error = np.minimum(error, FARTHEST)
        upstream = rounding.rounded(self._at_logits(cotangent).hi, error, rounding.tiny)
        for prologue, before in reversed(list(zip(self.prologues[1:], stages, strict=False))):
            if quantity == BY_FACTORS and isinstance(prologue, FactorsPrologue):
                return prologue.computed_by_numbers(rounding, upstream, before).error
            upstream = prologue.computed_pull_back(rounding, upstream, before)
        place = self._position(quantity)
        return self.prologues[0].computed_pull_back(rounding, upstream, *held, of=place).error

    def _once(self, asked: tuple[str, bytes], name: Any, make: Callable[[], Any]) -> Any:
        """Return what is made of a question; only of the last question it is kept, for gradients may be large."""
        if asked not in self._kept:
            self._kept.clear()
        answers = self._kept.setdefault(asked, {})
        if name not in answers:
            answers[name] = make()
        return answers[name]

    def _stages_computed(self, rounding: Rounding, held: Sequence[BoundedValue]) -> list[BoundedValue]:
        """Return the logits behind each prologue as code of an arithmetic may hold them; kept for all quantities."""
        key = (rounding.format.name, rounding.arithmetic)
        if key not in self._computed:
            stages: list[BoundedValue] = []
            for prologue in self.prologues:
                stages.append(prologue.computed(rounding, *((stages[-1],) if stages else held)))
            self._computed[key] = stages
        return self._computed[key]

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
        total = self._rows.exact(request)
        if self.z_loss:
            total = total + self.z_term(self._z_rows, request, self.z_loss).value()
        total = self._divided(total)
        shape = (1,) if request.reduced else total.hi.shape
        return normalised(total.hi.reshape(shape), total.lo.reshape(shape), total.radius.reshape(shape))

    def _at_logits(self, cotangent: ArrayLike | None) -> Ball:
        """Return the gradient of the op's logits; kept, because every operand's gradient is computed from it."""
        key = _bytes(cotangent)
        if key not in self._upstreams:
            request = self._request("grad_logits", cotangent)
            upstream = self._rows.exact(request)
            if self.z_loss:
                upstream = upstream + self.z_term(self._z_rows, request, self.z_loss).gradient()
            self._upstreams[key] = self._divided(upstream)
        return self._upstreams[key]

    def _divided(self, whole: Ball) -> Ball:
        return whole if self.divisor is None else whole / Ball(np.full(whole.hi.shape, float(self.divisor)))

    def _bound_at_logits(self, quantity: str, rounding: Rounding, off: F64, cotangent: ArrayLike | None) -> F64:
        """Return the bound of the loss, or of its gradient with respect to the op's logits, where these are off."""
        request = self._request(quantity, cotangent)
        error = self._rows.bound(request, rounding, off)
        exact = self._value().value if quantity == "value" else self._at_logits(cotangent).hi
        if self.z_loss:
            term = self.z_term(self._z_rows, request, self.z_loss)
            error = error + (
                term.value_bound(rounding, off, exact * (self.divisor or 1.0))
                if quantity == "value"
                else term.gradient_bound(rounding, off)
            )
        if self.divisor is None:
            return error
        relative = DIVISIONS * rounding.unit * (1.0 + DIVISIONS * rounding.unit)
        divided: F64 = error / self.divisor * (1.0 + relative) + relative * np.abs(exact) + 2.0 * rounding.tiny
        return divided


def _bytes(cotangent: ArrayLike | None) -> bytes:
    return b"" if cotangent is None else np.asarray(cotangent, dtype=np.float64).tobytes()
