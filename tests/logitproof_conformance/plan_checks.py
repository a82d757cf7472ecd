"""Which checks there are beside the regimes, and of which cells each is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.bad_inputs import BAD_INPUTS, BAD_LABELS, takes
from logitproof_conformance.layout import SHAPES
from logitproof_reference.cells import PLAIN, SIGMOID

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reference.cells import Cell

CHECKS = {
    "poisoned_neighbours": "rows",
    "another_place": "rows",
    "row_alone": "rows",
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

LOSSES = frozenset({"softmax_cross_entropy", SIGMOID})


def _keeps_rows(cell: Cell) -> bool:
    """Tell whether every row counts, by itself: only then does the form of its label change nothing."""
    return cell.options.reduction == "none" and cell.options.ignore_index is None


def _everywhere(_cell: Cell) -> bool:
    return True


def _is_plain(cell: Cell) -> bool:
    return (cell.axis, cell.layout) == SHAPES[0]


ONE_MORE_SHAPE: dict[str, Callable[[Cell], bool]] = {
    "empty_batch": _everywhere,
    "row_alone": lambda cell: _is_plain(cell) and cell.op in LOSSES and cell.quantity in OF_EVERY_LOSS,
}
"""Checks whose rows are one more shape to compile, and of which cells the quick profile asks them, eager in float32."""

SOMEWHERE: dict[str, Callable[[Cell], bool]] = {
    "row_sums": lambda cell: (cell.op, cell.labels, cell.quantity) in SUM_LAWS,
    "accuracy_class": _is_plain,
}
"""Further checks that do not make sense for every cell."""


def makes_sense(check: str, cell: Cell, profile: str) -> bool:
    """Tell whether a check says something of a cell, and is asked of it in this profile."""
    if cell.producer:
        return check == "result"
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
        return (profile == "full" or fits) and _is_plain(cell) and LAWS[check](cell)
    if check in BAD_INPUTS:
        fits = (cell.mode, cell.format) == ("eager", "float32")
        return (profile == "full" or fits) and _is_plain(cell) and takes(check, cell)
    if check in ONE_MORE_SHAPE and profile == "quick":
        return (cell.mode, cell.format) == ("eager", "float32") and ONE_MORE_SHAPE[check](cell)
    return SOMEWHERE.get(check, _everywhere)(cell)
