"""The score of each row: its largest slack or error in ulps, by the oracle and the bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import declared_arithmetic
from logitproof_conformance.asking.dialect_choices import choices_of
from logitproof_reference.bounds.api import bound
from logitproof_reference.judging.compare import compare
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.searches.rows import Rows
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.formats import F64

MEASURES = ("ulps", "slack")


@dataclass(frozen=True)
class Scores:
    """Rows measured; all arrays are (rows, numbers of an answer).

    Attributes
    ----------
    ulps, slack, exact, observed, bound : float64 arrays
    """

    ulps: F64
    slack: F64
    exact: F64
    observed: F64
    bound: F64

    def of_rows(self, measure: str) -> F64:
        """Return the largest of each row."""
        found: F64 = getattr(self, measure).max(axis=1)
        return found


def scored(adapter: Adapter, cell: Cell, rows: Rows, *, refined: bool = False) -> Scores:
    """Evaluate rows and measure the answers.

    Parameters
    ----------
    refined : bool
        Whether the exact answers are taken from multiple precision, for few rows.

    Raises
    ------
    ValueError
        The answer has not the shape of one.
    """
    request = request_of(adapter, cell, rows)
    observed = np.asarray(adapter.evaluate(cell, rows.inputs()))
    format_ = FORMATS[cell.format]
    with np.errstate(all="ignore"):
        exact = ExactRows(rows.logits, keep=False).answer(request)
        if refined and not OPS[cell.op].elementwise:
            exact = multiprecision.evaluate(request)
        allowed = bound(request, format_, declared_arithmetic(adapter))
        if observed.shape != exact.shape:
            raise ValueError(f"the answer has shape {observed.shape}: not {exact.shape}")
        found = compare(observed, exact, allowed, format_)
    numbers: tuple[NDArray[Any], ...] = (found.ulps, found.slack, exact.value, observed.astype(np.float64), allowed)
    return Scores(*(part.reshape(len(rows), -1) for part in numbers))


def request_of(adapter: Adapter, cell: Cell, rows: Rows) -> Request:
    """Return what oracle and bounds are asked, in the framework's dialect."""
    wide = {
        name: array if array.dtype.kind == "i" else array.astype(np.float64)
        for name, array in rows.arrays.items()
        if name != "logits"
    }
    return checked_request(cell.op, cell.quantity, rows.logits, **wide, **dict(choices_of(adapter, cell)))
