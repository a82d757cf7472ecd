"""The plan: the cells of a profile, the batches of each, and the resulting cases."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof_adapters.contract import mixed_derivatives, quick_rows, zero_dimensions
from logitproof_conformance.plan.batches import (
    common_batches,
    masked_weightless,
    option_batches,
    produced_batches,
    sums_of_halves,
    whole_case_set,
)
from logitproof_conformance.plan.cells import (
    MAIN_MODES,
    asks_classes,
    every_cell,
    is_quick,
    is_sum_of_halves,
    main_questions,
)
from logitproof_conformance.plan.checks import CHECKS, ZERO_DIMENSIONS, makes_sense
from logitproof_conformance.plan.further_layouts import FURTHER_LAYOUTS, ONE_DIMENSION, is_offered
from logitproof_conformance.plan.layout import SHAPES
from logitproof_conformance.plan.spellings import EVERY_AXIS, SPELLINGS, is_spelled
from logitproof_reference.cases.catalogue import REGIMES, Batch
from logitproof_reference.vocabulary.cells import PLAIN, Cell
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter

CHAPTERS = {
    "value": "values",
    "grad_logits": "gradients",
    "grad_labels": "gradients",
    "jvp": "second_order",
    "hvp": "second_order",
}


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
        Which test module takes it: ``values``, ``gradients``, ``second_order``, ``extremes``, ``options``,
        ``unsupported``, or the check's.
    """

    cell: Cell
    regime: str
    chapter: str

    @property
    def id(self) -> str:
        """Cell id and regime; stable."""
        return f"{self.cell.id}-{self.regime}"


def plan_cases(adapter: Adapter, profile: str) -> list[Case]:
    """List the cases for one adapter, ordered so that cells with the same exact answers follow one another."""
    cells = sorted(plan_cells(adapter, profile), key=lambda cell: (cell.format, cell.op, cell.labels, cell.quantity))
    return [case for cell in cells for case in cases_of(adapter, cell, profile)]


def plan_cells(adapter: Adapter, profile: str) -> Iterator[Cell]:
    """Yield every cell that makes sense; whether the framework offers it is the adapter's to say."""
    return (cell for cell in every_cell(adapter) if profile == "full" or is_quick(cell))


def batches_of(cell: Cell, profile: str) -> list[Batch]:
    """Return the batches with which a cell is asked."""
    if cell.options != PLAIN:
        sums = sums_of_halves(cell.format) if is_sum_of_halves(cell) else []
        if sums and profile == "quick":
            return sums
        has_class_weights = cell.options.weight and not OPS[cell.op].elementwise
        weightless = [masked_weightless(cell.format, cell.options, profile)] if has_class_weights else []
        return option_batches(cell.format, cell.options, profile) + weightless + sums
    if cell.producer:
        return produced_batches(cell.format, cell.producer)
    is_main = (cell.op, cell.labels, cell.quantity) in main_questions() and cell.mode in MAIN_MODES and not cell.entry
    if (cell.axis, cell.layout) != SHAPES[0] or not is_main:
        return common_batches(cell.format, profile, cell.op)
    return [batch for batch in whole_case_set(cell.format, profile) if asks_classes(cell, profile, batch.classes)]


def cases_of(adapter: Adapter, cell: Cell, profile: str) -> Iterator[Case]:
    if adapter.unsupported(cell) is not None:
        yield Case(cell, "all", "unsupported")
        return
    most = quick_rows(adapter) if profile == "quick" else sys.maxsize
    for batch in (batch for batch in batches_of(cell, profile) if len(batch.rows) <= most):
        for regime in batch.slices:
            yield Case(cell, regime, _chapter(cell, regime))
    for check, chapter in CHECKS.items():
        if makes_sense(check, cell, profile) and _takes(adapter, check, cell):
            yield Case(cell, check, chapter)


def _takes(adapter: Adapter, check: str, cell: Cell) -> bool:
    """Return whether an adapter states that its framework can be asked a check; most checks need no such statement."""
    if check in FURTHER_LAYOUTS or check == ONE_DIMENSION:
        return is_offered(adapter, check, cell)
    if check in SPELLINGS or check == EVERY_AXIS:
        return is_spelled(adapter, check, cell)
    if check == ZERO_DIMENSIONS:
        return cell.op in zero_dimensions(adapter)
    return check != MIXED_DERIVATIVE or mixed_derivatives(adapter)


def _chapter(cell: Cell, regime: str) -> str:
    if cell.options != PLAIN:
        return "options"
    return "extremes" if REGIMES[regime].clause.startswith("EXT") else CHAPTERS[cell.quantity]
