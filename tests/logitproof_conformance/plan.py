"""What is asked: the list of cells, the cases of each, and the rules that leave some out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from logitproof_reference.cells import Cell
from logitproof_reference.formats import FORMATS
from logitproof_reference.regimes import REGIMES, Batch, batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter

QUESTIONS = (
    ("softmax", "none", "value"),
    ("softmax", "none", "grad_logits"),
    ("log_softmax", "none", "value"),
    ("log_softmax", "none", "grad_logits"),
    ("log_sum_exp", "none", "value"),
    ("log_sum_exp", "none", "grad_logits"),
    ("softmax_cross_entropy", "indices", "value"),
    ("softmax_cross_entropy", "indices", "grad_logits"),
    ("softmax_cross_entropy", "distributions", "value"),
    ("softmax_cross_entropy", "distributions", "grad_logits"),
    ("softmax_cross_entropy", "distributions", "grad_labels"),
)
"""Op, labels, quantity."""

SHAPES = (("last", "contiguous"), ("first", "contiguous"), ("middle", "contiguous"), ("last", "strided"))
"""Axis and layout; the first is where every regime is judged, the others are asked with the common class count."""

COMMON_CLASSES = 10
"""The class count of the batch that holds most regimes; extra calls (neighbours, layouts) use it alone."""

QUICK_CLASSES = {
    ("eager", "float16"): frozenset({1, COMMON_CLASSES}),
    ("eager", "bfloat16"): frozenset({1, COMMON_CLASSES, 1000, 50_000}),
    ("eager", "float64"): frozenset({1, COMMON_CLASSES}),
    ("compiled", "float32"): frozenset({COMMON_CLASSES}),
    ("compiled", "float16"): frozenset(),
    ("compiled", "bfloat16"): frozenset(),
    ("compiled", "float64"): frozenset(),
}
"""Class counts that the quick profile asks of a mode and format, where not all: every new shape costs a compilation,
in JAX also in eager mode, and torch.compile starts a C++ compiler. Eager float32 is asked in full."""

SUM_LAWS = {
    ("softmax", "none", "value"): "LAW-1",
    ("log_sum_exp", "none", "grad_logits"): "LAW-2",
    ("softmax_cross_entropy", "indices", "grad_logits"): "LAW-2",
}
"""Questions whose answers have a known sum over each row, and the clause that says so."""

CHAPTERS = {"value": "values", "grad_logits": "gradients", "grad_labels": "gradients"}


@dataclass(frozen=True)
class Case:
    """One pytest item: one cell, and one regime or one of the checks that need calls of their own.

    Attributes
    ----------
    cell : Cell
        What is asked.
    regime : str
        Name of a regime, or of a check in `CHECKS`; ``all`` where the framework does not offer the cell.
    chapter : str
        Which test module takes it: ``values``, ``gradients``, ``extremes``, ``unsupported``, or the check's.
    """

    cell: Cell
    regime: str
    chapter: str

    @property
    def id(self) -> str:
        """Cell id and regime; stable."""
        return f"{self.cell.id}-{self.regime}"


CHECKS = {
    "poisoned_neighbours": "rows",
    "another_place": "rows",
    "repeated_call": "rows",
    "row_sums": "laws",
    "accuracy_class": "classes",
    "result": "results",
    "empty_batch": "results",
}
"""Checks that look at more than one regime or ask again, and their chapter."""


def plan_cases(adapter: Adapter, profile: str) -> list[Case]:
    """List the cases for one adapter, ordered so that cells with the same exact answers follow one another."""
    cells = sorted(plan_cells(adapter, profile), key=lambda cell: (cell.format, cell.op, cell.labels, cell.quantity))
    return [case for cell in cells for case in _cases_of(adapter, cell, profile)]


def plan_cells(adapter: Adapter, profile: str) -> Iterator[Cell]:
    """Yield every cell that makes sense; whether the framework offers it is the adapter's to say."""
    for mode, format_, (op, labels, quantity), (axis, layout) in product(adapter.modes, FORMATS, QUESTIONS, SHAPES):
        plain = (axis, layout) == SHAPES[0]
        if not plain and (mode != "eager" or (profile == "quick" and format_ != "float32")):
            continue
        cell = Cell(adapter.name, mode, op, quantity, format_, labels, axis, layout)
        if batches_of(cell, profile):
            yield cell


def batches_of(cell: Cell, profile: str) -> list[Batch]:
    """Return the batches with which a cell is asked."""
    every = _case_set(cell.format, profile)
    if (cell.axis, cell.layout) != SHAPES[0]:
        return [batch for batch in every if batch.classes == COMMON_CLASSES]
    asked = QUICK_CLASSES.get((cell.mode, cell.format)) if profile == "quick" else None
    return [batch for batch in every if asked is None or batch.classes in asked]


@cache
def _case_set(format_: str, profile: str) -> list[Batch]:
    """Build the batches once: cells share them, and with them the exact answers."""
    return [batch for batch in batches(format_, profile) if len(batch.rows)]


def _cases_of(adapter: Adapter, cell: Cell, profile: str) -> Iterator[Case]:
    if adapter.unsupported(cell) is not None:
        yield Case(cell, "all", "unsupported")
        return
    for batch in batches_of(cell, profile):
        for regime in batch.slices:
            extreme = REGIMES[regime].clause.startswith("EXT")
            yield Case(cell, regime, "extremes" if extreme else CHAPTERS[cell.quantity])
    for check, chapter in CHECKS.items():
        if _makes_sense(check, cell, profile):
            yield Case(cell, check, chapter)


def _makes_sense(check: str, cell: Cell, profile: str) -> bool:
    if check == "row_sums":
        return (cell.op, cell.labels, cell.quantity) in SUM_LAWS
    if check == "accuracy_class":
        return (cell.axis, cell.layout) == SHAPES[0]
    if check == "empty_batch":  # one more shape to compile
        return profile == "full" or (cell.mode, cell.format) == ("eager", "float32")
    return True
