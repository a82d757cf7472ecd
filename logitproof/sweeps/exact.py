"""Single rows of a sweep, by the oracle and the bounds themselves: every number that a record states about a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.sources.two_logits import inputs_of, logits_of_rows
from logitproof_reference.bounds.api import bound
from logitproof_reference.judging.compare import compare
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle import multiprecision
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.functions import Function
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.oracle.request import Request
    from logitproof_reference.vocabulary.formats import F64


@dataclass(frozen=True)
class Measured:
    """Rows compared with the exact answers, one number per row: that of one element.

    Attributes
    ----------
    ulps, slack : float64 arrays
    conforms, rounded : bool arrays
        Whether the number is within its bound, and whether it is the exact one, correctly rounded.
    exact : float64 array
    """

    ulps: F64
    slack: F64
    conforms: NDArray[np.bool_]
    rounded: NDArray[np.bool_]
    exact: F64


def measured(
    function: Function, element: int, rows: NDArray[np.int64], observed: F64, arithmetic: Arithmetic
) -> Measured:
    """Compare what was observed of rows, by their numbers, with the oracle.

    Parameters
    ----------
    observed : float64 array
        Of one element, a number per row.
    arithmetic : Arithmetic
        Whose bound the answers are held to.
    """
    format_ = FORMATS[function.format]
    request = request_of(function, rows)
    with np.errstate(all="ignore"):
        exact = _column(ExactRows(request.logits, keep=False).answer(request), element)
        allowed = bound(request, format_, arithmetic)
        allowed = allowed if allowed.ndim == 1 else allowed[:, element]
        found = compare(observed, exact, allowed, format_)
        unclear = np.flatnonzero(found.undecided | ~exact.decided(format_))
        if unclear.size and not OPS[function.op].elementwise:
            sharper = _column(multiprecision.evaluate(request.of(unclear)), element)
            for part, sharp in zip(exact.parts, sharper.parts, strict=True):
                part[unclear] = sharp
            found = compare(observed, exact, allowed, format_)
    rounded = exact.round(format_).astype(np.float64) == observed
    return Measured(found.ulps, found.slack, found.conforms, rounded, exact.value)


def request_of(function: Function, rows: NDArray[np.int64]) -> Request:
    """Return what the oracle is asked of rows, by their numbers."""
    logits = logits_of_rows(function.op, function.format, rows)
    given = inputs_of(function.cell(""), 0, len(rows))
    takes_cotangent = function.quantity in TAKES_COTANGENT
    return checked_request(
        function.op,
        function.quantity,
        logits,
        given.labels,
        cotangent=given.cotangent.astype(np.float64) if takes_cotangent and given.cotangent is not None else None,
    )


def _column(answer: Enclosure, element: int) -> Enclosure:
    """Return the numbers of one element, in arrays of their own."""
    parts: list[Any] = [part if part.ndim == 1 else part[:, element] for part in answer.parts]
    return Enclosure(*(np.array(part) for part in parts))
