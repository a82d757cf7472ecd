"""Dialects: which documented options decide an exact answer, and what a run file records of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from logitproof_adapters import contract
from logitproof_reference.vocabulary.cells import PLAIN, Cell, Options
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_adapters.contract import Adapter

    Choices = tuple[tuple[str, Any], ...]
    """Named choices of `LossOptions` with their values, sorted: part of the key under which exact answers are kept."""

LOSS = "softmax_cross_entropy"
ASKED_OF_ALL = (PLAIN, Options(reduction="mean"))
"""A loss that can be asked can be asked with one of these: some always reduce, some never."""

MATTERS: dict[str, Callable[[Cell], bool]] = {
    "mean_over": lambda cell: cell.options.reduction == "mean",
    "empty_mean": lambda cell: cell.options.reduction == "mean",
    "smoothing_over": lambda cell: cell.options.label_smoothing != 0,
    "unnormalized_gradient": lambda cell: cell.labels == "distributions" and cell.quantity in {"grad_logits", "hvp"},
    "clip_probabilities": lambda cell: True,  # noqa: ARG005 - a table's entries share one signature
}
"""Choices, and the cells whose answers they change."""


def choices_of(adapter: Adapter, cell: Cell) -> Choices:
    """Return the choices of the adapter's dialect that change the answer to `cell`."""
    if cell.op != LOSS:
        return ()
    chosen = contract.dialect(adapter, cell).choices
    return tuple(sorted((name, value) for name, value in chosen.items() if MATTERS[name](cell)))


def losses() -> list[tuple[str, str]]:
    """Return the ops that take labels, with each kind they take."""
    return [(op.name, labels) for op in OPS.values() if op.takes_labels for labels in op.label_kinds]


def stated_dialects(adapter: Adapter) -> list[dict[str, Any]]:
    """Return the dialects of all losses that the adapter can be asked, as a run file carries them.

    Returns
    -------
    list of dict
        One a function: ``op``, ``labels`` and ``entry`` as in `Cell`, then the attributes of `Dialect`.
    """
    cells = [
        Cell(adapter.name, adapter.modes[0], op, "value", "float32", labels, entry=entry)
        for op, labels in losses()
        for entry in ("", *contract.entries(adapter).get((op, labels), ()))
    ]
    return [
        {"op": cell.op, "labels": cell.labels, "entry": cell.entry, **asdict(contract.dialect(adapter, cell))}
        for cell in cells
        if any(adapter.unsupported(replace(cell, options=options)) is None for options in ASKED_OF_ALL)
    ]
