"""Every row of two logits of a format, by its number, generated in the target so that only answers are transferred.

A number is read as bits. Of float32 they are those of d, and the row is (d, 0): the exact answer to two classes depends
on the difference of their logits alone. Of a half format the upper 16 are those of the first logit, the lower 16 of the
second: every pair. An op without a class axis takes each logit by itself: (d, d), with labels 1 and 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_COTANGENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell

ONE = {"float16": 0x3C00, "bfloat16": 0x3F80, "float32": 0x3F800000}
"""The bits of 1.0, by format: the formats that can be swept."""


def size_of(op: str, format_: str) -> int:
    """Return how many rows there are."""
    return 1 << (16 if OPS[op].elementwise and format_ != "float32" else 32)


def logits_of(op: str, format_: str, start: int, count: int) -> NDArray[Any]:
    """Return rows of logits from a number on, shape (count, 2)."""
    return _of_numbers(op, format_, np.arange(start, start + count, dtype=np.uint32))


def logits_of_rows(op: str, format_: str, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return rows of logits by their numbers, shape (rows, 2)."""
    return _of_numbers(op, format_, rows.astype(np.uint32))


def _of_numbers(op: str, format_: str, numbers: NDArray[np.uint32]) -> NDArray[Any]:
    if format_ == "float32" and not OPS[op].elementwise:  # one pass: a row (d, 0) is the bits of d, as a longer number
        return numbers.astype("<u8").view("<u4").reshape(-1, 2).view(FORMATS[format_].dtype)
    bits = np.empty((len(numbers), 2), np.uint32 if format_ == "float32" else np.uint16)
    if OPS[op].elementwise:
        bits[:] = numbers[:, None]
    else:
        bits[:, 0], bits[:, 1] = numbers >> 16, numbers & 0xFFFF
    return bits.view(FORMATS[format_].dtype)


def inputs_of(cell: Cell, start: int, count: int) -> Inputs:
    """Return what an adapter is handed for rows from a number on.

    Class indices are 0, distributions (1, 0). The upstream gradient is 1 for one number per row; for one per class, it
    is (1, 0), and (1, 1) where classes are independent.
    """
    op = OPS[cell.op]
    labels = cotangent = None
    if cell.labels != "none":
        is_index = cell.labels == "indices"
        labels = np.zeros(count, np.int64) if is_index else _constant(cell.format, (1, 0), count)
    if cell.quantity in TAKES_COTANGENT:
        cotangent = _constant(cell.format, (1, 1 if op.elementwise or not op.keeps_classes else 0), count)
        cotangent = cotangent if op.keeps_classes else np.ascontiguousarray(cotangent[:, 0])
    return Inputs(logits_of(cell.op, cell.format, start, count), 1, labels, cotangent)


def _constant(format_: str, row: tuple[int, int], count: int) -> NDArray[Any]:
    """Return a row of zeros and ones, this many times."""
    bits = np.empty((count, 2), np.uint32 if format_ == "float32" else np.uint16)
    bits[:] = [number * ONE[format_] for number in row]
    return bits.view(FORMATS[format_].dtype)
