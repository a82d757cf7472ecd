"""Asking a framework: one call for each batch of a cell, and all that the call gave away."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import declared_arithmetic
from logitproof_conformance.dialects import choices_of
from logitproof_conformance.layout import arrange, class_weights, given_arrays, restore
from logitproof_reference import multiprecision, sigmoid
from logitproof_reference.arithmetic import SHOULD
from logitproof_reference.bounds import bound
from logitproof_reference.bounds_options import option_bound
from logitproof_reference.cells import PLAIN, SIGMOID, Cell
from logitproof_reference.enclosure import Enclosure
from logitproof_reference.exact_rows import ExactRows
from logitproof_reference.formats import FORMATS
from logitproof_reference.judge import Comparison, compare
from logitproof_reference.producers import produced, producer_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.dialects import Choices
    from logitproof_reference.arithmetic import Arithmetic
    from logitproof_reference.cells import Inputs
    from logitproof_reference.regimes import Batch, Rows

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Attributes
    ----------
    observed : array (rows, classes) or (rows,), or None
        The answer, class axis last; None where the call failed or its shape was wrong.
    dtype : str
        The dtype that came back.
    failure, misshapen : str
        What was raised, or why the shape is wrong; empty where neither.
    modified : tuple of str
        Names of the inputs that the call changed.
    """

    observed: NDArray[Any] | None
    dtype: str = ""
    failure: str = ""
    misshapen: str = ""
    modified: tuple[str, ...] = ()

    @property
    def array(self) -> NDArray[Any]:
        """The answer; asking for one that did not come is a fault of the caller (LookupError)."""
        if self.observed is None:
            raise LookupError(self.failure or self.misshapen)
        return self.observed


def ask(adapter: Adapter, cell: Cell, batch: Batch) -> Answer:
    """Evaluate `batch` in one call of the framework; an exception becomes a failure, never an abort."""
    return ask_with(adapter, cell, arrange(cell, batch.rows), batch)


def ask_with(adapter: Adapter, cell: Cell, inputs: Inputs, batch: Batch) -> Answer:
    """Evaluate `inputs`, laid out for `cell` and shaped as `batch` would be, as `ask` does."""
    given = {name: array.copy() for name, array in inputs.arrays().items()}
    try:
        answer = np.array(adapter.evaluate(cell, inputs))  # a copy: the answer may lie in one of the inputs
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a framework raises is a result of the test
        return Answer(None, failure=_last_words(error))
    finally:
        modified = _put_back(inputs, given)
    try:
        observed = restore(cell, answer, batch)
    except ValueError as error:
        return Answer(None, str(answer.dtype), misshapen=str(error), modified=modified)
    return Answer(observed, str(answer.dtype), modified=modified)


def _put_back(inputs: Inputs, given: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    """Undo what the call did to its inputs, for they are judged by; return the names of those it changed."""
    arrays = inputs.arrays()
    changed = tuple(name for name, array in arrays.items() if array.tobytes() != given[name].tobytes())
    for name in changed:
        arrays[name][...] = given[name]
    return changed


def _last_words(error: BaseException) -> str:
    first_line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first_line[:300]}"


def digest(observed: NDArray[Any]) -> str:
    """Hash the bits of an answer, 16 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(observed).tobytes()).hexdigest()[:16]


def same_bits(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell where two answers of one format have the same bits; NaN equals NaN, whatever its payload."""
    both_nan = np.isnan(before.astype(np.float64)) & np.isnan(after.astype(np.float64))
    same: NDArray[np.bool_] = (_bits(before) == _bits(after)) | both_nan
    return same


def _bits(array: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    contiguous = np.ascontiguousarray(array)
    return contiguous.view(np.dtype(f"u{contiguous.dtype.itemsize}"))


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
    """Return exact answers and bounds in the adapter's dialect; shared by all modes, layouts and who speaks alike."""
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
