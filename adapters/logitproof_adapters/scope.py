"""What this release's adapters wrap, with a reason for every cell they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reference.cells import PLAIN

if TYPE_CHECKING:
    from logitproof_reference.cells import Cell

WRAPPED_OPS = ("softmax", "log_softmax", "log_sum_exp", "softmax_cross_entropy")
WRAPPED_QUANTITIES = ("value", "grad_logits", "grad_labels")


def not_wrapped(cell: Cell, modes: tuple[str, ...]) -> str | None:
    """Return why no adapter of this release can be asked `cell`, or None where one can.

    Parameters
    ----------
    cell : Cell
        The question.
    modes : tuple of str
        The modes its adapter runs.
    """
    takes_labels = cell.op == "softmax_cross_entropy"
    reasons = {
        f"{cell.op} is not wrapped yet; wrapped: {', '.join(WRAPPED_OPS)}": cell.op not in WRAPPED_OPS,
        f"{cell.quantity} is not wrapped yet; wrapped: {', '.join(WRAPPED_QUANTITIES)}": (
            cell.quantity not in WRAPPED_QUANTITIES
        ),
        "options of the loss are not wrapped yet": cell.options != PLAIN,
        f"mode {cell.mode} is not wrapped; wrapped: {', '.join(modes)}": cell.mode not in modes,
        f"{cell.op} takes no labels": not takes_labels and (cell.labels != "none" or cell.quantity == "grad_labels"),
        f"{cell.op} needs labels": takes_labels and cell.labels == "none",
        "class indices have no gradient": cell.quantity == "grad_labels" and cell.labels == "indices",
    }
    return next((reason for reason, applies in reasons.items() if applies), None)
