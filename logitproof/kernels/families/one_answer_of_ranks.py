"""A loss over a sharded vocabulary: whether all ranks have the same answer (LIN-9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.enclosure import Enclosure

    Array = NDArray[Any]

ONE_ANSWER = "LIN-9"


def farthest(of_ranks: Array, exact: Enclosure) -> Array:
    """Return of each number the one that is farthest from the truth over all ranks, the first axis; NaN counts most."""
    with np.errstate(invalid="ignore"):
        away = np.abs(of_ranks.astype(np.float64) - exact.value)
    at = np.argmax(np.where(np.isnan(away), np.inf, away), axis=0)
    return np.asarray(np.take_along_axis(of_ranks, at[None], axis=0)[0])


def one_answer(of_ranks: Array, exact: Enclosure, bound: NDArray[np.float64]) -> tuple[str, str]:
    """Return the verdict on the losses of ranks, and why they are not one answer."""
    seen = of_ranks.astype(np.float64)
    allowed = 2.0 * np.broadcast_to(bound, exact.shape)
    with np.errstate(invalid="ignore"):
        spread = seen.max(axis=0) - seen.min(axis=0)
        apart = ~(spread <= allowed)
        log_ranks = np.log(len(seen))
        added = np.abs(seen - exact.value - log_ranks) <= allowed + 1e-3 * log_ranks
        added &= np.abs(seen - exact.value) > bound  # a bound of log 2 or more holds both losses
    if apart.any():
        row = int(np.argmax(np.where(apart, np.nan_to_num(spread, nan=np.inf), 0.0)))
        return "deviates", f"row {row}: the ranks have {', '.join(f'{one:.6g}' for one in seen[:, row])}"
    if added.all():
        return "deviates", f"every rank's loss is larger by log {len(seen)}: each holds the whole vocabulary"
    return "conforms", ""
