"""The repro of a judgement: a program in the framework's own API, its arrays written out, packed or rebuilt.

An adapter spells every array in full. That is read well up to some width; the arrays of a wider row are packed into
text, and those of the widest, which do not pack, are built by the reference package.
"""

from __future__ import annotations

import ast
import base64
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.sources.literals import literal, words_for
from logitproof_conformance.plan.layout import arrange
from logitproof_reference.cases.catalogue import REGIMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_reference.cases.catalogue import Batch, Rows
    from logitproof_reference.vocabulary.cells import Cell, Inputs

WIDEST_SPELLED_ROW = 64
"""Widest rows whose arrays are written out in full."""

MOST_SPELLED = 1024
"""Largest batch that is written out in full, where an answer depends on all of its rows."""

MOST_CHARACTERS = 12_000
"""Longest program with packed arrays; in a longer one the arrays are rebuilt."""

ONE_CLASS_ROWS = 16
"""Rows of one class that a program asks together: their numbers lie side by side, and a kernel that computes as many as
fit into a register of 512 bits answers them otherwise than one by itself (TensorFlow's softmax: 0.99999994).
"""

PRODUCT = """\
import numpy as np
print("times the vector:", float(np.dot(np.ravel({numbers}), {vector})))"""
SUM = """\
import math
import numpy as np
print("sum:", math.fsum(np.ravel({numbers})))"""
"""Behind a program: what a law compares, where that is a product of the result with a vector, or the sum of a row."""

_PACKING = {"i": "<i8", "float16": "<f2", "bfloat16": "<f4", "float32": "<f4", "float64": "<f8"}
_PACKED_IMPORTS = "import base64, zlib\nimport numpy as np\n"


def program_of(adapter: Adapter, cell: Cell, batch: Batch, row: int) -> str:
    """Return the program that asks the framework one row of a batch, or all of it where the answer depends on it.

    Of rows of one class it asks those beside it too, see `ONE_CLASS_ROWS`. Empty where the program would be too long
    and its arrays cannot be built.
    """
    first = row - row % ONE_CLASS_ROWS if batch.classes == 1 else row
    return program_of_rows(
        adapter, cell, batch, slice(first, first + ONE_CLASS_ROWS if batch.classes == 1 else row + 1)
    )


def program_of_rows(adapter: Adapter, cell: Cell, batch: Batch, part: slice) -> str:
    """Return the program that asks some rows of a batch that lie together, as `program_of` does one."""
    rows = batch.rows[part] if cell.options.reduction == "none" else batch.rows
    inputs = arrange(cell, rows)
    if is_spelled(inputs.logits, batch):
        return adapter.repro(cell, inputs)
    program, arrays = _with_words(adapter, cell, inputs)
    short = _packed(program, arrays)
    return short if len(short) <= MOST_CHARACTERS else _built(program, arrays, batch, part)


def program_of_inputs(adapter: Adapter, cell: Cell, inputs: Inputs, most: int = MOST_CHARACTERS) -> str:
    """Return the program of a call, its wide arrays packed; empty if it would be too long."""
    width = inputs.logits.shape[inputs.axis] if inputs.logits.ndim else 1
    if inputs.logits.size <= MOST_SPELLED and width <= WIDEST_SPELLED_ROW:
        return adapter.repro(cell, inputs)
    short = _packed(*_with_words(adapter, cell, inputs))
    return short if len(short) <= most else ""


def _with_words(adapter: Adapter, cell: Cell, inputs: Inputs) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the program of a call, and its wide arrays by the texts that stand for them in it."""
    arrays = {f"<<{name}>>": array for name, array in inputs.arrays().items() if array.size > WIDEST_SPELLED_ROW}
    with words_for(arrays):
        program = adapter.repro(cell, inputs)
    # An adapter that spells arrays by itself knows no words.
    return program, {word if word in program else literal(array): array for word, array in arrays.items()}


def with_products(programs: Sequence[str], vectors: Sequence[NDArray[Any]]) -> str:
    """Return programs, each followed by the product of its result with a vector, which is printed."""
    return "\n\n".join(
        _with(program, PRODUCT, vector=literal(vector.ravel()))
        for program, vector in zip(programs, vectors, strict=True)
    )


def with_sum(program: str) -> str:
    """Return a program that also prints the sum of its result."""
    return _with(program, SUM)


def is_spelled(logits: NDArray[Any], batch: Batch) -> bool:
    """Return whether the rows that show a judgement are few and narrow enough to be spelled in full."""
    return batch.classes <= WIDEST_SPELLED_ROW and logits.size <= MOST_SPELLED


def rows_to_show(cell: Cell, batch: Batch, row: int) -> Rows:
    """Return this row by itself, or the whole batch where the answer depends on all of it."""
    return batch.rows[row : row + 1] if cell.options.reduction == "none" else batch.rows


def packed(array: NDArray[Any]) -> str:
    """Return an expression that gives an array as `literal` spells it, from its compressed bytes."""
    kind = _PACKING["i" if array.dtype.kind in "iu" else array.dtype.name]
    text = _text_of(array.astype(kind).tobytes())
    return f'np.frombuffer(zlib.decompress(base64.b85decode("{text}")), "{kind}").reshape({array.shape}).tolist()'


@lru_cache(maxsize=64)
def _text_of(memory: bytes) -> str:
    """Return bytes as text; many cells show the same rows."""
    return base64.b85encode(zlib.compress(memory, 9)).decode()


def _with(program: str, line: str, **words: str) -> str:
    """Return a program with lines behind it that take the numbers which it prints last; as it is where it does not."""
    match ast.parse(program).body[-1:]:
        case [ast.Expr(ast.Call(args=[*_, numbers]))]:
            return f"{program.rstrip()}\n{line.format(numbers=ast.unparse(numbers), **words)}"
    return program


def _packed(program: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a program with arrays in place of the texts that stand for them, packed."""
    return _PACKED_IMPORTS + _replaced(program, {text: packed(array) for text, array in arrays.items()})


def _replaced(program: str, spelled: Mapping[str, str]) -> str:
    """Return a program with texts replaced, the longest first, for one may be a part of another."""
    for text in sorted(spelled, key=len, reverse=True):
        program = program.replace(text, spelled[text])
    return program


def _built(program: str, arrays: Mapping[str, NDArray[Any]], batch: Batch, part: slice) -> str:
    """Return a program that builds the arrays of rows of one regime, each in place of the text that spells it.

    Empty where an array is not part of them.
    """
    regime, number = batch.locate(part.start)
    if regime not in REGIMES:  # a batch that options alone are asked with
        return ""
    numbers = slice(number, number + part.stop - part.start)
    expressions = _parts_of(regime, batch.format.name, numbers)
    built = {}
    for spelled, array in arrays.items():
        same = (text for text, part in expressions.items() if _equal(part, array))
        if (expression := next(same, None)) is None:
            return ""
        built[spelled] = expression
    lines = [
        f"# {batch.classes:,} classes are too many to spell out: Logitproof must be installed to build the inputs.",
        "from logitproof_reference.cases.catalogue import REGIMES",
        f'rows = REGIMES["{regime}"].build("{batch.format.name}")[{numbers.start}:{numbers.stop}]',
    ]
    return "\n".join([*lines, _replaced(program, built)])


def _parts_of(regime: str, format_: str, numbers: slice) -> dict[str, NDArray[Any]]:
    """Return the arrays of some rows of a regime, by the expression that gives each."""
    rows = _rows_of(regime, format_)[numbers]
    return {
        "rows.logits.astype(float).tolist()": rows.logits,
        "rows.indices.tolist()": rows.indices,
        "rows.distributions.astype(float).tolist()": rows.distributions,
        "rows.row_cotangents.astype(float).tolist()": rows.row_cotangents,
        "rows.class_cotangents.astype(float).tolist()": rows.class_cotangents,
        "rows.class_cotangents[:, ::-1].astype(float).tolist()": rows.class_cotangents[:, ::-1],
    }


@lru_cache(maxsize=2)
def _rows_of(regime: str, format_: str) -> Rows:
    return REGIMES[regime].build(format_)


def _equal(part: NDArray[Any], array: NDArray[Any]) -> bool:
    return part.shape == array.shape and part.dtype == array.dtype and np.array_equal(part, array)
