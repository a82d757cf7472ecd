"""Alternative calls of an op that a framework offers, each of which must answer as the usual call does (IO-5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.contract import spellings
from logitproof_conformance.plan.layout import given_arrays
from logitproof_reference.vocabulary.cells import Inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell


@dataclass(frozen=True)
class Spelling:
    """A way to call an op, by the word that stands for it in `Cell.entry`.

    Attributes
    ----------
    says : str
        What a finding says of it: "with the class axis kept".
    parts : tuple of int
        The axes of (rows, 2, classes / 2), in the order in which they are handed in, where classes lie along two axes.
    keeps_axis : bool
        Whether the answer keeps the class axis, of length one.
    quantity : str
        What is asked of it.
    """

    says: str
    parts: tuple[int, ...] = ()
    keeps_axis: bool = False
    quantity: str = "value"

    def arrange(self, cell: Cell, rows: Rows) -> Inputs:
        """Lay out rows, which have an even number of classes where these are parted."""
        given = given_arrays(cell, rows)
        placed = {name: self._parted(array) if array.ndim > 1 else array.copy() for name, array in given.items()}
        return Inputs(axis=self.parts.index(1) if self.parts else 1, **placed)

    def _parted(self, array: NDArray[Any]) -> NDArray[Any]:
        if not self.parts:
            return array.copy()
        return np.ascontiguousarray(array.reshape(len(array), 2, -1).transpose(self.parts))

    def restore(self, cell: Cell, answer: NDArray[Any], rows: int, classes: int) -> NDArray[Any]:
        """Bring an answer back to (rows, classes), or (rows,) where it has no class axis.

        Raises
        ------
        ValueError
            Its shape is not the one that was due.
        """
        due: tuple[int, ...] = (rows, 1) if self.keeps_axis else (rows,)
        if cell.has_class_axis:
            whole = (rows, 2, classes // 2)
            due = tuple(whole[part] for part in self.parts) if self.parts else (rows, classes)
        if answer.shape != due:
            raise ValueError(f"the result has shape {answer.shape}, expected {due}")
        if cell.has_class_axis and self.parts:
            answer = answer.transpose(np.argsort(self.parts))
        return answer.reshape(rows, classes) if cell.has_class_axis else answer.reshape(rows)


SPELLINGS = {
    "two_class_axes": Spelling("with the classes along two axes and the rows between them", parts=(1, 0, 2)),
    "flattened_axes": Spelling("with the classes along the last two axes, as one", parts=(0, 1, 2)),
    "kept_axis": Spelling("with the class axis kept", keeps_axis=True),
    "given_array": Spelling("written into a given array whose columns lie apart in memory"),
    "strided_output": Spelling("from a saved result whose columns lie apart in memory", quantity="grad_logits"),
}
"""Each by its word. The classes of two axes are those of one, in the order of memory."""

EVERY_AXIS = "every_axis"
"""The word for a call without an axis: of logits of one axis it is that of their classes."""


def is_spelled(adapter: Adapter, word: str, cell: Cell) -> bool:
    """Return whether a framework offers a spelling of a cell's op."""
    return word in spellings(adapter).get(cell.op, ())


def takes_spelling(word: str, cell: Cell) -> bool:
    """Return whether a spelling is asked of cells of this quantity."""
    return cell.quantity == (SPELLINGS[word].quantity if word in SPELLINGS else "value")
