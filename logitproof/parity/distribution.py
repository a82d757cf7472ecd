"""A histogram of magnitudes in constant memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

SHIFT = 48
"""A bin holds the numbers whose float64 bits agree but for the last 48: sixteen bins between powers of two."""
BINS = 1 << (64 - SHIFT)


@dataclass
class Distribution:
    """How many magnitudes fell where, and the largest; infinities and NaN are counted apart.

    Attributes
    ----------
    counts : int64 array (BINS,)
    total : float
        Their sum.
    largest : float
    where : int
        The index at which that stands; -1 where there is none.
    apart : int
        Those that are not finite.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    total: float = 0.0
    largest: float = -1.0
    where: int = -1
    apart: int = 0

    def add(self, magnitudes: F64, first: int = 0) -> None:
        """Count magnitudes, the first of which has the index `first`."""
        finite = np.isfinite(magnitudes)
        self.apart += int(magnitudes.size - finite.sum())
        kept = np.where(finite, np.abs(magnitudes), -1.0).astype(np.float64)
        if not finite.any():
            return
        position = int(kept.argmax())
        if kept[position] > self.largest:
            self.largest, self.where = float(kept[position]), first + position
        kept = kept[finite]
        self.total += float(kept.sum())
        self.counts += np.bincount((kept.view(np.uint64) >> np.uint64(SHIFT)).astype(np.intp), minlength=BINS)

    def merge(self, other: Distribution) -> None:
        """Add what another one has counted."""
        self.counts += other.counts
        self.total += other.total
        self.apart += other.apart
        if other.largest > self.largest:
            self.largest, self.where = other.largest, other.where

    @property
    def number(self) -> int:
        """How many finite magnitudes there are."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Their mean; NaN of none."""
        return self.total / self.number if self.number else float("nan")

    def quantile(self, share: float) -> float:
        """Return a number that at least `share` of the magnitudes do not exceed: the end of a bin, 6 % off at most."""
        if not self.number:
            return float("nan")
        bin_ = int(np.searchsorted(np.cumsum(self.counts), share * self.number))
        if bin_ == 0 and self.counts[0]:
            return 0.0
        end = np.array([bin_ + 1], np.uint64) << np.uint64(SHIFT)
        return min(float(end.view(np.float64)[0]), self.largest)

    def octaves(self) -> list[tuple[int, int]]:
        """Return (e, n): n magnitudes in [2**e, 2**(e + 1)), of every e between the least and the largest."""
        by_octave = self.counts.reshape(-1, 16).sum(axis=1)
        filled = np.flatnonzero(by_octave[1:]) + 1
        if not filled.size:
            return []
        return [(int(e) - 1023, int(by_octave[e])) for e in range(filled[0], filled[-1] + 1)]

    def to_data(self) -> dict[str, Any]:
        """Return what is reported of it."""
        return {
            "number": self.number,
            "not_finite": self.apart,
            "mean": self.mean,
            **{f"p{share}": self.quantile(share / 100) for share in (50, 90, 99)},
            "p99.9": self.quantile(0.999),
            "largest": self.largest if self.where >= 0 else None,
            "where": self.where,
        }
