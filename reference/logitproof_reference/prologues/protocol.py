"""The protocol of prologues: how logits are made, exactly and in floating-point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from logitproof_reference.bounds.error_model import BoundedValue, Rounding
    from logitproof_reference.numerics.ball import Ball


class Prologue(Protocol):
    """A map from operands to logits that differentiates itself.

    Arrays of logits are of shape (rows, classes). `exact` and `pull_back` are the truth; `computed` and
    `computed_pull_back` are the same with what rounding may make of it, so that the bound of a chain of prologues and
    an op is the chain of their bounds.
    """

    @property
    def operands(self) -> tuple[str, ...]:
        """The roles of what it takes, in order."""
        ...

    def exact(self, *operands: Ball) -> Ball:
        """Return the logits it makes."""
        ...

    def pull_back(self, upstream: Ball, *operands: Ball, of: int = 0) -> Ball:
        """Return the gradient with respect to one operand, by its place, from that with respect to the logits."""
        ...

    def computed(self, rounding: Rounding, *operands: BoundedValue) -> BoundedValue:
        """Return the logits as a correct implementation may hold them."""
        ...

    def computed_pull_back(
        self, rounding: Rounding, upstream: BoundedValue, *operands: BoundedValue, of: int = 0
    ) -> BoundedValue:
        """Return the gradient as a correct implementation may hold it."""
        ...

    def source(self, *names: str) -> str:
        """Return the expression for its logits, of the names of its operands."""
        ...
