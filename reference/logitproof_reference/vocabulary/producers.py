"""What may precede an op and be fused with it by a compiler: one row each."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPERATORS = {"*": operator.mul, "/": operator.truediv}


@dataclass(frozen=True)
class Factor:
    """A product with a number, or a quotient by one, of every logit.

    Attributes
    ----------
    name : str
        A word of `Cell.producer`.
    sign : str
        ``*`` or ``/``.
    number : int
    """

    name: str
    sign: str
    number: int

    def source(self, x: str) -> str:
        """Return the logits it makes of the expression `x`, as every framework writes it.

        >>> PRODUCERS["tempered"].source("x")
        'x / 3'
        """
        return f"{x} {self.sign} {self.number}"

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return what it makes of an array, rounded to the array's own format: its pull-back is the same."""
        made: NDArray[Any] = _OPERATORS[self.sign](array, array.dtype.type(self.number))
        return made


PRODUCERS = {row.name: row for row in (Factor("scaled", "*", 3), Factor("tempered", "/", 3))}
"""Every producer by its name: logits times 3, logits over a temperature of 3."""
