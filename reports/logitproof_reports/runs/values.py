"""The domain of the columns of a run: closed vocabularies, spellings of numbers, lengths of texts.

Patterns are RE2's, which Arrow runs over whole columns: their time is linear in the text, whatever it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.specification.verdicts import LEVELS, VERDICTS
from logitproof_reference.vocabulary.cells import AXES, LABELS, LAYOUTS, MODES
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS, QUANTITIES, SECOND_GRADIENT

from .schema import KEY, RunFileError
from .shapes import ANY, misfit, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


TRAJECTORY = "trajectory"
"""The quantity of a training."""

MOST_BYTES = 50_000
"""Longest text: anything beyond `schema.MOST_CHARACTERS` is cut when it is recorded."""

LONG = {"inputs": 20_000_000, "series": 2_000_000}
"""Longest texts of rows of up to 65,536 classes, and of trainings step by step."""

MOST_ROWS = 100_000_000
"""Largest row number, and largest number of judgements; more cannot be a measurement."""

CALL = "call"
"""Name of the input that is a call in the framework's own words, of which no clause says anything."""

_FLOAT = r"[+-]?(?:nan|inf|0x[01](?:\.[0-9a-f]+)?p[+-]?[0-9]{1,4})"
_DECIMAL = r"[+-]?(?:nan|inf|[0-9]{1,40}(?:\.[0-9]{1,40})?(?:e[+-]?[0-9]{1,4})?)"
_ITEM = rf'(?:"{_FLOAT}"|-?[0-9]{{1,18}})'
_INPUT = rf'"\w+": (?:\[(?:{_ITEM}(?:, {_ITEM})*)?\]|"[\w.=-]*"|{_ITEM})'
_CALL = rf"""\{{"{CALL}": "[\w .,=()\[\]+-]{{1,500}}"\}}"""

PATTERNS = {
    "clause": r"[A-Z]+-[0-9]{1,4}",
    "exact": rf"{_FLOAT}(?: [+-] {_FLOAT})*",
    "observed": _FLOAT,
    "bound": _DECIMAL,
    "inputs": rf"\{{{_INPUT}(?:, {_INPUT})*\}}|\{{\}}|{_CALL}",
    "digest": "[0-9a-f]*",
}
"""How what is no prose is spelled, where a column has it."""

VOCABULARIES: dict[str, Callable[[], Collection[str]]] = {
    "mode": lambda: MODES,
    "op": lambda: OPS,
    "labels": lambda: LABELS,
    "quantity": lambda: (*QUANTITIES, SECOND_GRADIENT, MIXED_DERIVATIVE, TRAJECTORY),
    "format": lambda: FORMATS,
    "axis": lambda: AXES,
    "layout": lambda: LAYOUTS,
}
"""The words of a column; it may have none, where a judgement is on a framework as a whole."""

REQUIRED: dict[str, Collection[str]] = {"grade": LEVELS, "verdict": VERDICTS}
"""The words of a column, one of which it has."""

LEAST = {"elements": 0, "row": -1, "element": -1}
"""The least that a column counts."""

SERIES: dict[str, Any] = {
    "task": str,
    "series": {ANY: [(int, float, type(None))]},
    "first_difference": int,
    "accuracy": (int, float),
    "exact_accuracy": (int, float),
}
"""The shape of a training's record."""


def refuse_faults(path: object, table: pa.Table) -> None:
    """Raise `RunFileError` where a table with the columns of `SCHEMA` holds what no run does.

    Its texts may be dictionary-encoded, so that each is looked at once.
    """
    for fault in _faults(table):
        raise RunFileError(f"{path} holds {fault}: make the run again, or read it with the release that wrote it")


def _faults(table: pa.Table) -> Iterator[str]:
    for name in table.column_names:
        column = table[name]
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind):
            yield from _faults_of_texts(name, _texts(column))
        elif pa.types.is_integer(kind):
            yield from _faults_of_counts(name, column)
        else:
            yield from [f"a negative {name}"] if _any(pc.less(column, 0.0)) else []
    if repeated := _repeated(table):
        yield f"the same judgement twice ({repeated})"


def _repeated(table: pa.Table) -> str:
    """Return the cell and regime of a judgement that is there twice; empty where each is there once.

    A case that ends its process is ``crashed`` by the clause that it was to be judged by first, beside what was judged.
    """
    codes = np.zeros(table.num_rows, np.int64)
    for name in (*KEY, "verdict", "reason"):
        words = table[name].combine_chunks()
        words = words if pa.types.is_dictionary(words.type) else words.dictionary_encode()
        places = words.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        _, codes = np.unique(codes * (len(words.dictionary) + 1) + places, return_inverse=True)
    _, first = np.unique(codes, return_index=True)
    again = np.setdiff1d(np.arange(table.num_rows), first)
    if not again.size:
        return ""
    return "/".join(str(table[name][int(again[0])].as_py())[:100] for name in KEY[:2])


def _texts(column: pa.ChunkedArray) -> list[pa.Array]:
    """Return the texts of a column; of a dictionary-encoded one each once."""
    return [chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk for chunk in column.chunks]


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask).as_py())


def _faults_of_texts(name: str, texts: list[pa.Array]) -> Iterator[str]:
    for part in texts:
        try:
            part.validate(full=True)
        except pa.ArrowInvalid:
            yield f"{name} that is not UTF-8"
            return
        if _any(pc.greater(pc.binary_length(part), LONG.get(name, MOST_BYTES))):
            yield f"a text of more than {LONG.get(name, MOST_BYTES):,} bytes in {name}"
        elif name in PATTERNS:
            spelled = pc.match_substring_regex(part, rf"\A(?:{PATTERNS[name]})?\z")
            yield from _unknown(name, part.filter(pc.invert(spelled)), "no such value")
        elif name in VOCABULARIES or name in REQUIRED:
            words = REQUIRED[name] if name in REQUIRED else ("", *VOCABULARIES[name]())
            known = pc.is_in(part, pa.array(words, pa.string()))
            yield from _unknown(name, part.filter(pc.invert(known)), f"known are {', '.join(filter(None, words))}")
        elif name == "series":
            yield from (
                f"series that {why}" for text in pc.unique(part).to_pylist() if text and (why := _no_series(text))
            )


def _unknown(name: str, found: pa.Array, why: str) -> Iterator[str]:
    for text in found.slice(0, 1).to_pylist():
        yield f'the {name} "{text[:60]}", {why}'


def _faults_of_counts(name: str, column: pa.ChunkedArray) -> Iterator[str]:
    if _any(pc.less(column, LEAST[name])):
        yield f"a negative {name}"
    if name != "elements" and _any(pc.greater_equal(column, MOST_ROWS)):
        yield f"a {name} past {MOST_ROWS:,}"


def _no_series(text: str) -> str:
    """Return why a text is no training's record; empty if it is one."""
    try:
        tree = parse(text)
    except ValueError as error:
        return f"is {error}"
    if why := misfit(tree, SERIES, "training"):
        return f"is not a training ({why})"
    if tree.keys() != SERIES.keys():
        return "is not a training: it has other parts"
    return "has parts of different length" if len(set(map(len, tree["series"].values()))) > 1 else ""


def is_extra_call(table: pa.Table) -> pa.ChunkedArray:
    """Return which judgements of a run are of a call that no clause covers."""
    return pc.starts_with(table["inputs"], f'{{"{CALL}":')
