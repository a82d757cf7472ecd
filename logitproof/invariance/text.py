"""The result of an invariance test: as a table, as lines and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table as RichTable

from logitproof.invariance.survey import was_interrupted
from logitproof_reports.html.comparison import ComparisonPage, Fact, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof.invariance.survey import Along, Setting, Witness

COLUMNS = ("axis", "clause", "verdict", "setting", "rows with the same bits")


def first_flip(found: Sequence[Along]) -> Along | None:
    """Return the first axis that flips."""
    return next((one for one in found if one.verdict == "flips"), None)


def headline(found: Sequence[Along]) -> str:
    """Return the verdict in a sentence."""
    asked = [one for one in found if one.verdict != "not asked"]
    flip = first_flip(found)
    if flip is None and was_interrupted(found):
        return f"Interrupted: the same bits along {len(asked)} of {len(found)} axes so far"
    if flip is None:
        return f"Invariant: the same bits along {len(asked)} of {len(found)} axes, the others not asked"
    return f"Not invariant: {flip.axis.name} is the first axis along which bits change"


def rows_of(found: Sequence[Along]) -> list[list[str]]:
    """Return the rows of the table: one for each setting."""
    rows = []
    for one in found:
        for place, setting in enumerate(one.settings):
            head = [one.axis.name, one.axis.clause, one.verdict] if place == 0 else ["", "", ""]
            rows.append([*head, setting.words, _counted(setting)])
    return rows


def table_of(found: Sequence[Along]) -> RichTable:
    """Return the table for a terminal."""
    table = RichTable(*COLUMNS, box=None, pad_edge=False)
    for row in rows_of(found):
        table.add_row(*row)
    return table


def _counted(setting: Setting) -> str:
    return (
        f"{setting.same} of {setting.rows}"
        if setting.rows
        else f"not asked: {setting.reason.removeprefix('not asked: ')}"
    )


def witness_lines(found: Sequence[Along]) -> list[str]:
    """Return what the first axis that flips shows: the row, its two places, its two numbers."""
    flip = first_flip(found)
    if flip is None or (witness := flip.witness) is None:
        return []
    setting = next(one for one in flip.settings if one.witness is witness)
    where = f"row {witness.row}" + (f", class {witness.index[0]}" if witness.index else "")
    return [
        f"{where}: {witness.base.hex()} ({witness.base!r}) in the batch of {len(witness.first.logits)} rows",
        f"{where}: {witness.other.hex()} ({witness.other!r}) with {setting.words}",
    ]


def save_witness(found: Sequence[Along], path: Path) -> bool:
    """Write the two inputs of the first flip as a .npz file, in float64, exactly; False if nothing flips."""
    flip = first_flip(found)
    if flip is None or (witness := flip.witness) is None:
        return False
    arrays: dict[str, Any] = {}
    for name, inputs in (("first", witness.first), ("second", witness.second)):
        for part, array in inputs.arrays().items():
            arrays[f"{name}_{part}"] = array if array.dtype.kind == "i" else array.astype(np.float64)
    np.savez(path, rows=np.array(witness.places), answers=np.array([witness.base, witness.other]), **arrays)
    return True


def data_of(found: Sequence[Along]) -> dict[str, Any]:
    """Return what was found as a tree for JSON."""
    flip = first_flip(found)
    return {
        "first_axis_that_flips": flip.axis.name if flip else None,
        "interrupted": was_interrupted(found),
        "axes": [
            {
                "axis": one.axis.name,
                "clause": one.axis.clause,
                "verdict": one.verdict,
                "settings": [
                    {"setting": each.words, "same": each.same, "rows": each.rows, "reason": each.reason}
                    for each in one.settings
                ],
            }
            for one in found
        ],
        "witness": _witness_data(flip.witness) if flip and flip.witness else None,
    }


def _witness_data(witness: Witness) -> dict[str, Any]:
    return {
        "row": witness.row,
        "index": list(witness.index),
        "answers": [witness.base.hex(), witness.other.hex()],
        "places": list(witness.places),
    }


def page_of(found: Sequence[Along], facts: Sequence[tuple[str, str]]) -> ComparisonPage:
    """Return the page."""
    rows = rows_of(found)
    flips = frozenset(place for place, row in enumerate(rows) if row[2] == "flips")
    lead = "A row's answer should have the same bits under every setting (INV, SHOULD); rows are counted whole."
    return ComparisonPage(
        "Logitproof invariance",
        headline(found),
        facts=[*(Fact(*fact) for fact in facts), *(Fact("witness", line) for line in witness_lines(found))],
        tables=[Table("Axes", COLUMNS, rows, lead, flips)],
    )
