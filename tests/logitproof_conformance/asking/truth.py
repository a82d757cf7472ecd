"""The exact answers of a cell, the error bounds, and the comparison with the framework's answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import declared_arithmetic
from logitproof_conformance.asking.dialect_choices import choices_of
from logitproof_conformance.plan.layout import class_weights, given_arrays
from logitproof_reference.answers.answers import shared_answers
from logitproof_reference.bounds.assumptions import SHOULD
from logitproof_reference.bounds.half_precision import (
    IN_FLOAT32,
    is_half,
    narrow_arithmetic,
    rounded_once,
    wide_format,
)
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.prologues.factor import logits_behind, producer_of
from logitproof_reference.vocabulary.cells import PLAIN, Cell
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.asking.dialect_choices import Choices
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.cases.catalogue import Batch, Rows
    from logitproof_reference.oracle.request import Request

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The exact answers of a cell for one batch, with what may be asked of a correct implementation.

    Attributes
    ----------
    exact : Enclosure
        Shaped like the answer, class axis last.
    must, should : float64 arrays
        Bounds in absolute terms with the arithmetic that the adapter declares, by default the least that is asked of
        everyone, and with that of a good implementation.
    choices : Choices
        The named choices of the dialect it is true in.
    """

    exact: Enclosure
    must: F64
    should: F64
    choices: Choices = ()


def truth_of(adapter: Adapter, cell: Cell, batch: Batch) -> Truth:
    """Return exact answers and bounds; cached across modes, layouts and adapters with the same dialect."""
    plain = replace(cell, adapter="", mode="", axis="last", layout="contiguous", entry="")
    return _truth(plain, _Shared(batch), choices_of(adapter, cell), declared_arithmetic(adapter))


def some_rows(truth: Truth, chosen: NDArray[np.intp]) -> Truth:
    """Return what is true of some rows of a batch."""
    return replace(truth, exact=truth.exact[chosen], must=truth.must[chosen], should=truth.should[chosen])


def accuracy_bounds(adapter: Adapter, cell: Cell, batch: Batch) -> dict[str, F64]:
    """Return the bounds of the accuracy grades A to C of a cell without options and producer, for one batch."""
    truth, format_ = truth_of(adapter, cell, batch), FORMATS[cell.format]
    if not is_half(format_):
        return {"A": truth.should, "B": truth.should, "C": truth.must}
    request, answers = request_of(cell, batch.rows, truth.choices), shared_answers()
    in_float32 = answers.bound(request, wide_format(format_), IN_FLOAT32)
    narrow = answers.bound(request, format_, narrow_arithmetic(format_))
    return {"A": rounded_once(truth.exact.value, in_float32, format_), "B": narrow, "C": truth.must}


class _Shared:
    """A batch as a cache key: batches are built once a process, so identity is equality."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __hash__(self) -> int:
        return id(self.batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and self.batch is other.batch


@lru_cache(maxsize=24)
def _truth(cell: Cell, shared: _Shared, choices: Choices, declared: Arithmetic) -> Truth:
    rows = shared.batch.rows
    if cell.producer:
        return _truth_behind_producer(cell, rows, choices, declared)
    request = request_of(cell, rows, choices)
    answers = shared_answers()
    exact = answers.exact(request)
    allowed = {
        name: answers.bound(request, FORMATS[cell.format], arithmetic)
        for name, arithmetic in (("must", declared), ("should", SHOULD))
    }
    # Rows of one class are exact in so many ways that the looser assumptions can give the tighter bound.
    should = np.fmin(allowed["must"], allowed["should"])
    return Truth(exact.reshape(1) if cell.is_scalar else exact, allowed["must"], should, choices)


def _truth_behind_producer(cell: Cell, rows: Rows, choices: Choices, declared: Arithmetic) -> Truth:
    """Return the truth for what a producer makes of the logits; a gradient goes back through it."""
    producer, arguments = producer_of(cell.producer), arguments_of(cell, rows)
    if "cotangent" in arguments:
        arguments["cotangent"] = producer.scaled(arguments["cotangent"])
    logits = logits_behind(producer, rows.logits)
    request = checked_request(cell.op, cell.quantity, logits, **arguments, **dict(choices))
    answers = shared_answers()
    exact = answers.exact(request)
    moved = producer.bound(request, FORMATS[cell.format])
    must, should = (
        answers.bound(request, FORMATS[cell.format], arithmetic) + moved for arithmetic in (declared, SHOULD)
    )
    return Truth(exact, must, np.fmin(must, should), choices)


def arguments_of(cell: Cell, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return labels, cotangent and tangent of a cell as the oracle takes them."""
    given = given_arrays(cell, rows)
    given.pop("logits")
    return given


def request_of(cell: Cell, rows: Rows, choices: Choices) -> Request:
    """Return what oracle and bounds are asked of a cell, in a dialect."""
    chosen = vars(cell.options)
    options = {name: value for name, value in chosen.items() if value != getattr(PLAIN, name)}
    options |= {**dict(choices), **class_weights(cell, rows.logits)}
    return checked_request(cell.op, cell.quantity, rows.logits, **arguments_of(cell, rows), **options)


def refined(cell: Cell, batch: Batch, truth: Truth, rows: NDArray[np.intp]) -> Enclosure:
    """Return the exact answers with these rows done again in multiple precision."""
    sharper = shared_answers().refined(request_of(cell, batch.rows[rows], truth.choices))
    parts = [part.copy() for part in truth.exact.parts]
    for part, sharp in zip(parts, sharper.parts, strict=True):
        part[rows] = sharp
    return Enclosure(*parts)
