"""Arrays and errors as JSON and raw bytes, and back.

An array keeps its memory layout: what is sent is the stretch of memory that it spans, so that a strided view is one on
the other side too, and one that begins a little behind the start of its memory begins as far behind it there. bfloat16
travels as its bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import bfloat16, is_bfloat16, name_of_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Packed = tuple[dict[str, Any], bytes | memoryview]

NUMBERS = "biufc"
"""Kinds of dtype whose arrays travel, besides bfloat16 and its kin; of others only the shape does."""


MOST_BEHIND = 64
"""Bytes behind the start of memory that are kept: those to which vectors are aligned."""

NO_NUMBER = 0xFF
"""Bytes of a NaN of every format."""

MOST_BYTES = 1 << 30
"""Largest answer that is transferred; the largest of any cell has some ten million bytes."""


def packed(array: NDArray[Any]) -> Packed:
    """Return an array's description and the memory that it spans."""
    steps = [(length - 1) * stride for length, stride in zip(array.shape, array.strides)]
    below = -sum(step for step in steps if step < 0) if array.size else 0
    span = below + sum(step for step in steps if step > 0) + array.itemsize if array.size else 0
    described = {
        "dtype": name_of_dtype(array.dtype),
        "shape": list(array.shape),
        "strides": list(array.strides),
        "offset": below,
        "behind": _behind(array),
        "size": span,
        "writeable": array.flags.writeable,
    }
    return described, _memory(array, span)


def _behind(array: NDArray[Any]) -> int:
    """Return how many bytes behind the start of its memory a contiguous array begins, if it is a few whole elements."""
    if not isinstance(array.base, np.ndarray) or not array.size or not array.flags.c_contiguous:
        return 0
    behind = int(array.ctypes.data - array.base.ctypes.data)
    return behind if 0 < behind <= MOST_BEHIND and behind % array.itemsize == 0 else 0


def _memory(array: NDArray[Any], span: int) -> bytes:
    if array.flags.c_contiguous or not array.size:
        return array.tobytes()
    lowest = array[tuple(slice(-1, None) if stride < 0 else slice(0, 1) for stride in array.strides)]
    return np.lib.stride_tricks.as_strided(lowest.view(np.uint8), (span,), (1,)).tobytes()


def unpacked(described: Mapping[str, Any], memory: memoryview) -> NDArray[Any]:
    """Return the array, laid out as it was, in memory of its own; what lies before it is no number."""
    dtype, size, behind = dtype_named(described["dtype"]), described["size"], described["behind"]
    shape, strides = tuple(described["shape"]), tuple(described["strides"])
    if not size:
        return np.empty(shape, dtype)
    held = np.empty(-(-(behind + size) // dtype.itemsize), dtype)
    held.view(np.uint8)[:behind] = NO_NUMBER
    held.view(np.uint8)[behind : behind + size] = np.frombuffer(memory, np.uint8, size)
    array: NDArray[Any] = np.ndarray(shape, dtype, held, behind + described["offset"], strides)
    array.flags.writeable = described["writeable"]
    return array


def dtype_named(name: str) -> np.dtype[Any]:
    """Return the dtype of a name, see `bfloat16`."""
    return bfloat16() if name == "bfloat16" else np.dtype(name)


def packed_all(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], list[bytes | memoryview]]:
    """Return descriptions by name, and the memory of all arrays in this order."""
    pairs = {name: packed(array) for name, array in arrays.items()}
    return {name: described for name, (described, _) in pairs.items()}, [memory for _, memory in pairs.values()]


def unpacked_all(described: Mapping[str, Any], memory: memoryview) -> dict[str, NDArray[Any]]:
    """Return the arrays by name."""
    arrays, start = {}, 0
    for name, one in described.items():
        arrays[name] = unpacked(one, memory[start : start + one["size"]])
        start += one["size"]
    return arrays


def packed_answer(answer: NDArray[Any]) -> Packed:
    """Return an answer's description and numbers, in C order; of no numbers, or far too many, the shape alone.

    The numbers are where the answer has them, if they lie as they travel: they are to be written before it changes.
    """
    name, shape = name_of_dtype(answer.dtype), list(answer.shape)
    if not is_numeric(answer.dtype) or answer.nbytes > MOST_BYTES:
        return {"dtype": str(answer.dtype), "shape": shape, "size": 0}, b""
    native = np.ascontiguousarray(answer, answer.dtype.newbyteorder("="))
    memory = native.reshape(-1).view(np.uint8).data
    return {"dtype": name, "shape": shape, "size": len(memory)}, memory


def unpacked_answer(described: Mapping[str, Any], memory: memoryview) -> NDArray[Any]:
    """Return an answer; one without numbers is an array of objects of its shape."""
    shape = tuple(described["shape"])
    count = math.prod(shape)
    try:
        dtype = dtype_named(described["dtype"])
    except TypeError:
        return _without_numbers(shape)
    if dtype.itemsize * count != described["size"]:
        return _without_numbers(shape)
    return np.frombuffer(memory, dtype, count).reshape(shape).copy()


def _without_numbers(shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of objects that takes no memory, whatever its shape."""
    return np.broadcast_to(np.empty((), dtype=object), shape)


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Return whether it holds numbers that every machine has, be it bfloat16, whose kind NumPy does not know."""
    if dtype.kind in NUMBERS:
        return dtype.itemsize <= (16 if dtype.kind == "c" else 8)  # longdouble is another format elsewhere
    return is_bfloat16(dtype) or (dtype.kind == "V" and "float" in dtype.name)
