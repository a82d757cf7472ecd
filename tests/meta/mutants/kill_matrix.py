"""The kill matrix: which families of clauses see which mutant, and what fixed tolerances would see of the same answers.

Run from the repository's root: ``PYTHONPATH=tests python -m meta.mutants.kill_matrix -o runs``, as
``nox -s mutants`` does. With ``--dask ADDRESS`` the workers of a cluster do it, which need the same PYTHONPATH.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from logitproof.workers import chosen_workers, results
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import plan_cells
from meta.mutants.catalogue import MUTANTS
from meta.mutants.findings import objecting_clauses
from meta.mutants.kill_report import table, write_csv, write_markdown
from meta.mutants.mutant import MutantAdapter, without_fault
from meta.mutants.tolerances import false_alarms, objecting_tolerances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof.workers import Workers
    from logitproof_reference.vocabulary.cells import Cell
    from meta.mutants.mutant import Mutant

CONTROL = "control"
"""The name under which the tasks tell what was found of the control."""


@dataclass(frozen=True)
class Task:
    """One cell, and the mutants that are asked it."""

    cell: Cell
    profile: str
    mutants: tuple[str, ...]


@dataclass
class Kills:
    """What was found of one mutant, or of the control: of how many cells, in how many by each clause and tolerance."""

    cells: int = 0
    clauses: Counter[str] = field(default_factory=Counter)
    tolerances: Counter[str] = field(default_factory=Counter)

    def family(self, name: str) -> int:
        """Return in how many cells a clause of a family objected, counted once a clause."""
        return sum(count for clause, count in self.clauses.items() if clause.startswith(f"{name}-"))


def cells_of(mutant: Mutant) -> Iterator[Cell]:
    """Yield the cells a mutant is asked: all of its mode and format; in the full profile its own alone."""
    if mutant.profile == "full":
        yield mutant.cell
        return
    for cell in plan_cells(MutantAdapter(mutant), mutant.profile):
        if (cell.mode, cell.format) == (mutant.mode, mutant.format):
            yield cell


def tasks() -> list[Task]:
    """Return the cells that are asked, each once, so that all its mutants share the exact answers; widest first."""
    asked: dict[tuple[Cell, str], list[str]] = defaultdict(list)
    for mutant in MUTANTS.values():
        for cell in cells_of(mutant):
            asked[cell, mutant.profile].append(mutant.name)
    found = [Task(cell, profile, tuple(names)) for (cell, profile), names in asked.items()]
    return sorted(found, key=lambda task: -len(task.mutants))


def judge(task: Task) -> list[tuple[str, set[str], set[str]]]:
    """Return the clauses and the tolerances that object to the control and to each mutant in one cell."""
    one = MUTANTS[task.mutants[0]]
    right = CellEvaluation(MutantAdapter(without_fault(one)), task.cell, task.profile)
    if right.adapter.unsupported(task.cell) is not None:
        return []
    with np.errstate(all="ignore"):
        found = [(CONTROL, objecting_clauses(right, task.profile), false_alarms(right))]
        for name in task.mutants:
            wrong = CellEvaluation(MutantAdapter(MUTANTS[name]), task.cell, task.profile)
            found.append((name, objecting_clauses(wrong, task.profile), objecting_tolerances(wrong, right)))
    return found


def kill_matrix(asked: Iterable[Task], workers: Workers) -> dict[str, Kills]:
    """Ask every mutant its cells and return what was found, by name; the control's is what objects to right answers."""
    kills = {name: Kills() for name in (CONTROL, *MUTANTS)}
    try:
        for _, answers in results(workers, judge, asked):
            if isinstance(answers, Exception):
                raise answers
            for name, clauses, tolerances in answers:
                kills[name].cells += 1
                kills[name].clauses.update(clauses)
                kills[name].tolerances.update(tolerances)
    finally:
        workers.close()
    return kills


def main(arguments: list[str]) -> int:
    """Write and print the matrix; 1 where its clause does not kill a mutant, or any kills the control."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs"), help="folder of kill_matrix.md and .csv")
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dask", metavar="ADDRESS", default="", help="scheduler of a cluster, or 'local'")
    chosen = parser.parse_args(arguments)
    kills = kill_matrix(tasks(), chosen_workers(chosen.workers, chosen.dask))
    control = kills.pop(CONTROL)
    chosen.output.mkdir(parents=True, exist_ok=True)
    write_csv(chosen.output / "kill_matrix.csv", MUTANTS, kills)
    write_markdown(chosen.output / "kill_matrix.md", MUTANTS, kills, control)
    sys.stdout.write(table(MUTANTS, kills, control) + "\n")
    named = all(kills[name].clauses[mutant.clause] for name, mutant in MUTANTS.items())
    return 0 if named and not control.clauses else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
