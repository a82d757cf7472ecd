"""The cells: op, quantity, format, mode, layout, options and function, and which of them are in the quick profile."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from logitproof_adapters.contract import entries, producers
from logitproof_conformance.plan.batches import COMMON_CLASSES, SUMS_OF_HALVES
from logitproof_conformance.plan.layout import SHAPES
from logitproof_reference.cases.regimes.wide_extreme import EQUAL_LOGITS, HALF_FORMATS
from logitproof_reference.cases.widths import TWO_TILES
from logitproof_reference.vocabulary.cells import AXES, PLAIN, Cell, Options
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS, TAKES_TANGENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter

    Question = tuple[str, str, str]
    """Op, labels and quantity."""

OF_EVERY_LOSS = frozenset({"value", "grad_logits"})
"""Quantities that every framework gives of a loss, whichever its labels."""

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

COMPILED_OPTIONS = (
    SPATIAL_OPTIONS,
    Options(ignore_index=-100, reduction="mean", weight=True, label_smoothing=0.125),
    Options(label_smoothing=0.125, weight=True, reduction="mean"),
    Options(pos_weight=True),
    Options(reduction="mean", weight=True, pos_weight=True),
)
"""The options that are also tested compiled, in float32: the longest combinations, because compilers fuse."""

FEW_CLASSES = frozenset({1, COMMON_CLASSES, 33, 129, 1024, TWO_TILES})
"""One class, the common count, remainders behind vectors, whole vectors, and more classes than float16 counts."""

CLASSES = {
    "quick": {
        ("eager", "float16"): frozenset({COMMON_CLASSES, TWO_TILES}),
        ("eager", "bfloat16"): frozenset({COMMON_CLASSES, TWO_TILES}),
        ("eager", "float64"): frozenset({COMMON_CLASSES}),
        ("compiled", "float32"): frozenset({COMMON_CLASSES}),
        ("compiled", "float16"): frozenset(),
        ("compiled", "bfloat16"): frozenset(),
        ("compiled", "float64"): frozenset(),
    },
    "full": {
        ("eager", "float16"): FEW_CLASSES,
        ("eager", "float64"): FEW_CLASSES,
        ("compiled", "float32"): FEW_CLASSES | {2, 3, 127, 128, 1025, 4096},
        ("compiled", "float16"): FEW_CLASSES,
        ("compiled", "bfloat16"): FEW_CLASSES,
        ("compiled", "float64"): FEW_CLASSES,
    },
}
"""Class counts that a profile asks of a mode and format, where not all: every new shape costs a compilation, in JAX
also in eager mode, and torch.compile starts a C++ compiler. All are asked in eager float32; in full also in bfloat16,
whose vectors are others; compiled, in float32, where a vectorised loop begins, ends or leaves a remainder."""

VALUES_OF_EQUAL_LOGITS = frozenset({("softmax", "none", "value"), ("log_sum_exp", "none", "value")})
"""What is asked of the class counts `EQUAL_LOGITS` in eager half precision: a sum shows in the value already."""


def asks_classes(cell: Cell, profile: str, classes: int) -> bool:
    """Return whether a cell of the main questions is asked rows of this many classes."""
    if classes in EQUAL_LOGITS:
        return cell.mode == "eager" and (cell.op, cell.labels, cell.quantity) in VALUES_OF_EQUAL_LOGITS
    if (profile, cell.format, cell.labels, classes) == ("quick", "float16", "distributions", TWO_TILES):
        return False  # the sums are those of class indices
    asked = CLASSES[profile].get((cell.mode, cell.format))
    return asked is None or classes in asked


FULL_ENTRIES = frozenset({"weights", "return_sign", "dtype", "softmin"})
"""Functions besides the first that are it with another argument: the full profile asks them."""

MAIN_MODES = ("eager", "compiled")
"""Modes that are asked in every format; what else a framework offers is asked with the common batch, classes last."""

QUICK_OF_FURTHER_MODES = ("softmax_cross_entropy", "value", "float32")
"""Op, quantity and format that the quick profile asks of modes that are not main."""

FURTHER_FORMATS = PRODUCED_FORMATS = ("bfloat16", "float32")
"""Formats of further modes, and of what stands in front of an op: the two that are trained in."""

ENTRY_QUANTITIES = ("value", "grad_logits", "grad_labels", "jvp")
"""What the other functions of an op are asked, with the common class count: the kernels are mostly the same.
Forward mode is asked in eager float32 alone; of a second derivative by way of probabilities there is no bound.
The quick profile asks value and gradient in eager float32 and `QUICK_ENTRY_CHECKS`."""


def main_questions() -> list[Question]:
    """Return what is asked with every regime, in every mode, format and layout: values and gradients of rows."""
    return [question for question in _questions() if _is_main(question)]


def further_questions() -> list[Question]:
    """Return what is asked with the common class count, classes last; in the quick profile in eager float32."""
    return [question for question in _questions() if not _is_main(question)]


def _questions() -> Iterator[Question]:
    for op in OPS.values():
        yield from op.questions()


def _is_main(question: Question) -> bool:
    op, _, quantity = question
    return quantity not in TAKES_TANGENT and not OPS[op].elementwise


def every_cell(adapter: Adapter) -> Iterator[Cell]:
    """Yield every cell of the full profile; whether the framework offers it is the adapter's to say."""
    for family in (_main_cells, _option_cells, _further_modes, _further_entries, _produced_cells):
        yield from family(adapter)


def is_quick(cell: Cell) -> bool:
    """Return whether the quick profile asks a cell too."""
    if cell.producer or cell.mode not in MAIN_MODES:
        return not cell.producer and (cell.op, cell.quantity, cell.format) == QUICK_OF_FURTHER_MODES
    if cell.entry:
        is_asked = cell.entry not in FULL_ENTRIES and cell.quantity in OF_EVERY_LOSS
        return is_asked and _is_eager_float32(cell) and cell.options == PLAIN
    if cell.options != PLAIN:
        return is_sum_of_halves(cell) or (_is_eager_float32(cell) and (cell.axis == "last" or _is_spatial(cell)))
    if (cell.axis, cell.layout) == SHAPES[1] and cell.format in HALF_FORMATS:
        return (cell.mode, cell.quantity) == ("eager", "value") and OPS[cell.op].keeps_classes
    if (cell.op, cell.labels, cell.quantity) in further_questions() or (cell.axis, cell.layout) != SHAPES[0]:
        return _is_eager_float32(cell)
    return CLASSES["quick"].get((cell.mode, cell.format)) != frozenset()


def _is_eager_float32(cell: Cell) -> bool:
    return (cell.mode, cell.format) == ("eager", "float32")


def is_sum_of_halves(cell: Cell) -> bool:
    """Return whether a cell sums rows in half precision: the values, and the gradient of the mean."""
    asked = cell.quantity == "value" or cell.options == Options(reduction="mean")
    is_eager = (cell.mode, cell.axis, cell.entry) == ("eager", "last", "")
    return is_eager and asked and cell.format in HALF_FORMATS and cell.options in SUMS_OF_HALVES


def _is_spatial(cell: Cell) -> bool:
    return (cell.axis, cell.options) == ("middle", SPATIAL_OPTIONS)


def _main_modes(adapter: Adapter) -> list[str]:
    return [mode for mode in adapter.modes if mode in MAIN_MODES]


def _main_cells(adapter: Adapter) -> Iterator[Cell]:
    """Yield the questions in every format of the main modes; eager mode is asked in other layouts too."""
    for mode, format_ in product(_main_modes(adapter), FORMATS):
        shapes = SHAPES if mode == "eager" else SHAPES[:1]
        for (op, labels, quantity), (axis, layout) in product(main_questions(), shapes):
            yield Cell(adapter.name, mode, op, quantity, format_, labels, axis, layout)
        for op, labels, quantity in further_questions():
            yield Cell(adapter.name, mode, op, quantity, format_, labels)


def _option_cells(adapter: Adapter) -> Iterator[Cell]:
    """Yield the losses with options: in eager mode on every class axis, which an elementwise loss does not have."""
    for (op, labels), quantity in product(OPTIONS, ("value", "grad_logits")):
        for options, format_, axis in product(OPTIONS[op, labels], FORMATS, AXES):
            if axis == "last" or not OPS[op].elementwise:
                yield Cell(adapter.name, "eager", op, quantity, format_, labels, axis, options=options)
        for options in OPTIONS[op, labels]:
            if options in COMPILED_OPTIONS and "compiled" in adapter.modes:
                yield Cell(adapter.name, "compiled", op, quantity, "float32", labels, options=options)


def _further_modes(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells of the modes that an adapter runs besides the main ones."""
    modes = [mode for mode in adapter.modes if mode not in MAIN_MODES]
    for mode, format_, (op, labels, quantity) in product(modes, FURTHER_FORMATS, main_questions()):
        yield Cell(adapter.name, mode, op, quantity, format_, labels)


def _further_entries(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells of the functions that an adapter asks besides the first of each op."""
    for (op, labels), words in entries(adapter).items():
        for entry, mode, format_, quantity in product(words, _main_modes(adapter), FORMATS, ENTRY_QUANTITIES):
            is_asked = quantity not in TAKES_TANGENT or (mode, format_) == ("eager", "float32")
            if is_asked and (quantity != "grad_labels" or labels == "distributions"):
                yield Cell(adapter.name, mode, op, quantity, format_, labels, entry=entry)
        for entry, quantity, options in product(words, ("value", "grad_logits"), OPTIONS.get((op, labels), ())):
            yield Cell(adapter.name, "eager", op, quantity, "float32", labels, entry=entry, options=options)


def _produced_cells(adapter: Adapter) -> Iterator[Cell]:
    """Yield the cells in which something stands in front of the op."""
    for producer, mode, format_ in product(producers(adapter), _main_modes(adapter), PRODUCED_FORMATS):
        for op, labels, quantity in main_questions():
            if quantity in OF_EVERY_LOSS:
                yield Cell(adapter.name, mode, op, quantity, format_, labels, producer=producer)
