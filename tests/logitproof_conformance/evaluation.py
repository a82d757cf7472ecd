"""Asking a framework: one call for each batch of a cell, and all that the call gave away."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.layout import arrange, restore
from logitproof_reference import multiprecision
from logitproof_reference.arithmetic import MUST, SHOULD
from logitproof_reference.bounds import bound
from logitproof_reference.enclosure import Enclosure
from logitproof_reference.exact_rows import ExactRows
from logitproof_reference.formats import FORMATS
from logitproof_reference.judge import Comparison, compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cells import Cell
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
    inputs = arrange(cell, batch.rows)
    before = {name: array.tobytes() for name, array in inputs.arrays().items()}
    try:
        answer = np.asarray(adapter.evaluate(cell, inputs))
    except Exception as error:  # noqa: BLE001  whatever a framework raises is a result of the test
        return Answer(None, failure=_last_words(error))
    modified = tuple(name for name, array in inputs.arrays().items() if array.tobytes() != before[name])
    try:
        observed = restore(cell, answer, batch)
    except ValueError as error:
        return Answer(None, str(answer.dtype), misshapen=str(error), modified=modified)
    return Answer(observed, str(answer.dtype), modified=modified)


def _last_words(error: Exception) -> str:
    first_line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first_line[:300]}"


def digest(observed: NDArray[Any]) -> str:
    """Hash the bits of an answer, 16 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(observed).tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Truth:
    """The exact answers of a cell for one batch, with what may be asked of a correct implementation.

    Attributes
    ----------
    exact : Enclosure
        Shaped like the answer, class axis last.
    must, should : float64 arrays
        Bounds in absolute terms with the default and the stricter arithmetic.
    """

    exact: Enclosure
    must: F64
    should: F64


def truth_of(cell: Cell, batch: Batch) -> Truth:
    """Return the exact answers and bounds; shared by all adapters, modes and layouts."""
    return _truth(cell.op, cell.labels, cell.quantity, _Shared(batch))


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
def _truth(op: str, labels: str, quantity: str, shared: _Shared) -> Truth:
    rows = shared.batch.rows
    arguments = arguments_of(op, labels, quantity, rows)
    format_ = shared.batch.format
    exact = _exact_rows(shared).evaluate(op, quantity, **arguments)
    must, should = (
        bound(op, quantity, logits=rows.logits, format=format_, arithmetic=arithmetic, **arguments)
        for arithmetic in (MUST, SHOULD)
    )
    return Truth(exact, must, should)


def arguments_of(op: str, labels: str, quantity: str, rows: Rows) -> dict[str, NDArray[Any] | None]:
    """Return labels and cotangent of a question, as the oracle, the bounds and the accuracy classes take them."""
    upstream = rows.class_cotangents if op in {"softmax", "log_softmax"} else rows.row_cotangents
    return {
        "labels": {"none": None, "indices": rows.indices, "distributions": rows.distributions}[labels],
        "cotangent": None if quantity == "value" else upstream,
    }


def compare_rows(cell: Cell, batch: Batch, observed: NDArray[Any], allowed: F64) -> Comparison:
    """Compare a batch's answer with the exact one; rows whose radius does not decide go to multiple precision."""
    truth = truth_of(cell, batch)
    format_ = FORMATS[cell.format]
    comparison = compare(observed, truth.exact, allowed, format_)
    if not comparison.undecided.any():
        return comparison
    undecided = comparison.undecided.reshape(len(observed), -1).any(axis=1)
    return compare(observed, _refined(cell, batch, truth.exact, np.flatnonzero(undecided)), allowed, format_)


def _refined(cell: Cell, batch: Batch, exact: Enclosure, rows: NDArray[np.intp]) -> Enclosure:
    """Return `exact` with these rows done again in multiple precision."""
    arguments = arguments_of(cell.op, cell.labels, cell.quantity, batch.rows)
    chosen = {name: None if array is None else array[rows] for name, array in arguments.items()}
    sharper = multiprecision.evaluate(cell.op, cell.quantity, batch.rows.logits[rows], **chosen)
    parts = [part.copy() for part in (exact.value, exact.tail, exact.radius)]
    for part, sharp in zip(parts, (sharper.value, sharper.tail, sharper.radius), strict=True):
        part[rows] = sharp
    return Enclosure(*parts)
