"""A call in a framework's own words, beside the matrix: what it is given, and the answer that is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Row = tuple[str, tuple[str, str], str, "float | None"]
    """Name, op and labels, expression and the right answer, as `ExtraCall` has them."""


@dataclass(frozen=True)
class ExtraCall:
    """A call.

    Attributes
    ----------
    package : str
        What it is evaluated with, where the adapter of this package has imported it.
    name : str
        What is unusual of its inputs or options, as a regime is named.
    op, labels, format : str
        What is computed, from which labels (``none``, ``indices``, ``distributions``), and in which format.
    imports, source : str
        A program: what it imports and defines, and an expression with a number as its value.
    exact : float or None
        The one answer that is right; None where that is not documented.
    """

    package: str
    name: str
    op: str
    labels: str
    format: str
    imports: str
    source: str
    exact: float | None = None

    @property
    def repro(self) -> str:
        """The call as a program."""
        return f"{self.imports}\n\nprint({self.source})\n"


SOFTMAX = ("softmax", "none")
LOG_SOFTMAX = ("log_softmax", "none")
LOG_SUM_EXP = ("log_sum_exp", "none")
INDICES = ("softmax_cross_entropy", "indices")
DISTRIBUTIONS = ("softmax_cross_entropy", "distributions")
SIGMOID = ("sigmoid_cross_entropy", "distributions")


def calls(package: str, format_: str, imports: str, rows: tuple[Row, ...]) -> tuple[ExtraCall, ...]:
    """Return the calls of a package that share their imports and format."""
    return tuple(ExtraCall(package, name, *op, format_, imports, source, exact) for name, op, source, exact in rows)
