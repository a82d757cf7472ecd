"""All regimes, the batches in which a cell evaluates them, and the digest of the whole case set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np

from logitproof_reference.cases.regime import PROFILES, Regime, Rows, concatenated
from logitproof_reference.cases.regimes.empty import EMPTY_BATCH
from logitproof_reference.cases.regimes.extreme import REGIMES_EXTREME
from logitproof_reference.cases.regimes.ordinary import REGIMES_ORDINARY
from logitproof_reference.cases.regimes.real import REGIMES_REAL
from logitproof_reference.cases.regimes.wide import REGIMES_WIDE
from logitproof_reference.cases.regimes.wide_extreme import REGIMES_WIDE_EXTREME
from logitproof_reference.cases.regimes.worst_known import WORST_KNOWN
from logitproof_reference.vocabulary.formats import FORMATS, Format, named_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PROFILES", "REGIMES", "Batch", "Regime", "Rows", "batches", "case_set_digest", "poisoned"]

REGIMES: dict[str, Regime] = {
    **REGIMES_ORDINARY,
    **REGIMES_WIDE,
    **REGIMES_REAL,
    WORST_KNOWN.name: WORST_KNOWN,
    **REGIMES_EXTREME,
    **REGIMES_WIDE_EXTREME,
    EMPTY_BATCH.name: EMPTY_BATCH,
}
"""Every regime by name, in the order of reports and of the rows in a batch: the last row of ten classes is NaN."""


@dataclass(frozen=True)
class Batch:
    """The rows of all regimes of one class count, to be asked in one framework call.

    Attributes
    ----------
    classes : int
        The class count n.
    format : Format
        The format of the rows.
    rows : Rows
        All rows, regime after regime; none in the batch of the regime ``empty_batch``.
    slices : dict of str to slice
        Where each regime's rows lie.
    """

    classes: int
    format: Format
    rows: Rows
    slices: dict[str, slice]

    def locate(self, row: int) -> tuple[str, int]:
        """Return the regime that a row of the batch belongs to, and its number within it."""
        return next((name, row - part.start) for name, part in self.slices.items() if part.start <= row < part.stop)


def batches(format_: Format | str, profile: str) -> list[Batch]:
    """Return the case set of one format, one batch per class count, narrowest first.

    The empty batch comes last, on its own: rows beside it would fill it.

    Raises
    ------
    ValueError
        The format or the profile is not known.
    """
    format_ = named_format(format_) if isinstance(format_, str) else format_
    widths = sorted({regime.classes for regime in _asked(format_, profile)})
    return [*(batch_of(format_, profile, n) for n in widths), _batch([EMPTY_BATCH], format_, profile)]


def batch_of(format_: Format, profile: str, classes: int) -> Batch:
    """Return the batch of one class count, built once while it is in use: a digest and a plan take the same rows."""
    regimes = [r for r in _asked(format_, profile) if r.classes == classes and r is not EMPTY_BATCH]
    key = (format_.name, profile, *((r.name, r.values) for r in regimes))
    found = _BUILT.get(key)
    if found is None:
        found = _BUILT[key] = _batch(regimes, format_, profile)
    return found


_BUILT: WeakValueDictionary[tuple[object, ...], Batch] = WeakValueDictionary()


def _asked(format_: Format, profile: str) -> list[Regime]:
    if profile not in PROFILES:
        raise ValueError(f'profile "{profile}" is not known; known: {", ".join(PROFILES)}')
    return [r for r in REGIMES.values() if profile in r.profiles and format_.name in r.formats]


def _batch(regimes: list[Regime], format_: Format, profile: str) -> Batch:
    parts = [regime.build(format_, profile) for regime in regimes]
    ends = np.cumsum([len(rows) for rows in parts]).tolist()
    slices = {r.name: slice(end - len(rows), end) for r, rows, end in zip(regimes, parts, ends, strict=True)}
    return Batch(regimes[0].classes, format_, concatenated(parts), slices)


_POISONED_EVERY = 7


def poisoned(rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Replace the logits of every seventh row by NaN, +inf and -inf in turn.

    Returns
    -------
    Rows
        The same rows, labels and cotangents, but for the poisoned logits.
    bool array, shape (rows,)
        True for the rows left as they were, whose answers must keep their bits (clause ROW-1).
    """
    logits = rows.logits.copy()
    for turn, poison in enumerate((np.nan, np.inf, -np.inf)):
        logits[3 + turn * _POISONED_EVERY :: 3 * _POISONED_EVERY] = poison
    untouched = np.arange(len(rows)) % _POISONED_EVERY != 3
    return replace(rows, logits=logits), untouched


def case_set_digest(profile: str, format_: Format | str | None = None) -> str:
    """Return the SHA-256 of every bit of the case set, of one format or of all four.

    Two runs with the same digest asked the same questions.
    """
    formats = [format_] if format_ is not None else list(FORMATS)
    digest = hashlib.sha256()
    for batch in (batch for name in formats for batch in batches(name, profile)):
        digest.update(f"{batch.format.name} {batch.classes} {batch.slices}\n".encode())
        for part in fields(Rows):
            array = getattr(batch.rows, part.name)
            digest.update(array.view(f"u{array.dtype.itemsize}").astype(f"<u{array.dtype.itemsize}").tobytes())
    return digest.hexdigest()
