"""The checks besides the regimes, and the cells that each applies to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from logitproof_conformance.plan.bad_inputs import (
    BAD_INPUTS,
    BAD_LABELS,
    NARROW_IGNORED,
    NO_CLASSES,
    WEIGHT_FORMATS,
    takes,
)
from logitproof_conformance.plan.cells import MAIN_MODES, OF_EVERY_LOSS, is_sum_of_halves
from logitproof_conformance.plan.further_layouts import FURTHER_LAYOUTS, ONE_DIMENSION, takes_layout
from logitproof_conformance.plan.layout import SHAPES
from logitproof_conformance.plan.spellings import EVERY_AXIS, SPELLINGS, takes_spelling
from logitproof_reference.vocabulary.cells import PLAIN, Options
from logitproof_reference.vocabulary.ops import MIXED_DERIVATIVE, OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.vocabulary.cells import Cell

CERTAIN_CLASS = "certain_class"
"""The gradient with respect to a logit whose class is all but certain."""

ZERO_DIMENSIONS = "zero_dimensions"
"""Logits of no axis: one number, the only class."""

CHECKS = {
    "poisoned_neighbours": "rows",
    "another_place": "rows",
    "row_alone": "rows",
    "few_rows": "rows",
    "repeated_call": "rows",
    "row_sums": "laws",
    "shifted_rows": "laws",
    "permuted_classes": "laws",
    "one_hot_labels": "laws",
    "order_of_logits": "laws",
    "forward_and_reverse": "laws",
    "second_vector": "laws",
    MIXED_DERIVATIVE: "laws",
    "eager_answer": "modes",
    "eager_refusal": "modes",
    "accuracy_class": "classes",
    "accuracy_grade": "classes",
    CERTAIN_CLASS: "classes",
    "result": "results",
    "empty_batch": "results",
    "second_backward": "results",
    "padded_rows": "results",
    **dict.fromkeys(FURTHER_LAYOUTS, "results"),
    ONE_DIMENSION: "results",
    **dict.fromkeys((*SPELLINGS, EVERY_AXIS), "results"),
    ZERO_DIMENSIONS: "results",
    **dict.fromkeys(BAD_INPUTS, "errors"),
    NARROW_IGNORED: "errors",
    **dict.fromkeys(WEIGHT_FORMATS, "errors"),
}
"""Checks that look at more than one regime or ask again, and their chapter."""

PRODUCED_CHECKS = frozenset({"result", "few_rows"})
LABEL_COLUMN = "label_column"
OPTION_CHECKS = frozenset(
    {"result", "one_hot_labels", "second_backward", NARROW_IGNORED, LABEL_COLUMN, NO_CLASSES, *WEIGHT_FORMATS}
)
FURTHER_MODE_CHECKS = frozenset(
    {"poisoned_neighbours", "eager_answer", "eager_refusal", "accuracy_class", "accuracy_grade", "result"}
)
"""What is asked beside the regimes: behind a producer, of options, and of modes that are not main."""

QUICK_ENTRY_CHECKS = frozenset({"poisoned_neighbours", "accuracy_class", "accuracy_grade", "result", *BAD_LABELS})

LAWS: dict[str, Callable[[Cell], bool]] = {
    "shifted_rows": lambda cell: "shifted_rows" in OPS[cell.op].laws,
    "permuted_classes": lambda cell: "permuted_classes" in OPS[cell.op].laws,
    "one_hot_labels": lambda cell: cell.quantity in OF_EVERY_LOSS and cell.labels == "indices" and _keeps_rows(cell),
    "order_of_logits": lambda cell: "order_of_logits" in OPS[cell.op].laws and cell.quantity == "value",
    "forward_and_reverse": lambda cell: cell.quantity == "jvp",
    "second_vector": lambda cell: cell.quantity == "hvp",
    "eager_answer": lambda cell: cell.mode != "eager",
    "eager_refusal": lambda cell: cell.mode != "eager" and cell.labels == "indices" and cell.quantity in OF_EVERY_LOSS,
}
"""Checks that relate two answers, or the elements of one, and the cells for which they make sense."""

IN_A_PROCESS = frozenset({"eager_refusal"})
"""Checks that start a process of their own, for what they ask may end it."""


def _keeps_rows(cell: Cell) -> bool:
    """Return whether every row counts, by itself: only then does the form of its label change nothing."""
    return cell.options.reduction == "none" and cell.options.ignore_index is None


def _everywhere(_cell: Cell) -> bool:
    return True


def _is_worth_a_shape(cell: Cell) -> bool:
    """Return whether a cell has checks of further shapes: always in eager mode, compiled only in float32."""
    return cell.mode == "eager" or cell.format == "float32"


def _goes_backward_twice(cell: Cell) -> bool:
    """Return whether a cell is asked for a second gradient: where it may be another one than without options."""
    alike = cell.options != PLAIN and cell.options.reduction == "none"
    return cell.quantity == "grad_logits" and not alike and _is_worth_a_shape(cell)


def _is_plain(cell: Cell) -> bool:
    return (cell.axis, cell.layout) == SHAPES[0]


def _is_compiled_value(cell: Cell) -> bool:
    return (cell.mode, cell.quantity, cell.format, cell.entry) == ("compiled", "value", "float32", "")


ONE_MORE_SHAPE: dict[str, Callable[[Cell], bool]] = {
    "empty_batch": _everywhere,
    "row_alone": lambda cell: OPS[cell.op].takes_labels,
    "padded_rows": lambda cell: cell.quantity in OF_EVERY_LOSS,
    "few_rows": lambda _cell: False,
    ONE_DIMENSION: lambda cell: cell.quantity == "value",
    NARROW_IGNORED: lambda cell: cell.quantity == "value",
    MIXED_DERIVATIVE: lambda cell: not OPS[cell.op].elementwise,
    CERTAIN_CLASS: lambda cell: cell.op != "softmax_cross_entropy",
    **dict.fromkeys((*SPELLINGS, EVERY_AXIS, ZERO_DIMENSIONS), lambda _cell: False),
}
"""Checks whose arrays are one more shape or format, or lie otherwise: the cells that quick asks, eager in float32."""

QUICK_LAYOUTS = frozenset({"first_before_ones"})
COMPILED_LAYOUTS = frozenset({"first_before_ones", "second_of_four_axes"})
QUICK_COMPILED_LAYOUT = ("softmax", "value")
"""Further layouts that quick asks, those that are asked compiled too, in float32, and the op and quantity that quick
asks so: each is one more program to compile."""

QUICK_REFUSAL = ("labels_one_short", "compiled", "value")
"""The bad input that the quick profile asks compiled too, and of what: it is refused before anything is compiled."""

MIXED_PRECISION = {"distributions_in_float32": "bfloat16"}
"""Bad inputs that the quick profile asks in another format than float32."""

WEIGHT_ALONE = Options(weight=True)
MEAN = Options(reduction="mean")
"""The options with which no classes are asked too: a mean divides by what may be their number."""


def _is_weighted_value(check: str, cell: Cell) -> bool:
    """Return whether a cell is asked weights in another format: values of rows, with nothing else."""
    asked = (cell.mode, cell.quantity, cell.options) == ("eager", "value", WEIGHT_ALONE)
    return asked and _is_plain(cell) and cell.format != WEIGHT_FORMATS[check]


def _asks_mixed_derivative(cell: Cell) -> bool:
    asked = (cell.mode, cell.quantity, cell.format) == ("eager", "grad_labels", "float32")
    return asked and not cell.entry and _is_plain(cell)


def _asks_certain_class(cell: Cell) -> bool:
    """Return whether a cell is asked the gradient of a certain class; of class indices its accuracy class says it."""
    asked = cell.mode == "eager" and cell.quantity == "grad_logits" and not cell.entry and _is_plain(cell)
    return asked and (cell.op in {"softmax", "log_softmax"} or cell.labels == "distributions")


def _is_spelled_otherwise(word: str, cell: Cell) -> bool:
    """Return whether a cell is asked by another call: in eager mode, the first function of an op without options."""
    return cell.mode == "eager" and not cell.entry and _is_plain(cell) and takes_spelling(word, cell)


def _ignores_alone(cell: Cell) -> bool:
    """Return whether a cell ignores an index, with nothing beside but a reduction."""
    options = cell.options
    alone = Options(ignore_index=options.ignore_index, reduction=options.reduction)
    return options.ignore_index is not None and options == alone and cell.mode == "eager" and _is_plain(cell)


SOMEWHERE: dict[str, Callable[[Cell], bool]] = {
    "row_sums": lambda cell: (cell.labels, cell.quantity) in OPS[cell.op].row_sums,
    "accuracy_class": _is_plain,
    "accuracy_grade": _is_plain,
    CERTAIN_CLASS: _asks_certain_class,
    "empty_batch": _is_worth_a_shape,
    "row_alone": lambda cell: _is_plain(cell) and cell.quantity in OF_EVERY_LOSS and _is_worth_a_shape(cell),
    "second_backward": lambda cell: _is_plain(cell) and _goes_backward_twice(cell),
    "padded_rows": lambda cell: _is_plain(cell) and cell.mode == "eager",
    "few_rows": lambda cell: _is_compiled_value(cell) and bool(cell.producer or cell.op == "softmax_cross_entropy"),
    MIXED_DERIVATIVE: _asks_mixed_derivative,
    ONE_DIMENSION: lambda cell: _is_plain(cell) and cell.mode == "eager" and not OPS[cell.op].elementwise,
    NARROW_IGNORED: _ignores_alone,
    **{word: partial(_is_spelled_otherwise, word) for word in (*SPELLINGS, EVERY_AXIS, ZERO_DIMENSIONS)},
    **{check: partial(_is_weighted_value, check) for check in WEIGHT_FORMATS},
}
"""Further checks that do not make sense for every cell."""


def makes_sense(check: str, cell: Cell, profile: str) -> bool:
    """Return whether a check says something of a cell, and is asked of it in this profile."""
    return _says_something(check, cell) and (profile == "full" or _is_quick(check, cell))


def _says_something(check: str, cell: Cell) -> bool:
    """Return whether a check is asked of cells of this kind, and says something of this one."""
    narrower = {
        PRODUCED_CHECKS: bool(cell.producer),
        OPTION_CHECKS: cell.options != PLAIN,
        FURTHER_MODE_CHECKS: cell.mode not in MAIN_MODES,
    }
    if any(applies and check not in checks for checks, applies in narrower.items()):
        return False
    if check == NO_CLASSES and cell.options != PLAIN:
        return cell == replace(cell, mode="eager", options=MEAN, entry="", axis="last") and takes(check, cell)
    if check in LAWS or check in BAD_INPUTS:
        return _is_plain(cell) and (LAWS[check](cell) if check in LAWS else takes(check, cell))
    if check in FURTHER_LAYOUTS:
        asked = cell.mode == "eager" or (check in COMPILED_LAYOUTS and _is_worth_a_shape(cell))
        lone = cell.options == PLAIN or (check == LABEL_COLUMN and _ignores_alone(cell) and not cell.is_scalar)
        return asked and lone and _is_plain(cell) and takes_layout(check, cell)
    return SOMEWHERE.get(check, _everywhere)(cell)


def _is_quick(check: str, cell: Cell) -> bool:
    """Return whether the quick profile has a check too; for compiled cells, only the comparison with eager mode."""
    if is_sum_of_halves(cell) or (cell.entry and check not in QUICK_ENTRY_CHECKS):
        return False
    is_eager, is_float32 = cell.mode == "eager", cell.format == "float32"
    if check in LAWS:
        return is_float32 and check not in IN_A_PROCESS and is_eager == (check != "eager_answer")
    if check in FURTHER_LAYOUTS:
        asked = cell.quantity in OF_EVERY_LOSS if is_eager else (cell.op, cell.quantity) == QUICK_COMPILED_LAYOUT
        return check in QUICK_LAYOUTS and asked and is_float32
    if check in BAD_INPUTS:
        asked = is_eager or (check, cell.mode, cell.quantity) == QUICK_REFUSAL
        return asked and cell.format == MIXED_PRECISION.get(check, "float32")
    return check not in ONE_MORE_SHAPE or (is_eager and is_float32 and ONE_MORE_SHAPE[check](cell))
