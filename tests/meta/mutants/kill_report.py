"""The kill matrix as Markdown and CSV: counted, not judged."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from logitproof_reference.specification.clauses import FAMILIES
from meta.mutants.tolerances import TOLERANCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from meta.mutants.kill_matrix import Kills
    from meta.mutants.mutant import Mutant

    Found = Mapping[str, Kills]
    Count = Callable[[Kills], int]

ABOUT = """\
# The kill matrix

Each row is the control with one fault, asked every cell of its mode and format; a number says in how many cells clauses
of that family objected, each clause counted once a cell. **Bold** is the family whose clause names the fault.
A ● says that a fixed tolerance would have seen the fault too: on the same rows, against our exact answers, in an
element that the control gets right. Tolerances look at numbers alone, not at bits, formats, inputs or refusals.
"""


def _by_family(family: str) -> Count:
    return lambda found: found.family(family)


def _by_tolerance(name: str) -> Count:
    return lambda found: found.tolerances[name]


JUDGES: dict[str, Count] = {
    "all clauses": lambda found: found.clauses.total(),
    **{f"{family} alone": _by_family(family) for family in FAMILIES},
    **{name: _by_tolerance(name) for name in TOLERANCES},
}
"""How often a judge objected."""


def write_csv(path: Path, mutants: Mapping[str, Mutant], kills: Found) -> None:
    """Write one line a mutant: the fault, the cells asked, counts by family, 1 or 0 by tolerance."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mutant", "fault", "clause", "cells", *FAMILIES, *TOLERANCES])
        for name, mutant in mutants.items():
            found = kills[name]
            families = [found.family(family) for family in FAMILIES]
            seen = [int(found.tolerances[tolerance] > 0) for tolerance in TOLERANCES]
            writer.writerow([name, mutant.fault, mutant.clause, found.cells, *families, *seen])


def write_markdown(path: Path, mutants: Mapping[str, Mutant], kills: Found, control: Kills) -> None:
    """Write what the matrix says, its totals, and a row for every mutant."""
    header = ["mutant", "fault", "clause", "cells", *FAMILIES, *TOLERANCES]
    rows = [_row(mutant, kills[name]) for name, mutant in mutants.items()]
    parts = [ABOUT, table(mutants, kills, control), _sources(), _markdown_table(header, rows)]
    path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def _row(mutant: Mutant, found: Kills) -> list[str]:
    named = mutant.clause.split("-")[0]
    counts = {family: str(found.family(family) or "") for family in FAMILIES}
    counts[named] = f"**{counts[named] or 0}**"
    seen = ["●" if found.tolerances[name] else "" for name in TOLERANCES]
    return [mutant.name, mutant.fault, mutant.clause, str(found.cells), *counts.values(), *seen]


def table(mutants: Mapping[str, Mutant], kills: Found, control: Kills) -> str:
    """Return the totals as a Markdown table: who sees how many of the mutants, and objects to the control how often."""
    named = sum(kills[name].clauses[mutant.clause] > 0 for name, mutant in mutants.items())
    rows = [["the clause that names the fault", f"{named} of {len(kills)}", _share(named, len(kills)), ""]]
    for judge, objections in JUDGES.items():
        seen = sum(objections(found) > 0 for found in kills.values())
        rows.append([judge, f"{seen} of {len(kills)}", _share(seen, len(kills)), str(objections(control))])
    return _markdown_table(["judge", "mutants seen", "share", f"false alarms in {control.cells} cells"], rows)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _sources() -> str:
    described = [f"- {name}: {tolerance.source}" for name, tolerance in TOLERANCES.items()]
    return "\n".join(["Where the tolerances are set:", "", *described])


def _markdown_table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
