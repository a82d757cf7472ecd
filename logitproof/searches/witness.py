"""The witness of a search: the worst row and its error, in a file from which it is measured again quickly."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.searches.rows import Rows, joined
from logitproof.searches.scores import scored
from logitproof_reference.vocabulary.cells import cell_from_json, cell_to_json
from logitproof_reference.vocabulary.formats import FORMATS, hex_floats, widened
from logitproof_reports.runs.schema import RunFileError
from logitproof_reports.runs.whole_files import write_atomically
from logitproof_reports.sweep_records.witnesses import KIND, VERSION, witness_in

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof.searches.scores import Scores
    from logitproof_adapters.contract import Adapter
    from logitproof_reference.vocabulary.cells import Cell

SAME = 0.99
"""A row alone that shows so much of what it showed among others is its own witness."""


@dataclass(frozen=True)
class Witness:
    """The worst row of a search.

    Attributes
    ----------
    framework : str
        As it was named.
    cell : Cell
    row : Rows
        A single one.
    copies : int
        How many of it are evaluated at a time: 1, or more where only a batch shows it.
    measure : str
        What the search maximised.
    shown : dict
        ``ulps``, ``slack``, ``element``, ``exact``, ``observed``, ``bound`` of the worst number, as hexadecimal texts
        but for the element.
    about : dict
        ``framework`` (framework, version, build), ``environment``, ``search``: seconds, rows, seed, ``random_rows`` and
        the ``random_best`` of them.
    """

    framework: str
    cell: Cell
    row: Rows
    copies: int
    measure: str
    shown: dict[str, Any]
    about: dict[str, Any]


def witness_of(
    adapter: Adapter, cell: Cell, row: Rows, *, framework: str, measure: str, batch: int, about: dict[str, Any]
) -> Witness:
    """Return the witness that a row is, by itself or in a batch of `batch` copies, whichever shows more."""
    alone = shown_by(scored(adapter, cell, row, refined=True), measure)
    many = shown_by(scored(adapter, cell, repeated(row, batch)), measure)
    sufficient = float.fromhex(alone[measure]) >= SAME * float.fromhex(many[measure])
    shown = alone if sufficient else many
    return Witness(framework, cell, row, 1 if sufficient else batch, measure, shown, about)


def measured_again(adapter: Adapter, witness: Witness) -> dict[str, Any]:
    """Return what the row shows now."""
    rows = repeated(witness.row, witness.copies)
    return shown_by(scored(adapter, witness.cell, rows, refined=witness.copies == 1), witness.measure)


def repeated(row: Rows, copies: int) -> Rows:
    """Return a row, this many times."""
    return row if copies == 1 else joined([row] * copies)


def shown_by(scores: Scores, measure: str) -> dict[str, Any]:
    """Return the worst number of rows, in words of JSON."""
    found = getattr(scores, measure)
    at = np.unravel_index(int(found.argmax()), found.shape)
    return {"element": int(at[1]), **{name: float(array[at]).hex() for name, array in vars(scores).items()}}


def write_witness(path: Path, witness: Witness) -> None:
    """Write a witness whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    rest = {name: value for name, value in asdict(witness).items() if name not in {"cell", "row"}}
    arrays = {name: _row_as_json(array) for name, array in witness.row.arrays.items()}
    tree = {KIND: VERSION, **rest, "cell": cell_to_json(witness.cell), "row": arrays}
    with write_atomically(path) as temporary:
        text = json.dumps(tree, sort_keys=True, indent=1, default=vars)
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_witness(path: Path) -> Witness:
    """Read a witness.

    Raises
    ------
    RunFileError
        It cannot be read, or is none.
    """
    tree = witness_in(path)
    try:
        cell = cell_from_json(tree.pop("cell"))
        arrays = {name: _read(spelled, cell.format) for name, spelled in tree.pop("row").items()}
        witness = Witness(cell=cell, row=_row(arrays), **tree)
    except (ValueError, TypeError) as error:
        raise RunFileError(f"{path} is not a witness of logitproof worst: {error}") from error
    return witness


def _row(arrays: dict[str, Any]) -> Rows:
    """Return the row, and raise `ValueError` where its arrays do not go together."""
    row = Rows(**arrays)
    shape, labels = row.logits.shape[1:], row.labels
    if not shape or any(array.shape[1:] not in {shape, ()} for array in arrays.values()):
        raise ValueError("its arrays are not of one shape")
    if labels is not None and labels.dtype.kind == "i" and not 0 <= labels.min() <= labels.max() < shape[0]:
        raise ValueError(f"its label is none of the {shape[0]} classes")
    if not all(np.isfinite(widened(array)).all() for array in arrays.values() if array.dtype.kind != "i"):
        raise ValueError("its numbers are not finite")
    return row


def _row_as_json(array: Any) -> list[Any]:
    """Spell the only row of an array: whole numbers as such, others as hexadecimal floats."""
    if array.dtype.kind == "i":
        return [array.shape[1:], array.ravel().tolist()]
    return [array.shape[1:], hex_floats(widened(array))]


def _read(spelled: Any, format_: str) -> Any:
    shape, numbers = spelled
    if all(isinstance(one, int) for one in numbers):
        return np.array(numbers, np.int64).reshape(1, *shape)
    held = np.array([float.fromhex(one) for one in numbers]).astype(FORMATS[format_].dtype)
    return held.reshape(1, *shape)
