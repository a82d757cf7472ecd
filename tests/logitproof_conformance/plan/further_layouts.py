"""Layouts for some rows besides that of a cell: more axes, axes of length one, other strides (IO-5)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from logitproof_adapters.contract import label_columns, most_axes, negative_strides, one_dimension
from logitproof_conformance.plan.layout import class_weights, given_arrays
from logitproof_reference.cases.memory_layouts import backwards, columns, one_row
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.cells import Cell


@dataclass(frozen=True)
class FurtherLayout:
    """Where rows and classes lie.

    Attributes
    ----------
    says : str
        What a finding says of it: "with the classes first of three axes".
    ahead, behind : tuple of int
        Lengths of the axes of rows in front of the class axis and behind it, which say how many rows it holds; both
        empty if it is (rows, classes), of any number of rows.
    like : str
        The class axis, of `cells.AXES`, that a framework must take for this layout to be asked.
    spread : callable
        Lays an array out in memory; its numbers stay what they are.
    repeats : bool
        Whether all rows are the first one.
    is_column : bool
        Whether the labels keep the class axis, of length one.
    """

    says: str
    ahead: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()
    like: Literal["last", "first", "middle"] = "last"
    spread: Callable[[NDArray[Any]], NDArray[Any]] = np.ascontiguousarray
    repeats: bool = False
    is_column: bool = False

    @property
    def has_more_axes(self) -> bool:
        """Whether the classes lie among axes of rows, whose lengths are given."""
        return bool(self.behind)

    def chosen(self, count: int) -> NDArray[np.intp]:
        """Return which of `count` rows are asked, in order: as many as it holds, from all parts of a batch."""
        held = prod(self.ahead + self.behind) if self.has_more_axes else count
        return np.linspace(0, 0 if self.repeats else count - 1, held).astype(np.intp)

    def arrange(self, cell: Cell, rows: Rows) -> Inputs:
        """Lay out rows; where they are fewer than it holds, they come round again."""
        held = len(self.chosen(len(rows)))
        given = given_arrays(cell, rows[np.resize(np.arange(len(rows)), held)])
        placed = {name: self.spread(self._placed(array)) for name, array in given.items() if array.ndim}
        whole = {name: array for name, array in given.items() if not array.ndim}
        if self.is_column:
            placed["labels"] = placed["labels"][:, None]
        axis = len(self.ahead) if self.has_more_axes else 1
        return Inputs(axis=axis, **placed, **whole, **class_weights(cell, rows.logits))

    def _placed(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn (rows, classes) or (rows,) into the axes of this layout."""
        if not self.has_more_axes:
            return array
        by_place = array.reshape(*self.ahead, *self.behind, *array.shape[1:])
        return np.moveaxis(by_place, -1, len(self.ahead)) if array.ndim > 1 else by_place

    def restore(self, cell: Cell, answer: NDArray[Any], rows: int, classes: int) -> NDArray[Any]:
        """Bring an answer back to (rows, classes), or (rows,) where it has no class axis.

        Raises
        ------
        ValueError
            Its shape is not the one that was due.
        """
        per_class = (classes,) if cell.has_class_axis else ()
        due = (*self.ahead, *per_class, *self.behind) if self.has_more_axes else (rows, *per_class)
        # A loss may keep the axis that its labels keep.
        if answer.shape not in ((due, (*due, 1)) if self.is_column else (due,)):
            raise ValueError(f"the result has shape {answer.shape}, expected {due}")
        if self.has_more_axes and per_class:
            answer = np.moveaxis(answer, len(self.ahead), -1)
        return answer.reshape(rows, *per_class)


FURTHER_LAYOUTS = {
    "first_of_three_axes": FurtherLayout("with the classes first of three axes", (), (3, 5), "first"),
    "first_before_ones": FurtherLayout("with the classes first, before two axes of length one", (), (1, 1), "first"),
    "between_ones": FurtherLayout("with the classes between axes of length one", (6, 1), (1,), "middle"),
    "second_of_four_axes": FurtherLayout("with the classes second of four axes", (2,), (3, 4), "middle"),
    "second_of_five_axes": FurtherLayout("with the classes second of five axes", (2,), (2, 3, 4), "middle"),
    "before_33": FurtherLayout("with 33 rows behind the classes", (2,), (33,), "middle"),
    "before_130": FurtherLayout("with 130 rows behind the classes", (1,), (10, 13), "middle"),
    "column_order": FurtherLayout("with the rows side by side in memory", spread=columns),
    "negative_strides": FurtherLayout("with negative strides", spread=backwards),
    "stride_0": FurtherLayout("with one row in memory for all", spread=one_row, repeats=True),
    "label_column": FurtherLayout("with labels of shape (rows, 1)", is_column=True),
}
"""The classes may have any number of axes on either side: vector code runs along those behind, in whole vectors and a
remainder (33, 130), and axes of length one let a compiler take another one for the last (jax-ml/jax#20856)."""


ONE_DIMENSION = "one_dimension"
"""Rows one by one, each without a batch: logits of one axis, the classes, and a label of none."""

ROWS_OF_ONE_DIMENSION = ("typical", "saturated", "masked_one", "all_masked")
"""Regimes of which the first row is asked so; a frameworks' own default axis or reduction may be another there."""


def is_offered(adapter: Adapter, name: str, cell: Cell) -> bool:
    """Return whether a framework takes a layout: class axis, number of axes, negative strides, labels with an axis."""
    if name == ONE_DIMENSION:
        return cell.op in one_dimension(adapter)
    layout = FURTHER_LAYOUTS[name]
    if len(layout.ahead) + 1 + len(layout.behind) > most_axes(adapter).get(cell.op, sys.maxsize):
        return False
    if layout.like != "last":
        return adapter.unsupported(replace(cell, axis=layout.like)) is None
    if layout.is_column:
        return label_columns(adapter)
    return name != "negative_strides" or negative_strides(adapter)


def takes_layout(name: str, cell: Cell) -> bool:
    """Return whether a layout says something of a cell: of an elementwise op, its strides; of indices, their column."""
    layout = FURTHER_LAYOUTS[name]
    if layout.is_column:
        return (cell.labels, cell.quantity) == ("indices", "value")
    return not (layout.has_more_axes and OPS[cell.op].elementwise)
