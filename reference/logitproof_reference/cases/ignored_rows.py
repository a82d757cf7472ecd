"""Labels of ignored rows: which rows of a batch have the ignored index for a label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.cases.regime import Rows

    I64 = NDArray[np.int64]

ONE_KEPT = (1, 6)
"""Which row counts where all others are ignored, and with which label: its class weight is 1/2."""


def ignore_middle_of_three(labels: I64, ignored: int | None) -> I64:
    """Return labels of which the second of every three is ignored; without an ignored index as they are."""
    return labels if ignored is None else np.where(np.arange(len(labels)) % 3 == 1, ignored, labels)


def ignore_every(rows: Rows, ignored: int | None, every: int) -> Rows:
    """Return rows of which every so many, the first among them, is ignored; the others have other labels than that."""
    if ignored is None:
        return rows
    indices = np.where(rows.indices == ignored, (ignored + 1) % rows.logits.shape[1], rows.indices)
    indices[::every] = ignored
    return replace(rows, indices=indices)


def spoil_ignored(rows: Rows, ignored: int) -> Rows:
    """Return rows with NaN, +inf or -inf in each one that is ignored, at its first class or its last in turn."""
    spoiled = rows.logits.copy()
    at = np.flatnonzero(rows.indices == ignored)
    spoiled[at, np.arange(len(at)) % 2 - 1] = np.resize([np.nan, np.inf, -np.inf], len(at))
    return replace(rows, logits=spoiled)


def ignore_all_but_one(rows: Rows, ignored: int) -> Rows:
    """Return rows of which `ONE_KEPT` alone counts; NaN and infinities stand in some of the others."""
    spoiled = rows.logits.copy()
    spoiled[::3, 0] = np.resize([np.nan, np.inf, -np.inf], len(spoiled[::3]))
    indices = np.full(len(rows), ignored)
    indices[ONE_KEPT[0]] = ONE_KEPT[1]
    return replace(rows, logits=spoiled, indices=indices)
