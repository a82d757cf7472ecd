"""Calls a framework: one call for each batch of a cell, with everything observed about the call."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract.calls import CallFailed, answer_of
from logitproof_adapters.evaluator.values import is_numeric
from logitproof_adapters.targets.link import TargetDied
from logitproof_conformance.plan.layout import arrange, restore
from logitproof_conformance.programs.repro import program_of_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Restored = Callable[[Cell, NDArray[Any], Batch], NDArray[Any]]


@dataclass(frozen=True)
class Answer:
    """The result of one call.

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
    program : callable
        Returns the program of the call, where it failed.
    """

    observed: NDArray[Any] | None
    dtype: str = ""
    failure: str = ""
    misshapen: str = ""
    modified: tuple[str, ...] = ()
    program: Callable[[], str] = field(default=str, compare=False)

    @property
    def array(self) -> NDArray[Any]:
        """The answer; asking for one that did not come is a fault of the caller (LookupError)."""
        if self.observed is None:
            raise LookupError(self.failure or self.misshapen)
        return self.observed


def ask(adapter: Adapter, cell: Cell, batch: Batch) -> Answer:
    """Evaluate `batch` in one call of the framework; an exception becomes a failure, never an abort."""
    return ask_with(adapter, cell, arrange(cell, batch.rows), batch)


def ask_with(adapter: Adapter, cell: Cell, inputs: Inputs, batch: Batch, restored: Restored = restore) -> Answer:
    """Evaluate `inputs`, laid out for `cell` and shaped as `batch` would be, as `ask` does.

    Where they are laid out otherwise, `restored` brings the answer back.

    Raises
    ------
    TargetDied
        The process that evaluates ended.
    """
    given = {name: array.copy() for name, array in inputs.arrays().items()}
    program = partial(program_of_inputs, adapter, cell, inputs)
    try:
        is_here = not hasattr(adapter, "target")  # of a process of its own
        answer = answer_of(lambda: adapter.evaluate(cell, inputs), passed=(TargetDied,), is_here=is_here)
    except CallFailed as error:
        return Answer(None, failure=str(error), program=program)
    finally:
        modified = _put_back(inputs, given)

    def misshapen(reason: str) -> Answer:
        return Answer(None, str(answer.dtype), misshapen=reason, modified=modified, program=program)

    if not is_numeric(answer.dtype):
        return misshapen(f"the result holds {answer.dtype}, no number format")
    try:
        observed = restored(cell, answer, batch)
    except ValueError as error:
        return misshapen(str(error))
    return Answer(observed, str(answer.dtype), modified=modified)


def _put_back(inputs: Inputs, given: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    """Undo what the call did to its inputs, for they are judged by; return the names of those it changed."""
    arrays = inputs.arrays()
    changed = tuple(name for name, array in arrays.items() if array.tobytes() != given[name].tobytes())
    for name in changed:
        arrays[name][...] = given[name]
    return changed


def digest(observed: NDArray[Any]) -> str:
    """Hash the bits of an answer, 16 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(observed).tobytes()).hexdigest()[:16]


def same_bits(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where two answers of one format have the same bits; NaN equals NaN, whatever its payload."""
    both_nan = np.isnan(before.astype(np.float64)) & np.isnan(after.astype(np.float64))
    same: NDArray[np.bool_] = (_bits(before) == _bits(after)) | both_nan
    return same


def _bits(array: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    contiguous = np.ascontiguousarray(array)
    return contiguous.view(np.dtype(f"u{contiguous.dtype.itemsize}"))
