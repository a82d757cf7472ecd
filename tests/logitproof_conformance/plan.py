"""What is asked: the list of cells, the cases of each, and the rules that leave some out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from logitproof_adapters.contract import entries
from logitproof_conformance.bad_inputs import BAD_INPUTS, BAD_LABELS, takes
from logitproof_conformance.case_set import COMMON_CLASSES, common_batches, option_batches, whole_case_set
from logitproof_reference.cells import PLAIN, SIGMOID, Cell, Options
from logitproof_reference.formats import FORMATS
from logitproof_reference.regimes import REGIMES, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    Options(ignore_index=0, reduction="mean", weight=True),
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

SHAPES = (("last", "contiguous"), ("first", "contiguous"), ("middle", "contiguous"), ("last", "strided"))
"""Axis and layout; the first is where every regime is judged, the others are asked with the common class count."""

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

QUICK_ENTRY_CHECKS = frozenset({"poisoned_neighbours", "accuracy_class", "result", *BAD_LABELS})

SUM_LAWS = {
    ("softmax", "none", "value"): "LAW-1",
    ("log_sum_exp", "none", "grad_logits"): "LAW-2",
    ("softmax_cross_entropy", "indices", "grad_logits"): "LAW-2",
}
"""Questions whose answers have a known sum over each row, and the clause that says so."""

OF_EVERY_LOSS = frozenset({"value", "grad_logits"})
"""Quantities that every framework gives of a loss, whichever its labels."""

LAWS: dict[str, Callable[[Cell], bool]] = {
    "shifted_rows": lambda cell: cell.op != SIGMOID,
    "permuted_classes": lambda cell: cell.op != SIGMOID,
    "one_hot_labels": lambda cell: cell.quantity in OF_EVERY_LOSS and cell.labels == "indices" and _keeps_rows(cell),
    "order_of_logits": lambda cell: cell.op in {"softmax", "log_softmax"} and cell.quantity == "value",
    "forward_and_reverse": lambda cell: cell.quantity == "jvp",
    "second_vector": lambda cell: cell.quantity == "hvp",
    "eager_answer": lambda cell: cell.mode != "eager",
    "eager_refusal": lambda cell: cell.mode != "eager" and cell.labels == "indices" and cell.quantity in OF_EVERY_LOSS,
}
"""Checks that relate two answers, or the elements of one, and the cells for which they make sense."""

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


CHECKS = {
    "poisoned_neighbours": "rows",
    "another_place": "rows",
    "repeated_call": "rows",
    "row_sums": "laws",
    "shifted_rows": "laws",
    "permuted_classes": "laws",
    "one_hot_labels": "laws",
    "order_of_logits": "laws",
    "forward_and_reverse": "laws",
    "second_vector": "laws",
    "eager_answer": "modes",
    "eager_refusal": "modes",
    "accuracy_class": "classes",
    "result": "results",
    "empty_batch": "results",
    **dict.fromkeys(BAD_INPUTS, "errors"),
}
"""Checks that look at more than one regime or ask again, and their chapter."""


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
        for (op, labels), quantity in product(OPTIONS, ("value", "grad_logits") if mode == "eager" else ()):
            for options in OPTIONS[op, labels]:
                yield Cell(adapter.name, mode, op, quantity, format_, labels, options=options)
    for cell in _further_entries(adapter):
        if profile == "full" or _is_quick_entry(cell):
            yield cell


def _further_entries(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells of the functions that an adapter asks beside the first of each op."""
    for (op, labels), words in entries(adapter).items():
        modes = [mode for mode in adapter.modes if mode in ENTRY_MODES]
        for entry, mode, format_, quantity in product(words, modes, FORMATS, ENTRY_QUANTITIES):
            if quantity != "grad_labels" or labels == "distributions":
                yield Cell(adapter.name, mode, op, quantity, format_, labels, entry=entry)
        for entry, quantity, options in product(words, ("value", "grad_logits"), OPTIONS.get((op, labels), ())):
            yield Cell(adapter.name, "eager", op, quantity, "float32", labels, entry=entry, options=options)


def _is_quick_entry(cell: Cell) -> bool:
    plain = (cell.mode, cell.format, cell.options) == ("eager", "float32", PLAIN)
    return plain and cell.quantity in OF_EVERY_LOSS


def batches_of(cell: Cell, profile: str) -> list[Batch]:
    """Return the batches with which a cell is asked."""
    if cell.options != PLAIN:
        return option_batches(cell.format, cell.options)
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
        if _makes_sense(check, cell, profile):
            yield Case(cell, check, chapter)


def _chapter(cell: Cell, regime: str) -> str:
    if cell.options != PLAIN:
        return "options"
    return "extremes" if REGIMES[regime].clause.startswith("EXT") else CHAPTERS[cell.quantity]


def _keeps_rows(cell: Cell) -> bool:
    """Tell whether every row counts, by itself: only then does the form of its label change nothing."""
    return cell.options.reduction == "none" and cell.options.ignore_index is None


def _makes_sense(check: str, cell: Cell, profile: str) -> bool:
    of_options = cell.options != PLAIN and check not in {"result", "one_hot_labels"}
    if of_options or (cell.entry and profile == "quick" and check not in QUICK_ENTRY_CHECKS):
        return False
    if check in LAWS:
        # Of compiled cells the quick profile asks no law but how they compare with eager mode; refusals take a process.
        fits = (
            check != "eager_refusal"
            and cell.format == "float32"
            and (cell.mode == "eager") == (check != "eager_answer")
        )
        return (profile == "full" or fits) and (cell.axis, cell.layout) == SHAPES[0] and LAWS[check](cell)
    if check in BAD_INPUTS:
        fits = (cell.mode, cell.format) == ("eager", "float32")
        return (profile == "full" or fits) and (cell.axis, cell.layout) == SHAPES[0] and takes(check, cell)
    if check == "row_sums":
        return (cell.op, cell.labels, cell.quantity) in SUM_LAWS
    if check == "accuracy_class":
        return (cell.axis, cell.layout) == SHAPES[0]
    # No rows are one more shape to compile.
    return check != "empty_batch" or profile == "full" or (cell.mode, cell.format) == ("eager", "float32")
