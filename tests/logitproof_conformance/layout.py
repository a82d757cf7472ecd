"""How a batch of rows is laid out for a cell, and how the answer is brought back to (rows, classes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cells import Cell, Inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.regimes import Batch, Rows

MIDDLE_WIDTH = 4
"""Length of the axis behind the class axis when the class axis is the middle one."""


def arrange(cell: Cell, rows: Rows) -> Inputs:
    """Lay out rows as the cell wants them: class axis moved, or every second element of a wider array."""
    labels = {"none": None, "indices": rows.indices, "distributions": rows.distributions}[cell.labels]
    asks_gradient = cell.quantity in {"grad_logits", "grad_labels"}
    per_class = cell.op in {"softmax", "log_softmax"}
    cotangent = (rows.class_cotangents if per_class else rows.row_cotangents) if asks_gradient else None
    place = PLACES[cell.axis]
    spread = LAYOUTS[cell.layout]

    def laid_out(array: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if array is None else spread(place(array))

    axis = {"last": 1, "first": 0, "middle": 1}[cell.axis]
    return Inputs(spread(place(rows.logits)), axis, laid_out(labels), laid_out(cotangent))


def restore(cell: Cell, answer: NDArray[Any], batch: Batch) -> NDArray[Any]:
    """Bring an answer back to (rows, classes), or (rows,) where it has no class axis.

    Raises
    ------
    ValueError
        Its shape is not the one that was due.
    """
    due = due_shape(cell, len(batch.rows.logits), batch.classes)
    if np.shape(answer) != due:
        raise ValueError(f"the answer has shape {np.shape(answer)}, expected {due}")
    if cell.axis == "middle":
        moved = np.moveaxis(answer, 1, -1) if cell.has_class_axis else answer
        return moved.reshape(-1, *moved.shape[2:])[: len(batch.rows.logits)]
    return answer.T if cell.axis == "first" and cell.has_class_axis else answer


def due_shape(cell: Cell, rows: int, classes: int) -> tuple[int, ...]:
    """Return the shape the answer to a cell must have."""
    per_class = (classes,) if cell.has_class_axis else ()
    groups = -(-rows // MIDDLE_WIDTH)
    return {
        "last": (rows, *per_class),
        "first": (*per_class, rows),
        "middle": (groups, *per_class, MIDDLE_WIDTH),
    }[cell.axis]


def _last(array: NDArray[Any]) -> NDArray[Any]:
    return array.copy()


def _first(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array.T)


def _middle(array: NDArray[Any]) -> NDArray[Any]:
    """Turn (rows, ...) into (groups, ..., MIDDLE_WIDTH); the last row fills up the last group."""
    short = -len(array) % MIDDLE_WIDTH
    filled = np.concatenate([array, np.repeat(array[-1:], short, axis=0)])
    grouped = filled.reshape(-1, MIDDLE_WIDTH, *array.shape[1:])
    return np.ascontiguousarray(np.moveaxis(grouped, 1, -1))


def _strided(array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` as every second element of a wider one whose other elements would spoil any answer."""
    spoiler = np.iinfo(array.dtype).max if array.dtype.kind == "i" else np.nan
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), spoiler, dtype=array.dtype)
    view = wide[..., ::2]
    view[...] = array
    return view


PLACES = {"last": _last, "first": _first, "middle": _middle}
LAYOUTS = {"contiguous": np.asarray, "strided": _strided}
