"""How a batch of rows is laid out for a cell, and how the answer is restored to (rows, classes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.cases.memory_layouts import every_second_class
from logitproof_reference.vocabulary.cells import Cell, Inputs
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT, TAKES_TANGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof_reference.cases.catalogue import Batch, Rows

SHAPES = (("last", "contiguous"), ("first", "contiguous"), ("middle", "contiguous"), ("last", "strided"))
"""Axis and layout; the first is where every regime is judged, the others are asked with the common class count."""

MIDDLE_WIDTH = 4
"""Length of the axis behind the class axis when the class axis is the middle one."""


WEIGHTLESS = 5
"""The first class whose weight is 0."""


def arrange(cell: Cell, rows: Rows) -> Inputs:
    """Lay out rows as the cell wants them: class axis moved, or every second element of a wider array."""
    place, spread = PLACES[cell.axis], LAYOUTS[cell.layout]
    given = given_arrays(cell, rows)
    placed = {name: spread(place(array)) for name, array in given.items() if array.ndim}
    whole = {name: array for name, array in given.items() if not array.ndim}
    axis = {"last": 1, "first": 0, "middle": 1}[cell.axis]
    return Inputs(axis=axis, **placed, **whole, **class_weights(cell, rows.logits))


def given_arrays(cell: Cell, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return logits, and labels, cotangent and tangent where the cell takes them, class axis last.

    The cotangent of a reduced loss is one number.
    """
    given = {"logits": rows.logits}
    if cell.labels != "none":
        given["labels"] = {"indices": rows.indices, "distributions": rows.distributions}[cell.labels]
    if cell.quantity in TAKES_COTANGENT:
        cotangents = rows.class_cotangents if OPS[cell.op].keeps_classes else rows.row_cotangents
        given["cotangent"] = cotangents if cell.options.reduction == "none" else np.asarray(rows.row_cotangents[0])
    if cell.quantity in TAKES_TANGENT:
        given["tangent"] = np.ascontiguousarray(rows.class_cotangents[:, ::-1])
    return given


def class_weights(cell: Cell, logits: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the weights that the cell's options ask for: small exact numbers, some 0, uneven over classes."""
    asked = [name for name in WEIGHTS if getattr(cell.options, name)]
    return {name: WEIGHTS[name](np.arange(logits.shape[1])).astype(logits.dtype) for name in asked}


def restore(cell: Cell, answer: NDArray[Any], batch: Batch) -> NDArray[Any]:
    """Bring an answer back to (rows, classes), (rows,) where it has no class axis, (1,) where it is one number.

    Raises
    ------
    ValueError
        Its shape is not the one that was due.
    """
    due = due_shape(cell, len(batch.rows.logits), batch.classes)
    if np.shape(answer) != due:
        raise ValueError(f"the result has shape {np.shape(answer)}, expected {due}")
    if cell.is_scalar:
        return answer.reshape(1)
    if cell.axis == "middle":
        moved = np.moveaxis(answer, 1, -1) if cell.has_class_axis else answer
        return moved.reshape(-1, *moved.shape[2:])[: len(batch.rows.logits)]
    return answer.T if cell.axis == "first" and cell.has_class_axis else answer


def due_shape(cell: Cell, rows: int, classes: int) -> tuple[int, ...]:
    """Return the shape the answer to a cell must have."""
    if cell.is_scalar:
        return ()
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
    return array.T.copy(order="C")


def _middle(array: NDArray[Any]) -> NDArray[Any]:
    """Turn (rows, ...) into (groups, ..., MIDDLE_WIDTH); the last row fills up the last group."""
    short = -len(array) % MIDDLE_WIDTH
    filled = np.concatenate([array, np.repeat(array[-1:], short, axis=0)])
    grouped = filled.reshape(-1, MIDDLE_WIDTH, *array.shape[1:])
    return np.ascontiguousarray(np.moveaxis(grouped, 1, -1))


PLACES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {"last": _last, "first": _first, "middle": _middle}
WEIGHTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "weight": lambda classes: (1 + classes) % 6 / 2,
    "pos_weight": lambda classes: 1.0 + classes % 3,
}
"""From the numbers of the classes to the weights of an option."""

LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {"contiguous": np.asarray, "strided": every_second_class}
