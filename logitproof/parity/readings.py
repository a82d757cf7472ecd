"""Interpretations of a side: temperature applied once, twice or not at all; all classes, or only the sampled set.

Each reading makes log-probabilities of the given logits. That which a side is nearest to, on the first rows, is what it
holds, where it is nearest by far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.parity.truth import RowTruth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.parity.blocks import Block
    from logitproof.parity.request import Request

SAMPLE = 256
"""Number of rows on which every interpretation is tried."""

BY_FAR = 8.0
"""An interpretation counts if the next best is this many times farther off."""

TIMES = {"not at all": 0, "once": 1, "twice": 2}


@dataclass(frozen=True)
class Kept:
    """The classes that sampling keeps, by the largest probabilities.

    Attributes
    ----------
    name : str
    log_mass : float
        The logarithm of their probability together.
    least : float
        The smallest logit, over the temperature, among them.
    """

    name: str
    log_mass: float
    least: float


def kept_classes(truth: RowTruth, ordered: NDArray[Any], top_k: int, top_p: float) -> list[Kept]:
    """Return what top-k and top-p each keep of a row: all ties with the last one that is kept.

    `ordered` has the row's logits in ascending order, before the temperature, which does not change it.
    """
    if not top_k and top_p == 1.0:
        return []
    descending = ordered[::-1].astype(np.float64)
    if truth.temperature != 1.0:
        descending /= truth.temperature
    total = np.log1p(truth.others)
    shares = np.exp(descending - descending[0] - total)
    # 1 - what is left out keeps its digits where nearly everything is kept.
    tails = np.concatenate((np.cumsum(shares[::-1])[::-1][1:], [0.0]))
    found = []
    if top_k:
        found.append(_kept(f"top-k {top_k}", descending, tails, min(top_k, len(tails))))
    if top_p < 1.0:
        enough = np.flatnonzero(tails <= 1.0 - top_p)
        found.append(_kept(f"top-p {top_p:g}", descending, tails, int(enough[0]) + 1))
    return found


def _kept(name: str, descending: NDArray[np.float64], tails: NDArray[np.float64], count: int) -> Kept:
    least = float(descending[count - 1])
    through = int(np.searchsorted(-descending, -least, side="right"))
    return Kept(name, float(np.log1p(-tails[through - 1])), least)


@dataclass
class Readings:
    """The errors of each side under every interpretation, on the first rows.

    Attributes
    ----------
    request : Request
    errors : mapping of reading to a list for each side
        |side - reading| of each row.
    log_mass : mapping of name to list
        The log of the mass that top-k or top-p keeps, of each row.
    slopes : list of float
        Of b over a, across the classes of a row: 1 where both have one temperature.
    """

    request: Request
    errors: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    log_mass: dict[str, list[float]] = field(default_factory=dict)
    slopes: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request) -> Readings:
        """Return readings of nothing yet."""
        return cls(request)

    def add(self, block: Block, start: int) -> None:
        """Read the rows of a block, as far as they are among the first."""
        for row in range(min(len(block.a), SAMPLE - start)):
            if block.a.ndim == 2:
                self._slope(block.a[row], block.b[row])
            if block.logits is not None:
                self._read(block, row)

    def merge(self, other: Readings) -> None:
        """Add what later rows gave."""
        for name, lists in other.errors.items():
            for mine, its in zip(self.errors.setdefault(name, ([], [])), lists, strict=True):
                mine.extend(its)
        for name, masses in other.log_mass.items():
            self.log_mass.setdefault(name, []).extend(masses)
        self.slopes += other.slopes

    def best(self, side: int) -> str:
        """Return as what a side (0 or 1) reads; empty if nothing parts the readings, or none fits."""
        means = sorted((float(np.median(lists[side])), name) for name, lists in self.errors.items() if lists[side])
        if len(means) < 2 or not np.isfinite(means[0][0]):
            return ""
        (first, name), (second, _) = means[:2]
        return name if second > BY_FAR * first else ""

    @property
    def ratio(self) -> float | None:
        """The temperature of a over that of b, where rows agree on one other than 1."""
        if not self.slopes:
            return None
        low, middle, high = np.quantile(self.slopes, [0.1, 0.5, 0.9])
        is_one_number = high - low <= 0.02 * abs(middle)
        return float(middle) if is_one_number and abs(middle - 1.0) > 0.01 else None

    def _slope(self, a: NDArray[Any], b: NDArray[Any]) -> None:
        x, y = a.astype(np.float64), b.astype(np.float64)
        finite = np.isfinite(x) & np.isfinite(y)
        x, y = x[finite], y[finite]
        if x.size > 1 and (spread := float(((x - x.mean()) ** 2).sum())) > 0.0:
            self.slopes.append(float(((x - x.mean()) * (y - y.mean())).sum()) / spread)

    def _read(self, block: Block, row: int) -> None:
        assert block.logits is not None
        a, b = block.a[row], block.b[row]
        temperature = self.request.temperature
        token = int(block.logits[row].argmax() if block.tokens is None else block.tokens[row])
        pair = (float(a[token]), float(b[token])) if a.ndim else (float(a), float(b))
        is_kept = self.request.top_k or self.request.top_p < 1.0
        ordered = np.sort(block.logits[row]) if is_kept else block.logits[row]
        for words, times in TIMES.items():
            if temperature == 1.0 and times != 1:
                continue
            truth = RowTruth.of(block.logits[row], temperature**times)
            exact = truth.log_probability(token)
            name = "" if temperature == 1.0 else f"temperature {temperature:g} {words}"
            self._note(name, pair, exact)
            for kept in kept_classes(truth, ordered, self.request.top_k, self.request.top_p):
                inside = bool(truth.scaled[token] >= kept.least)
                self._note(
                    f"{name}{', ' if name else ''}{kept.name}", pair, exact - kept.log_mass if inside else -np.inf
                )
                if times == 1:
                    self.log_mass.setdefault(kept.name, []).append(kept.log_mass)

    def _note(self, name: str, pair: tuple[float, float], exact: float) -> None:
        lists = self.errors.setdefault(name or "all classes", ([], []))
        for found, side in zip(lists, pair, strict=True):
            found.append(0.0 if side == exact else min(abs(side - exact), 1e3))
