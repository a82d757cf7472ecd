"""What is asked: the list of cells, the cases of each, and the rules that leave some out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from logitproof_adapters.contract import entries, producers
from logitproof_conformance.case_set import (
    COMMON_CLASSES,
    common_batches,
    option_batches,
    produced_batches,
    whole_case_set,
)
from logitproof_conformance.layout import SHAPES
from logitproof_conformance.plan_checks import CHECKS, OF_EVERY_LOSS, makes_sense
from logitproof_reference.cells import AXES, PLAIN, SIGMOID, Cell, Options
from logitproof_reference.formats import FORMATS
from logitproof_reference.regimes import REGIMES, Batch

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
"""Op, labels, quantity: asked with every regime, in every mode, format and layout."""

FURTHER_QUESTIONS = (
    ("softmax", "none", "jvp"),
    ("log_softmax", "none", "jvp"),
    ("log_sum_exp", "none", "jvp"),
    ("log_sum_exp", "none", "hvp"),
    ("softmax_cross_entropy", "indices", "jvp"),
    ("softmax_cross_entropy", "indices", "hvp"),
    ("softmax_cross_entropy", "distributions", "jvp"),
    ("softmax_cross_entropy", "distributions", "hvp"),
    ("sigmoid_cross_entropy", "distributions", "value"),
    ("sigmoid_cross_entropy", "distributions", "grad_logits"),
    ("sigmoid_cross_entropy", "distributions", "grad_labels"),
    ("sigmoid_cross_entropy", "distributions", "jvp"),
    ("sigmoid_cross_entropy", "distributions", "hvp"),
)
"""Asked with the common class count, classes last; the quick profile asks them in eager float32."""

SPATIAL_OPTIONS = Options(ignore_index=0, reduction="mean", weight=True)
"""What segmentation asks: the quick profile asks it with the class axis in the middle too, the full one all options."""

CLASS_OPTIONS = (
    Options(reduction="sum"),
    Options(reduction="mean"),
    Options(weight=True),
    Options(weight=True, reduction="mean"),
    Options(label_smoothing=0.125),
    Options(label_smoothing=0.125, weight=True, reduction="mean"),
)
INDEX_OPTIONS = (
    Options(ignore_index=-100),
    Options(ignore_index=255, reduction="sum"),
    Options(ignore_index=-1, reduction="mean"),
    SPATIAL_OPTIONS,
    Options(ignore_index=-100, label_smoothing=0.125),
    Options(ignore_index=-100, reduction="mean", weight=True, label_smoothing=0.125),
)
SIGMOID_OPTIONS = (
    Options(reduction="sum"),
    Options(reduction="mean"),
    Options(weight=True),
    Options(pos_weight=True),
    Options(reduction="mean", weight=True, pos_weight=True),
)
OPTIONS = {
    ("softmax_cross_entropy", "indices"): CLASS_OPTIONS + INDEX_OPTIONS,
    ("softmax_cross_entropy", "distributions"): CLASS_OPTIONS,
    ("sigmoid_cross_entropy", "distributions"): SIGMOID_OPTIONS,
}
"""Options by op and labels, each alone and in the combinations that have gone wrong; asked in eager mode."""

QUICK_CLASSES = {
    ("eager", "float16"): frozenset({COMMON_CLASSES}),
    ("eager", "bfloat16"): frozenset({COMMON_CLASSES, 65_537}),
    ("eager", "float64"): frozenset({COMMON_CLASSES}),
    ("compiled", "float32"): frozenset({COMMON_CLASSES}),
    ("compiled", "float16"): frozenset(),
    ("compiled", "bfloat16"): frozenset(),
    ("compiled", "float64"): frozenset(),
}
"""Class counts that the quick profile asks of a mode and format, where not all: every new shape costs a compilation,
in JAX also in eager mode, and torch.compile starts a C++ compiler. Eager float32 is asked in full."""

ENTRY_MODES = frozenset({"eager", "compiled"})
ENTRY_QUANTITIES = ("value", "grad_logits", "grad_labels")
"""What the functions beside the first of an op are asked; the quick profile asks value and gradient in eager float32,
the common class count and `QUICK_ENTRY_CHECKS`."""

PRODUCED_FORMATS = ("bfloat16", "float32")
"""Formats in which something is put in front of an op: the two that are trained in."""

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
    for mode, format_ in product(adapter.modes, FORMATS):
        lean = profile == "quick" and format_ != "float32"
        shapes = SHAPES[:1] if lean or mode != "eager" else SHAPES
        for (op, labels, quantity), (axis, layout) in product(QUESTIONS, shapes):
            cell = Cell(adapter.name, mode, op, quantity, format_, labels, axis, layout)
            if batches_of(cell, profile):
                yield cell
        if lean or (profile == "quick" and mode != "eager"):
            continue
        for op, labels, quantity in FURTHER_QUESTIONS:
            yield Cell(adapter.name, mode, op, quantity, format_, labels)
        if mode == "eager":
            yield from _option_cells(adapter, format_, profile)
    for cell in _further_entries(adapter):
        if profile == "full" or _is_quick_entry(cell):
            yield cell
    if profile == "full":
        yield from _produced_cells(adapter)


def _option_cells(adapter: Adapter, format_: str, profile: str) -> Iterator[Cell]:
    """Yield the losses with options, on the class axes with which they are asked; a sigmoid loss has none."""
    for (op, labels), quantity in product(OPTIONS, ("value", "grad_logits")):
        for options, axis in product(OPTIONS[op, labels], AXES):
            spatial = axis == "middle" and options == SPATIAL_OPTIONS
            if axis == "last" or (op != SIGMOID and (spatial or profile == "full")):
                yield Cell(adapter.name, "eager", op, quantity, format_, labels, axis, options=options)


def _further_entries(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells of the functions that an adapter asks beside the first of each op."""
    for (op, labels), words in entries(adapter).items():
        modes = [mode for mode in adapter.modes if mode in ENTRY_MODES]
        for entry, mode, format_, quantity in product(words, modes, FORMATS, ENTRY_QUANTITIES):
            if quantity != "grad_labels" or labels == "distributions":
                yield Cell(adapter.name, mode, op, quantity, format_, labels, entry=entry)
        for entry, quantity, options in product(words, ("value", "grad_logits"), OPTIONS.get((op, labels), ())):
            yield Cell(adapter.name, "eager", op, quantity, "float32", labels, entry=entry, options=options)


def _produced_cells(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells in which something stands in front of the op."""
    modes = [mode for mode in adapter.modes if mode in ENTRY_MODES]
    for producer, mode, format_ in product(producers(adapter), modes, PRODUCED_FORMATS):
        for op, labels, quantity in QUESTIONS:
            if quantity in OF_EVERY_LOSS:
                yield Cell(adapter.name, mode, op, quantity, format_, labels, producer=producer)


def _is_quick_entry(cell: Cell) -> bool:
    plain = (cell.mode, cell.format, cell.options) == ("eager", "float32", PLAIN)
    return plain and cell.quantity in OF_EVERY_LOSS


def batches_of(cell: Cell, profile: str) -> list[Batch]:
    """Return the batches with which a cell is asked."""
    if cell.options != PLAIN:
        return option_batches(cell.format, cell.options, profile)
    if cell.producer:
        return produced_batches(cell.format, cell.producer)
    question = (cell.op, cell.labels, cell.quantity)
    lean = cell.entry and profile == "quick"
    if (cell.axis, cell.layout) != SHAPES[0] or question not in QUESTIONS or lean:
        return common_batches(cell.format, profile, cell.op)
    asked = QUICK_CLASSES.get((cell.mode, cell.format)) if profile == "quick" else None
    return [batch for batch in whole_case_set(cell.format, profile) if asked is None or batch.classes in asked]


def cases_of(adapter: Adapter, cell: Cell, profile: str) -> Iterator[Case]:
    if adapter.unsupported(cell) is not None:
        yield Case(cell, "all", "unsupported")
        return
    for batch in batches_of(cell, profile):
        for regime in batch.slices:
            yield Case(cell, regime, _chapter(cell, regime))
    for check, chapter in CHECKS.items():
        if makes_sense(check, cell, profile):
            yield Case(cell, check, chapter)


def _chapter(cell: Cell, regime: str) -> str:
    if cell.options != PLAIN:
        return "options"
    return "extremes" if REGIMES[regime].clause.startswith("EXT") else CHAPTERS[cell.quantity]
