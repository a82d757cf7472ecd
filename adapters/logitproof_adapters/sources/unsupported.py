"""Which cells the adapters of this release do not wrap, each with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from logitproof_reference.vocabulary.cells import Cell


NOT_ASKED = "not asked: "
"""How a reason of the suite's own begins. Any other is the framework's: a call for it fails, and
tests/meta/adapters/refusals.py makes it."""


def not_wrapped(
    cell: Cell,
    modes: tuple[str, ...],
    entries: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
    producers: tuple[str, ...] = (),
) -> str | None:
    """Return why no adapter of this release can be asked `cell`, or None where one can.

    Parameters
    ----------
    cell : Cell
        The question.
    modes : tuple of str
        The modes its adapter runs.
    entries : mapping, optional
        The further functions its adapter asks; see `contract.entries`.
    producers : tuple of str, optional
        What its adapter can put in front of an op; see `contract.producers`.
    """
    known_entries = ("", *(entries or {}).get((cell.op, cell.labels), ()))
    op = OPS[cell.op]
    reasons = {
        f"a second derivative of {cell.op}, which has no scalar value": (cell.quantity == "hvp" and not op.offers_hvp),
        f"mode {cell.mode} is not wrapped; wrapped: {', '.join(modes)}": cell.mode not in modes,
        "what is mapped over is rows: their classes lie last": cell.mode == "vmap" and cell.axis != "last",
        f'function "{cell.entry}" is not wrapped for {cell.op}': cell.entry not in known_entries,
        f"no producer {cell.producer} is put in front of an op": cell.producer not in {"", *producers},
        f"{cell.op} takes no labels": not op.takes_labels and (cell.labels != "none" or cell.quantity == "grad_labels"),
        f"{cell.op} needs labels": op.takes_labels and cell.labels == "none",
        "a sigmoid's labels are not class indices": cell.labels == "indices" and op.elementwise,
        "class indices have no gradient": cell.quantity == "grad_labels" and cell.labels == "indices",
    }
    return next((NOT_ASKED + reason for reason, applies in reasons.items() if applies), None)
