"""Compares two sides number by number, and with the exact answer if logits are given; block by block, in threads."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.parity.blocks import Block, blocks
from logitproof.parity.distribution import Distribution
from logitproof.parity.readings import SAMPLE, Readings
from logitproof.parity.request import Request, checked
from logitproof.parity.truth import PIECE, RELATIVE, RowTruth, nearer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass
class Against:
    """How far one side is from the truth.

    Attributes
    ----------
    errors : Distribution
        Of the sampled token, or of the class of each row that is farthest off, in nats.
    nearer : int
        Numbers for which it is the nearer side.
    """

    errors: Distribution = field(default_factory=Distribution)
    nearer: int = 0


@dataclass
class Parity:
    """The counts of a comparison; `merge` adds those of another block.

    Attributes
    ----------
    numbers, same_bits, same_values : int
        Numbers compared, and of how many the bits, or only the values, agree.
    rows, same_rows : int
        Tokens, and of how many every number agrees.
    apart : int
        Numbers that are finite on one side only, or NaN there.
    differences : Distribution
        |a - b| of each row's farthest class, in nats.
    sampled : Distribution
        That of the sampled tokens, where they are known.
    logged : float
        The sum of a - b of those.
    divergence : float
        The sum of r - 1 - log r of those, r = exp(b - a): what estimates KL(a || b).
    worst : tuple
        Token, class, a and b where |a - b| is largest.
    sides : tuple of Against
        Where the logits are given.
    as_near : int
        Numbers for which both sides are as near to the truth.
    """

    numbers: int = 0
    same_bits: int = 0
    same_values: int = 0
    rows: int = 0
    same_rows: int = 0
    apart: int = 0
    differences: Distribution = field(default_factory=Distribution)
    sampled: Distribution = field(default_factory=Distribution)
    logged: float = 0.0
    divergence: float = 0.0
    worst: tuple[int, int, float, float] = (-1, -1, 0.0, 0.0)
    sides: tuple[Against, Against] = field(default_factory=lambda: (Against(), Against()))
    as_near: int = 0

    def merge(self, other: Parity) -> None:
        """Add what another part of the rows gave."""
        if other.differences.largest > self.differences.largest:
            self.worst = other.worst
        for name in ("numbers", "same_bits", "same_values", "rows", "same_rows", "apart", "logged", "divergence"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.as_near += other.as_near
        self.differences.merge(other.differences)
        self.sampled.merge(other.sampled)
        for mine, its in zip(self.sides, other.sides, strict=True):
            mine.errors.merge(its.errors)
            mine.nearer += its.nearer


@dataclass(frozen=True)
class Found:
    """The comparison, and as what each side reads best."""

    request: Request
    parity: Parity
    readings: Readings

    @property
    def distributions(self) -> dict[str, Distribution]:
        """The distributions of differences that are shown, by title."""
        parity, is_whole = self.parity, self.request.is_whole
        shown = {"A and B, farthest class of a token" if is_whole else "A and B, sampled token": parity.differences}
        if is_whole and parity.sampled.number:
            shown["A and B, sampled token"] = parity.sampled
        if self.request.logits is not None:
            shown |= {
                f"{name} and the exact answer": side.errors for name, side in zip("AB", parity.sides, strict=True)
            }
        return shown


def compare(request: Request, *, threads: int = 0) -> Found:
    """Compare two sides.

    Raises
    ------
    UsageError
        As `checked`, or a file ends too early.
    """
    checked(request)
    workers = threads or min(os.cpu_count() or 1, 8)
    total, readings = Parity(), Readings.of(request)
    waiting: deque[Any] = deque()

    def take() -> None:
        parity, read = waiting.popleft().result()
        total.merge(parity)
        readings.merge(read)

    with ThreadPoolExecutor(workers) as pool:
        for start, block in blocks(request):
            waiting.append(pool.submit(_compared, request, block, start))
            if len(waiting) > workers:
                take()
        while waiting:
            take()
    return Found(request, total, readings)


def _compared(request: Request, block: Block, start: int) -> tuple[Parity, Readings]:
    """Compare the rows of a block, and read what each side holds if they are among the first."""
    found, readings = Parity(), Readings.of(request)
    with np.errstate(invalid="ignore", over="ignore"):
        _measure(found, block, start)
        if block.logits is not None:
            _hold_against_truth(found, block, start, request.temperature)
        if start < SAMPLE:
            readings.add(block, start)
    return found, readings


def _same(found: Parity, a: Array, b: Array) -> NDArray[np.bool_]:
    """Return where the bits agree, or, of two formats, the values; and count them."""
    if a.dtype == b.dtype:
        kind = np.dtype(f"u{a.dtype.itemsize}")
        same: NDArray[np.bool_] = a.view(kind) == b.view(kind)
        found.same_bits += int(np.count_nonzero(same))
    else:
        same = a.astype(np.float64) == b.astype(np.float64)
        found.same_values += int(np.count_nonzero(same))
    return same


def _measure(found: Parity, block: Block, start: int) -> None:
    """Count what agrees, and measure a - b: of each row the farthest class, and the sampled token."""
    a, b = block.a, block.b
    found.numbers, found.rows = a.size, len(a)
    if a.ndim == 1:
        found.same_rows = int(np.count_nonzero(_same(found, a, b)))
        gaps = _gap(a, b)
        found.apart = int(np.count_nonzero(~np.isfinite(gaps)))
        found.differences.add(gaps, start)
        at = found.differences.where - start
        classes = block.tokens[at] if block.tokens is not None and at >= 0 else -1
        found.worst = (start + at, int(classes), float(a[at]), float(b[at]))
        _of_sampled(found, a, b, start)
        return
    farthest, columns = np.empty(len(a)), np.empty(len(a), np.int64)
    for row, (of_a, of_b) in enumerate(zip(a, b, strict=True)):  # what one pass reads is cached for the next
        found.same_rows += int(_same(found, of_a, of_b).all())
        gap = _gap(of_a, of_b)
        columns[row] = gap.argmax()
        farthest[row] = gap[columns[row]]
        if not np.isfinite(farthest[row]):
            finite = np.isfinite(gap)
            found.apart += int(gap.size - finite.sum())
            gap[~finite] = -1.0
            columns[row] = gap.argmax()
            farthest[row] = gap[columns[row]] if finite.any() else np.nan
    found.differences.add(farthest, start)
    if (at := found.differences.where - start) >= 0:
        column = int(columns[at])
        found.worst = (start + at, column, float(a[at, column]), float(b[at, column]))
    if block.tokens is not None:
        rows = np.arange(len(a))
        _of_sampled(found, a[rows, block.tokens], b[rows, block.tokens], start)


def _gap(a: Array, b: Array) -> Array:
    """Return |a - b|, 0 where both are the same infinity or both NaN; infinite or NaN where only one is.

    In float32 where both are: the difference is then rounded once, to 24 bits.
    """
    wide = np.float32 if a.dtype == b.dtype == np.float32 else np.float64
    gap: Array = np.abs(a.astype(wide, copy=False) - b.astype(wide, copy=False))
    if not np.isfinite(gap.max(initial=0.0)):
        x, y = a.astype(np.float64), b.astype(np.float64)
        gap[(x == y) | (np.isnan(x) & np.isnan(y))] = 0.0
        gap[np.isnan(gap)] = np.inf
    return gap


def _of_sampled(found: Parity, a: Array, b: Array, start: int) -> None:
    gap = a.astype(np.float64) - b.astype(np.float64)
    gap = np.where(a.astype(np.float64) == b.astype(np.float64), 0.0, gap)
    found.sampled.add(np.abs(gap), start)
    finite = gap[np.isfinite(gap)]
    found.logged += float(finite.sum())
    found.divergence += float((np.expm1(-finite) + finite).sum())


def _hold_against_truth(found: Parity, block: Block, start: int, temperature: float) -> None:
    assert block.logits is not None
    errors = np.empty((2, len(block.a)))
    for row, logits in enumerate(block.logits):
        truth = RowTruth.of(logits, temperature)
        pair = block.a[row], block.b[row]
        if block.a.ndim == 1:
            assert block.tokens is not None
            token = int(block.tokens[row])
            of_a, of_b = float(pair[0]), float(pair[1])
            which = nearer(of_a, of_b, token, truth)
            counts = (int(which < 0), int(which > 0), int(which == 0))
            exact = truth.log_probability(token)
            errors[:, row] = abs(of_a - exact), abs(of_b - exact)
        else:
            counts, errors[:, row] = _nearer_classes(pair, truth)
        found.sides[0].nearer += counts[0]
        found.sides[1].nearer += counts[1]
        found.as_near += counts[2]
    for side, each in zip(found.sides, errors, strict=True):
        side.errors.add(each, start)


def _nearer_classes(pair: tuple[Array, Array], truth: RowTruth) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """Return for how many classes a is nearer, b is, or float64 does not part them; and the largest errors."""
    by_a = by_b = 0
    worst = [float("nan")] * 2
    size = truth.scaled.size
    for start in range(0, size, PIECE):
        exact = truth.log_probabilities(start, start + PIECE)
        off_a, off_b = (np.subtract(one[start : start + PIECE], exact, dtype=np.float64) for one in pair)
        for side, off in enumerate((off_a, off_b)):
            np.abs(off, out=off)
            worst[side] = float(np.fmax(worst[side], np.fmax.reduce(off)))
        off_b -= off_a
        exact *= -4.0 * RELATIVE  # what must be exceeded: log-probabilities are not positive
        by_a += int(np.count_nonzero(off_b > exact))
        by_b += int(np.count_nonzero(np.negative(off_b, out=off_b) > exact))
    return (by_a, by_b, size - by_a - by_b), (worst[0], worst[1])
