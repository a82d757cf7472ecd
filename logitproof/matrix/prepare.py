"""Computes the exact answers and bounds of a profile ahead of a run, into the cache."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from logitproof.errors import UsageError, refuse_unknown
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_conformance.asking.truth import accuracy_bounds, truth_of
from logitproof_conformance.plan.cases import batches_of, plan_cells
from logitproof_conformance.plan.checks import makes_sense
from logitproof_reference.answers.answers import shared_answers
from logitproof_reference.answers.cache_folder import ANSWERS_VARIABLE, OFF
from logitproof_reference.cases.catalogue import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell


GRADED = "accuracy_grade"
"""The check that takes bounds of its own, besides those of a batch."""


@dataclass(frozen=True)
class Prepared:
    """How many answers were computed, and how many were there; where they are kept, and how many bytes that takes."""

    computed: int
    found: int
    folder: Path
    size: int


def prepare(frameworks: Sequence[str], profile: str, target: Target) -> Prepared:
    """Compute what is missing of the exact answers and bounds that a profile asks; no framework is called.

    Raises
    ------
    UsageError
        The profile is not known, or answers are not kept on disk.
    UnknownFramework, MissingFramework, TargetError
        A framework is not known or not installed.
    """
    refuse_unknown("profile", (profile,), PROFILES)
    answers = shared_answers()
    if answers.store is None:
        raise UsageError(f"{ANSWERS_VARIABLE} is {OFF}: answers would be kept nowhere")
    before = Counter(answers.counts)
    for name in frameworks:
        with RemoteAdapter(name, target) as adapter:
            asked = questions(adapter, profile)
            console = Console(stderr=True)
            for cell, batch in track(asked, name, console=console, disable=not sys.stderr.isatty()):
                truth_of(adapter, cell, batch)
                if makes_sense(GRADED, cell, profile):
                    accuracy_bounds(adapter, cell, batch)
    counts = answers.counts - before
    found = counts["memory"] + counts["disk"]
    return Prepared(counts["computed"], found, answers.store.folder, answers.store.size())


def questions(adapter: Adapter, profile: str) -> list[tuple[Cell, Batch]]:
    """Return the cells that a framework offers, each with its batches, those with the same rows side by side."""
    cells = [cell for cell in plan_cells(adapter, profile) if adapter.unsupported(cell) is None]
    cells.sort(key=lambda cell: (cell.format, cell.op, cell.labels, cell.quantity))
    return [(cell, batch) for cell in cells for batch in batches_of(cell, profile)]
