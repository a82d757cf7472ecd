"""Ways of calling a kernel that must not change its answer: after other calls, repeatedly, or concurrently.

Each takes a call, what reads a framework's answer, and arrays. It returns the answer to these arrays, which is judged
as any other.
"""

from __future__ import annotations

import mmap
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing import Callable, List

    from numpy.typing import NDArray

    Arrays = List[NDArray[Any]]
    Call = Callable[[Arrays], Any]
    Read = Callable[[Any], NDArray[Any]]

CALLS = 50
LATER_CALLS = 20
"""Number of other calls before a kept answer is read: buffers may be used in turn."""

FURTHER = 3
"""Rows or classes more: few enough to lie in the same block."""

THREADED_CALLS = 12
SWITCH_SECONDS = 1e-5
FAR = 1 << 31
"""Bytes between two rows; of the third the offset in bytes no longer fits in 32 bits, nor in half precision that in
elements in 31."""


def rolled(arrays: Arrays) -> Arrays:
    """Return other contents of the same shapes and formats: the rows in another order, the classes too."""
    return [_other(array) for array in arrays]


def _other(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "i" or array.ndim < 2:
        return np.ascontiguousarray(np.roll(array, 1, axis=0)) if array.ndim else array.copy()
    return np.ascontiguousarray(array[::-1, ::-1])


def once(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it."""
    return read(call(arrays))


def kept(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Keep the answer while others of the same shape are computed: a buffer of its own is written over."""
    answer, others = call(arrays), rolled(arrays)
    for _ in range(LATER_CALLS):
        call(others)
    return read(answer)


def same_memory(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it with other contents, put the contents that count into the same memory, and call it again."""
    held = rolled(arrays)
    call(held)
    for place, array in zip(held, arrays):
        place[...] = array
    return read(call(held))


def same_corners(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it with logits that have the same corners and the same sum, then with those that count."""
    first = arrays[0].copy()
    first[1:-1, 1:-1] = first[1:-1, 1:-1][::-1, ::-1]
    call([first, *arrays[1:]])
    return read(call(arrays))


def same_logits(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it with the same logits and other labels, then with another upstream gradient, then with all that counts."""
    others = rolled(arrays)
    for place in range(1, len(arrays)):
        call([*arrays[:place], others[place], *arrays[place + 1 :]])
    return read(call(arrays))


def fifty_times(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Return the last of fifty answers to the same arrays."""
    for _ in range(CALLS - 1):
        call(arrays)
    return read(call(arrays))


def after_fewer_rows(call: Call, read: Read, arrays: Arrays, axis: int = 1) -> NDArray[Any]:
    """Call it with the first row alone before; `axis` is that of the classes."""
    logits = arrays[0]
    call([_of_one_row(array, logits, axis) for array in arrays])
    return read(call(arrays))


def _of_one_row(array: NDArray[Any], logits: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return what goes with the first row; weights of classes stay."""
    across = 1 if axis == 0 else 0
    if array.shape == logits.shape:
        return np.ascontiguousarray(np.take(array, [0], axis=across))
    return array[:1].copy() if array.ndim and len(array) == logits.shape[across] else array.copy()


def after_fewer_classes(call: Call, read: Read, arrays: Arrays, axis: int = 1) -> NDArray[Any]:
    """Call it with the first half of the classes before."""
    logits = arrays[0]
    half = max(logits.shape[axis] // 2, 1)
    call([_of_classes(array, half, logits, axis) for array in arrays])
    return read(call(arrays))


def _of_classes(array: NDArray[Any], half: int, logits: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return what goes with the first classes: of logits and their like, labels among them, weights of them."""
    if array.dtype.kind == "i":
        return np.where(array < 0, array, array % half)
    if array.shape == logits.shape:
        return np.ascontiguousarray(np.take(array, range(half), axis=axis))
    return array[:half].copy() if _has_classes(array, logits, axis) else array.copy()


def after_more_rows(call: Call, read: Read, arrays: Arrays, axis: int = 1) -> NDArray[Any]:
    """Call it with a few rows more before: nothing of them may be read afterwards."""
    logits, across = arrays[0], 1 if axis == 0 else 0
    call([_longer(array, across) if _has_rows(array, logits, across) else array for array in arrays])
    return read(call(arrays))


def after_more_classes(call: Call, read: Read, arrays: Arrays, axis: int = 1) -> NDArray[Any]:
    """Call it with a few classes more before, as many as fit into the same block."""
    logits = arrays[0]
    call([_longer(array, axis) if _has_classes(array, logits, axis) else array for array in arrays])
    return read(call(arrays))


def _longer(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return an array with its first places once more behind the last of an axis, or of the only one that it has."""
    axis = min(axis, array.ndim - 1)
    length = array.shape[axis]
    return np.ascontiguousarray(np.take(array, np.arange(length + FURTHER) % length, axis=axis))


def _has_rows(array: NDArray[Any], logits: NDArray[Any], across: int) -> bool:
    """Whether an array holds something of every row."""
    return array.ndim > 0 and array.shape[min(across, array.ndim - 1)] == logits.shape[across]


def _has_classes(array: NDArray[Any], logits: NDArray[Any], axis: int) -> bool:
    """Whether an array holds something of every class: logits and their like, and weights, but no class indices."""
    is_of_classes = array.ndim == 1 and len(array) == logits.shape[axis]
    return array.dtype.kind != "i" and (array.shape == logits.shape or is_of_classes)


def in_threads(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it in two threads, one with other arrays; return an answer that differs from the one without threads."""
    alone = np.array(read(call(arrays)))
    answers: list[NDArray[Any]] = []
    errors: list[BaseException] = []

    def work(given: Arrays, found: list[NDArray[Any]]) -> None:
        try:
            with np.errstate(all="ignore"):  # each thread has a state of its own
                found.extend(np.array(read(call(given))) for _ in range(THREADED_CALLS))
        except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
            errors.append(error)

    asked: list[tuple[Arrays, list[NDArray[Any]]]] = [(rolled(arrays), []), (arrays, answers)]
    threads = [threading.Thread(target=work, args=both) for both in asked]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]
    return next((one for one in answers if one.tobytes() != alone.tobytes()), alone)


def twice(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Return the second answer to the very same arrays."""
    call(arrays)
    return read(call(arrays))


def far(call: Call, read: Read, arrays: Arrays) -> NDArray[Any]:
    """Call it with rows that lie more than 2 GiB apart, so that an offset of 32 bits leads elsewhere.

    Only the pages of the rows take memory.
    """
    return read(call([_apart(array) if array.ndim > 1 else array for array in arrays]))


def _apart(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array with its first axis strided by 2 GiB and a little."""
    step = FAR + array[0].nbytes
    step -= step % array.itemsize
    # Mapped for sharing, so that a limit of data does not count what is never written to.
    memory = mmap.mmap(-1, (len(array) - 1) * step + array[0].nbytes)
    held = np.ndarray(array.shape, array.dtype, memory, strides=(step, *np.ascontiguousarray(array[0]).strides))
    held[...] = array
    return held


WAYS = {
    "": once,
    "kept": kept,
    "same_memory": same_memory,
    "same_corners": same_corners,
    "same_logits": same_logits,
    "twice": twice,
    "fifty_times": fifty_times,
    "after_fewer_rows": after_fewer_rows,
    "after_fewer_classes": after_fewer_classes,
    "after_more_rows": after_more_rows,
    "after_more_classes": after_more_classes,
    "in_threads": in_threads,
    "far": far,
}
"""Ways of calling, by the entry of a cell."""

SHAPED = {
    "after_fewer_rows": after_fewer_rows,
    "after_fewer_classes": after_fewer_classes,
    "after_more_rows": after_more_rows,
    "after_more_classes": after_more_classes,
}
"""The ways that depend on the class axis."""

AFTER_VALUE = "after_another_value"
"""A way of asking for a gradient: the value of other arrays is computed in between."""

AS_IS = "as_is"
"""Called once, and not compiled where it is so by default; see `adapter.LaterCompiled`."""
