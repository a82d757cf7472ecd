"""Mutations of rows, one kind per function: bits, neighbours, shifts, copies, blocks; NaN stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.vocabulary.formats import widened

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from logitproof.searches.rows import Rows

    Logits = NDArray[Any]
    Change = Callable[[np.random.Generator, Logits], Logits]

MOST_CHANGED = 8
"""Logits of a row that are changed one by one."""


def _chosen(rng: np.random.Generator, logits: Logits) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return some places of each row, with repetitions."""
    rows, classes = logits.shape
    count = int(rng.integers(1, min(MOST_CHANGED, classes) + 1))
    return np.arange(rows)[:, None], rng.integers(0, classes, (rows, count))


def _words(logits: Logits) -> NDArray[Any]:
    return logits.view(np.dtype(f"u{logits.itemsize}"))


def _bits(rng: np.random.Generator, logits: Logits) -> Logits:
    """Turn a bit of some logits: the low ones as often as the high ones."""
    changed = logits.copy()
    at = _chosen(rng, logits)
    words = _words(changed)
    words[at] ^= (np.uint64(1) << rng.integers(0, 8 * logits.itemsize, at[1].shape).astype(np.uint64)).astype(
        words.dtype
    )
    return changed


def _neighbours(rng: np.random.Generator, logits: Logits) -> Logits:
    """Move some logits by a few units in the last place."""
    changed = logits.copy()
    at = _chosen(rng, logits)
    words = _words(changed)
    signed = words.view(np.dtype(f"i{logits.itemsize}"))
    signed[at] += rng.integers(-4, 5, at[1].shape).astype(signed.dtype)
    return changed


def _shift(rng: np.random.Generator, logits: Logits) -> Logits:
    """Add a number to all logits of a row."""
    shift = rng.normal(size=(len(logits), 1)) * 10.0 ** rng.uniform(-6.0, 2.0, (len(logits), 1))
    return (widened(logits) + shift).astype(logits.dtype)


def _scale(rng: np.random.Generator, logits: Logits) -> Logits:
    """Multiply all logits of a row."""
    return (widened(logits) * 2.0 ** rng.normal(0.0, 0.3, (len(logits), 1))).astype(logits.dtype)


def _one(rng: np.random.Generator, logits: Logits) -> Logits:
    """Move one logit of a row by any amount."""
    changed = widened(logits)
    at = np.arange(len(logits)), rng.integers(0, logits.shape[1], len(logits))
    changed[at] += rng.normal(size=len(logits)) * 10.0 ** rng.uniform(-6.0, 2.0, len(logits))
    return changed.astype(logits.dtype)


def _copy(rng: np.random.Generator, logits: Logits) -> Logits:
    """Let some logits be equal to another one of the row."""
    changed = logits.copy()
    at = _chosen(rng, logits)
    changed[at] = logits[np.arange(len(logits)), rng.integers(0, logits.shape[1], len(logits))][:, None]
    return changed


def _block(rng: np.random.Generator, logits: Logits) -> Logits:
    """Let a run of logits be equal to one of the row."""
    changed = logits.copy()
    classes = logits.shape[1]
    start = int(rng.integers(0, classes))
    end = start + int(rng.integers(1, classes - start + 1))
    changed[:, start:end] = logits[np.arange(len(logits)), rng.integers(0, classes, len(logits))][:, None]
    return changed


def _order(rng: np.random.Generator, logits: Logits) -> Logits:
    """Put the logits in another order, the same for all rows."""
    return np.ascontiguousarray(logits[:, rng.permutation(logits.shape[1])])


CHANGES: tuple[Change, ...] = (_bits, _neighbours, _shift, _scale, _one, _copy, _block, _order)


def changed(rng: np.random.Generator, rows: Rows) -> Rows:
    """Return rows of which each is changed in one way."""
    parts = np.array_split(rng.permutation(len(rows)), len(CHANGES))
    logits = rows.logits.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for change, part in zip(CHANGES, parts, strict=True):
            if part.size:
                new = change(rng, np.ascontiguousarray(rows.logits[part]))
                is_number = np.isfinite(widened(new)).all(axis=1)
                logits[part[is_number]] = new[is_number]
    return rows.with_logits(logits)
