"""Memory layouts of arrays: the same numbers with other strides. Gaps contain values that would spoil any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]


GAP = 3
"""Elements behind each row of a wider array."""


def _spoiler(array: Array) -> Any:
    return np.iinfo(array.dtype).max if array.dtype.kind == "i" else np.nan


def every_second_class(array: Array, gap: int = GAP) -> Array:
    """Return it as every second element along the last axis of rows that are wider by `gap`."""
    return _within_wider(array, 2 * array.shape[-1], gap, step=2)


def first_classes(array: Array, gap: int = GAP) -> Array:
    """Return it as the first elements along the last axis of rows that are wider by `gap`."""
    return _within_wider(array, array.shape[-1], gap, step=1)


def _within_wider(array: Array, width: int, gap: int, step: int) -> Array:
    held = np.full((*array.shape[:-1], width + gap), _spoiler(array), array.dtype)
    view: Array = held[..., :width:step]
    view[...] = array
    return view


def one_row(array: Array) -> Array:
    """Return the first row, once in memory, as often as there are rows; whoever writes to one writes to all."""
    return np.lib.stride_tricks.as_strided(array[:1].copy(), array.shape, (0, *array.strides[1:]))


def columns(array: Array) -> Array:
    """Return it in the order of columns."""
    return np.asfortranarray(array)


def strided(array: Array) -> Array:
    """Return it as every second row and class of a greater array, whose other numbers would spoil any answer."""
    step = (slice(None, None, 2),) * array.ndim
    held = np.full([2 * length for length in array.shape], _spoiler(array), array.dtype)
    held[step] = array
    view: Array = held[step]
    return view


def rows_apart(array: Array) -> Array:
    """Return it as the first places of a longer last axis, where it has two axes."""
    return array if array.ndim < 2 else first_classes(array)


def offset(array: Array) -> Array:
    """Return it one element behind the start of its memory."""
    held = np.full(array.size + 1, _spoiler(array), array.dtype)
    held[1:] = array.ravel()
    return held[1:].reshape(array.shape)


def backwards(array: Array) -> Array:
    """Return it with negative strides."""
    whole = (slice(None, None, -1),) * array.ndim
    view: Array = array[whole].copy()[whole]
    return view


def broadcast(array: Array) -> Array:
    """Return its rows as one in memory, where they are alike; they cannot be written to."""
    if array.ndim < 2 or not len(array) or (array.tobytes() != np.repeat(array[:1], len(array), axis=0).tobytes()):
        return array
    return np.broadcast_to(array[0], array.shape)


def expanded(array: Array) -> Array:
    """Return it with a stride of 0 along each axis whose places are alike, as the gradient of a sum is handed on."""
    one = array
    for axis in range(array.ndim):
        first = np.take(one, [0], axis=axis) if one.shape[axis] else one
        one = first if np.array_equal(np.broadcast_to(first, one.shape), one) else one
    return np.broadcast_to(one, array.shape)


PLACEMENTS: dict[str, Callable[[Array], Array]] = {
    "": np.ascontiguousarray,
    "columns": columns,
    "strided": strided,
    "rows_apart": rows_apart,
    "offset": offset,
    "backwards": backwards,
    "broadcast": broadcast,
    "broadcast_classes": expanded,
    "columns_of_logits": columns,
    "strided_cotangents": strided,
    "expanded_cotangents": expanded,
}

OPERANDS = {
    "broadcast_classes": ("logits",),
    "columns_of_logits": ("logits",),
    "strided_cotangents": ("cotangent",),
    "expanded_cotangents": ("cotangent",),
}
"""Placements of some operands alone, the others stay contiguous: strides of one must not be taken for another's."""

OF_GRADIENTS = frozenset({"strided_cotangents", "expanded_cotangents"})


def laid(placement: str, name: str, array: Array) -> Array:
    """Return an operand as a placement lays it out."""
    word = placement if name in OPERANDS.get(placement, (name,)) else ""
    return PLACEMENTS[word](array)
