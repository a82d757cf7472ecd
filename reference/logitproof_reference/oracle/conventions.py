"""Conventions for numbers taken as probabilities: division by the sum, a clip, a floor of logarithms.

Keras divides by the sum and clips at 1e-7, scikit-learn clips at the machine epsilon, PyTorch's binary loss holds
logarithms at -100 or more, its distributions clip at the machine epsilon; most others take the numbers as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.numerics.ball import Ball, choose
from logitproof_reference.numerics.logarithm import log
from logitproof_reference.oracle.derived_losses import column, over_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Convention:
    """The convention by which a function treats its numbers.

    Attributes
    ----------
    normalized : bool
        Whether it divides each row by its sum.
    clip : float
        e of the clip to [e, 1 - e]; 0 for none.
    log_floor : float or None
        The least that a logarithm may be.
    """

    normalized: bool = False
    clip: float = 0.0
    log_floor: float | None = None


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Numbers (rows, classes) under a convention.

    Raises
    ------
    ValueError
        A number is not finite; or it is negative, or a sum is 0, where the convention gives that no meaning.
    """

    given: NDArray[Any]
    convention: Convention

    def __post_init__(self) -> None:
        x = self.given.astype(np.float64)
        if not np.isfinite(x).all():
            raise ValueError("probabilities have an infinity or a NaN; these losses are judged of finite ones")
        if (x < 0.0).any() and (self.convention.normalized or not self.convention.clip):
            raise ValueError("a probability is negative: without a clip its logarithm is not a number")

    @cached_property
    def total(self) -> Ball:
        """The sum of each row, as a column; 1 where nothing divides."""
        x = Ball(self.given.astype(np.float64))
        return column(over_classes(x)) if self.convention.normalized else Ball(np.ones((len(self.given), 1)))

    @cached_property
    def total_of_each(self) -> Ball:
        """The same beside each number."""
        parts = (self.total.hi, self.total.lo, self.total.radius)
        return Ball(*(np.broadcast_to(part, self.given.shape) for part in parts))

    @cached_property
    def unclipped(self) -> Ball:
        """The numbers, over their sum where the convention divides."""
        x = Ball(self.given.astype(np.float64))
        return x / self.total_of_each if self.convention.normalized else x

    @cached_property
    def passes(self) -> NDArray[np.bool_]:
        """Where no clip holds the number, so that a derivative passes."""
        r, e = self.unclipped.hi, self.convention.clip
        return (r > e) & (r < 1.0 - e) if e else np.ones(r.shape, bool)

    @cached_property
    def share(self) -> Ball:
        """The numbers within the clip: r."""
        r, e = self.unclipped, self.convention.clip
        if not e:
            return r
        lowest, highest = Ball(np.full(r.hi.shape, e)), 1.0 - Ball(np.full(r.hi.shape, e))
        return choose(self.passes, r, choose(r.hi <= e, lowest, highest))

    @cached_property
    def other(self) -> Ball:
        """1 - r."""
        return 1.0 - self.share

    def logarithm(self, r: Ball) -> Ball:
        """Return log r, the floor where it is lower, and 0 where r is 0 and no floor is."""
        floor = self.convention.log_floor
        made = log(choose(r.hi > 0.0, r, Ball(np.ones(r.hi.shape))))
        if floor is None:
            return made
        return choose((r.hi <= 0.0) | (made.hi < floor), Ball(np.full(r.hi.shape, floor)), made)

    def is_nothing(self, r: Ball) -> NDArray[np.bool_]:
        """Return where the logarithm of r is -inf."""
        return (r.hi <= 0.0) & (self.convention.log_floor is None)
