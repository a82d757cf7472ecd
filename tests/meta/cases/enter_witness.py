"""Enters witnesses of `logitproof worst` into the regime ``worst_known`` where they exceed the row that is there.

    python -m meta.cases.enter_witness worst.json ...

A witness has ten classes and a function and format that the regime holds; error / bound decides. A changed file changes
the case set of the full profile: `test_regimes` pins its digests.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path

from logitproof.searches.witness import Witness, read_witness
from logitproof_reference.cases.regimes.ordinary import TEN
from logitproof_reference.cases.regimes.worst_known import FORMATS, KnownRow, known_rows
from logitproof_reference.vocabulary.formats import hex_floats, widened
from logitproof_reference.vocabulary.ops import OPS
from logitproof_reports.runs.whole_files import write_text_atomically

ORDER = [
    f"{op}-{quantity}-{format_}"
    for format_ in FORMATS
    for op, row in OPS.items()
    if not row.elementwise
    for quantity in ("value", "grad_logits")
]
"""The ids in the order of the file."""


def row_of(witness: Witness) -> KnownRow:
    """Return a witness as the regime keeps it.

    Raises
    ------
    ValueError
        The regime has no such rows, or only a batch of them shows the error.
    """
    cell, row = witness.cell, witness.row
    classes = row.logits.shape[1]
    if witness.copies > 1 or classes != TEN:
        raise ValueError(f"{classes} classes, {witness.copies} copies: the regime holds single rows of {TEN} classes")
    cotangent = row.cotangent if row.cotangent is not None and OPS[cell.op].keeps_classes else None
    found = KnownRow(
        cell.op,
        cell.quantity,
        cell.format,
        witness.framework,
        witness.about["framework"]["version"],
        witness.shown["slack"],
        hex_floats(widened(row.logits)),
        int(row.labels[0]) if row.labels is not None else None,
        hex_floats(widened(cotangent)) if cotangent is not None else [],
    )
    if found.id not in ORDER:
        raise ValueError(f"the regime has no witness of {found.id}")
    return found


def entered(known: dict[str, KnownRow], found: KnownRow) -> dict[str, KnownRow]:
    """Return the rows with a new one in the place of a lesser one, in the order of the file."""
    last = known.get(found.id)
    if last is not None and float.fromhex(last.slack) >= float.fromhex(found.slack):
        return known
    rows = {**known, found.id: found}
    return {name: rows[name] for name in ORDER if name in rows}


def main(paths: list[str]) -> None:
    """Enter witnesses, and write the file."""
    known = known_rows()
    for path in paths:
        try:
            found = row_of(read_witness(Path(path)))
        except ValueError as error:
            sys.stdout.write(f"{path}: {error}\n")
            continue
        after = entered(known, found)
        became = "less than the one that is there" if after is known else "entered"
        sys.stdout.write(f"{path}: {found.id}, error / bound {float.fromhex(found.slack):.4f}: {became}\n")
        known = after
    text = json.dumps([asdict(row) for row in known.values()], indent=1)
    with as_file(files("logitproof_reference.cases.regimes") / "worst_known.json") as file:
        write_text_atomically(file, text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
