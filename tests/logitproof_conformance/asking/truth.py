"""The exact answers of a cell, the bounds on what a framework may be off, and how its answer compares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import declared_arithmetic
from logitproof_conformance.asking.dialect_choices import choices_of
from logitproof_conformance.plan.layout import class_weights, given_arrays
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import SHOULD
from logitproof_reference.bounds.options import option_bound
from logitproof_reference.bounds.producers import produced, producer_bound
from logitproof_reference.judging.compare import Comparison, compare
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.oracle import multiprecision, sigmoid
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.cells import PLAIN, SIGMOID, Cell
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.asking.dialect_choices import Choices
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.cases.catalogue import Batch, Rows

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


class _Shared:
    """A batch as a cache key: batches are built once a process, so identity is equality."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __hash__(self) -> int:
        return id(self.batch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shared) and self.batch is other.batch


@lru_cache(maxsize=24)
def _exact_rows(shared: _Shared) -> ExactRows:
    return ExactRows(shared.batch.rows.logits)


@lru_cache(maxsize=24)
def _truth(cell: Cell, shared: _Shared, choices: Choices, declared: Arithmetic) -> Truth:
    rows = shared.batch.rows
    if cell.producer:
        return _truth_behind_producer(cell, rows, choices, declared)
    arguments: dict[str, Any] = arguments_of(cell, rows)
    options = options_of(cell, rows, choices)
    if cell.op == SIGMOID:
        exact = sigmoid.evaluate(cell.quantity, rows.logits, **arguments, **options)
    else:
        exact = _exact_rows(shared).evaluate(cell.op, cell.quantity, **arguments, **options)
    allowed = {
        name: _bound(cell, rows, arguments, dict(choices), arithmetic)
        for name, arithmetic in (("must", declared), ("should", SHOULD))
    }
    # Rows of one class are exact in so many ways that the looser assumptions can give the tighter bound.
    should = np.fmin(allowed["must"], allowed["should"])
    return Truth(exact.reshape(1) if cell.is_scalar else exact, allowed["must"], should, choices)


def _truth_behind_producer(cell: Cell, rows: Rows, choices: Choices, declared: Arithmetic) -> Truth:
    """Return the truth for what a producer makes of the logits; its factor goes into the cotangent of a gradient."""
    behind = replace(rows, logits=produced(cell.producer, rows.logits))
    arguments = arguments_of(cell, rows)
    if "cotangent" in arguments:
        arguments["cotangent"] = produced(cell.producer, arguments["cotangent"])
    exact = ExactRows(behind.logits).evaluate(cell.op, cell.quantity, **arguments, **dict(choices))
    moved = producer_bound(cell.op, cell.quantity, logits=behind.logits, format=cell.format, **arguments)
    must, should = (
        _bound(cell, behind, arguments, dict(choices), arithmetic) + moved for arithmetic in (declared, SHOULD)
    )
    return Truth(exact, must, np.fmin(must, should), choices)


def _bound(
    cell: Cell, rows: Rows, arguments: dict[str, NDArray[Any]], choices: dict[str, Any], arithmetic: Arithmetic
) -> F64:
    format_ = FORMATS[cell.format]
    if cell.options != PLAIN:
        if "cotangent" in arguments and not arguments["cotangent"].ndim:  # of a reduced loss: each row's is the same
            shape = rows.logits.shape if cell.op == SIGMOID else len(rows)
            arguments = {**arguments, "cotangent": np.full(shape, arguments["cotangent"])}
        weights = class_weights(cell, rows.logits)
        return option_bound(cell, logits=rows.logits, arithmetic=arithmetic, choices=choices, **arguments, **weights)
    named = {"tangent" if name == "vector" else name: array for name, array in arguments.items()}
    return bound(
        cell.op,
        cell.quantity,
        logits=rows.logits,
        format=format_,
        arithmetic=arithmetic,
        unnormalized_gradient=choices.get("unnormalized_gradient", "exact"),
        clip_probabilities=choices.get("clip_probabilities"),
        **named,
    )


def arguments_of(cell: Cell, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return labels, cotangent and vector of a cell as the oracle takes them."""
    given = given_arrays(cell, rows)
    given.pop("logits")
    return given


def options_of(cell: Cell, rows: Rows, choices: Choices) -> dict[str, Any]:
    """Return a cell's options as the oracle takes them, in a dialect."""
    chosen = vars(cell.options)
    set_ones = {name: value for name, value in chosen.items() if value != getattr(PLAIN, name)}
    return {**set_ones, **dict(choices), **class_weights(cell, rows.logits)}


def compare_rows(cell: Cell, batch: Batch, observed: NDArray[Any], truth: Truth, allowed: F64) -> Comparison:
    """Compare a batch's answer with the exact one; rows whose radius does not decide go to multiple precision."""
    format_ = FORMATS[cell.format]
    comparison = compare(observed, truth.exact, allowed, format_)
    if not comparison.undecided.any() or cell.op == SIGMOID or cell.is_scalar or cell.producer:
        return comparison
    undecided = comparison.undecided.reshape(len(observed), -1).any(axis=1)
    return compare(observed, _refined(cell, batch, truth, np.flatnonzero(undecided)), allowed, format_)


def _refined(cell: Cell, batch: Batch, truth: Truth, rows: NDArray[np.intp]) -> Enclosure:
    """Return the exact answers with these rows done again in multiple precision."""
    chosen = arguments_of(cell, batch.rows[rows])
    options = options_of(cell, batch.rows, truth.choices)
    sharper = multiprecision.evaluate(cell.op, cell.quantity, batch.rows.logits[rows], **chosen, **options)
    parts = [part.copy() for part in truth.exact.parts]
    for part, sharp in zip(parts, sharper.parts, strict=True):
        part[rows] = sharp
    return Enclosure(*parts)
