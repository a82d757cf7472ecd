"""Ranges of rows within which d increases or decreases, and the exact values of all their rows at once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.sweeps.allowed import CENTRE, prefix_of
from logitproof_reference.oracle.two_classes import (
    RELATIVE,
    RELATIVE_OF_SUM,
    SATURATED,
    cell_of,
    expanded,
    point_of,
    saturated,
)
from logitproof_reference.vocabulary.formats import FORMATS, widened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof.sweeps.allowed import Allowed
    from logitproof.sweeps.functions import Element, Function
    from logitproof_reference.vocabulary.formats import F64

    Cells = NDArray[np.int64] | int

BLOCK = 1 << 15
"""Rows of a block that are compared at a time: the arrays stay in the cache."""

WIDE_BLOCK = 1 << 18
"""Rows of a block of float32 differences, in which answers that stay the same are looked for."""

WORDS = {"float16": (15, 0x7C00), "bfloat16": (15, 0x7F80), "float32": (31, 0x7F800000)}
"""By format: the number of bits without the sign, and the smallest bit pattern that is not finite."""

FAR = -1
"""Stands for the cell of rows past `SATURATED`."""


@dataclass(frozen=True)
class Stretch:
    """Rows that follow one another, all with finite logits, d on one side of 0 and of `SATURATED`.

    Attributes
    ----------
    rows : slice
        Of the block.
    differences : float32 or float64 array
        a - b, growing or falling; of pairs of bfloat16 rounded.
    pair : (float, float64 array) or None
        a and b, where both vary.
    """

    rows: slice
    differences: NDArray[Any]
    pair: tuple[float, F64] | None = None

    @cached_property
    def d(self) -> F64:
        """The differences as float64."""
        return self.differences.astype(np.float64)

    @cached_property
    def is_near(self) -> bool:
        """Whether abs(d) is at most `SATURATED`."""
        return bool(max(abs(self.differences[0]), abs(self.differences[-1])) <= SATURATED)

    @cached_property
    def cell(self) -> Cells:
        """The point of expansion of each d, an int where it is one for all."""
        if not self.is_near:
            return FAR
        ends = cell_of(self.d[[0, -1]])
        return int(ends[0]) if ends[0] == ends[1] else cell_of(self.d)

    @cached_property
    def rest(self) -> F64:
        """The difference of d and its point of expansion."""
        return self.d - point_of(self.cell)

    @cached_property
    def below(self) -> Stretch:
        """The same rows with -abs(d)."""
        is_below = min(self.differences[0], self.differences[-1]) < 0.0
        return self if is_below else Stretch(self.rows, -self.differences, self.pair)

    @cached_property
    def larger(self) -> F64:
        """The larger logit of each pair."""
        assert self.pair is not None  # of pairs alone
        return np.maximum(*self.pair)

    def of(self, chosen: NDArray[np.intp] | slice) -> Stretch:
        """Return some of the rows, in their order."""
        pair = None if self.pair is None else (self.pair[0], self.pair[1][chosen])
        return Stretch(self.rows, self.differences[chosen], pair)

    def numbers_of_format(self, element: Element) -> NDArray[Any] | None:
        """Return the exact numbers, without their sign, where they are the format's but for `ABSOLUTE`, else None."""
        is_linear = element.kind == "softplus" and not self.is_near and self.pair is None
        is_leading = (self.differences[0] < 0.0) == element.mirrored
        return np.abs(self.differences) if is_linear and is_leading else None

    def value(self, element: Element) -> F64:
        """Return the exact numbers of an element without their sign, within `radius`."""
        if element.adds_logit and self.pair is not None:  # nothing cancels but what does in the answer itself
            return self.below.value_of("softplus", mirrored=False) + self.larger
        return self.value_of(element.kind, mirrored=element.mirrored)

    def value_of(self, kind: str, *, mirrored: bool) -> F64:
        """Return one of the functions of d."""
        if not self.is_near:
            return saturated(self.d, kind, mirrored=mirrored)
        return expanded(self.cell, self.rest, kind, mirrored=mirrored)

    def radius(self, element: Element) -> tuple[float, F64 | float]:
        """Return how far `value` may be off, but for `two_classes.ABSOLUTE`: so much of itself, and so much."""
        if self.pair is None:
            return RELATIVE, 0.0
        return RELATIVE_OF_SUM, np.abs(self.larger) * 2.0**-52 + RELATIVE_OF_SUM if element.adds_logit else 0.0

    def allowed(self, limits: Allowed, value: F64) -> tuple[F64 | float, F64 | float]:
        """Return what the bound of each row is at least and at most."""
        if not limits.unit:
            return self.allowed_of(limits)
        grown = limits.unit * np.abs(value)
        least, most = self.below.allowed_of(limits)
        return least + grown, most + grown * (1.0 + 2.0**-19)

    def least_between(self, limits: Allowed, least: F64 | float) -> F64 | float:
        """Return what the bounds of each row, of the next and of those between them in the whole block are at least.

        Parameters
        ----------
        least : float64 array or float
            What `allowed` returns first. The exact numbers of both rows are of one binade.
        """
        if not isinstance(least, np.ndarray) or not least.ndim:
            return least
        of = self.below if limits.unit else self
        table, number = (limits.near, cell_of) if of.is_near else (limits.far, prefix_of)
        numbers = number(of.d)
        first, last = sorted(numbers[[0, -1]])
        neighbours = np.abs(np.diff(numbers)) <= 1
        return np.where(neighbours, np.minimum(least[1:], least[:-1]), table[first : last + 1].min())

    def allowed_of(self, limits: Allowed) -> tuple[F64 | float, F64 | float]:
        """Return the limits that depend on d alone."""
        if not self.is_near:
            prefix: Any = prefix_of(self.d[[0, -1]])
            prefix = prefix[0] if prefix[0] == prefix[1] else prefix_of(self.d)
            least, most = limits.far[prefix], limits.far_most[prefix]
        elif isinstance(self.cell, int) and self.cell == CENTRE:
            change = 4.0 * float(max(abs(self.d[0]), abs(self.d[-1]))) + 2.0**-40
            least, most = limits.at_zero[0] * (1.0 - change), limits.at_zero[1] * (1.0 + change)
        else:
            least, most = limits.near[self.cell], limits.near_most[self.cell]
        return least, np.inf if limits.is_least else most


@lru_cache(maxsize=2)
def numbers_of(format_: str) -> F64:
    """Return every number of a half format, by its bits."""
    with np.errstate(invalid="ignore"):  # of NaN
        return widened(np.arange(1 << 16, dtype=np.uint16).view(FORMATS[format_].dtype))


def block_of(function: Function) -> int:
    """Return how many rows a block has: all have one sign and, of pairs, one first logit."""
    return WIDE_BLOCK if function.format == "float32" else BLOCK


def finite_rows(function: Function, start: int, count: int) -> int:
    """Return how many rows of a block have finite logits; they are the first ones.

    A block has at most `block_of` rows and does not cross a multiple of it.
    """
    if function.are_pairs and not np.isfinite(numbers_of(function.format)[start >> 16]):
        return 0
    bits, limit = WORDS[function.format]
    return min(max(limit - (start & ((1 << bits) - 1)), 0), count)


def stretches(function: Function, start: int, count: int) -> Iterator[Stretch]:
    """Yield the stretches of a block, of its rows with finite logits."""
    finite = finite_rows(function, start, count)
    if not finite:
        return
    if not function.are_pairs:
        differences = _logits(function.format, start, finite)
        yield from (Stretch(rows, differences[rows]) for rows in _sides(differences))
        return
    numbers = numbers_of(function.format)
    first, second = float(numbers[start >> 16]), numbers[start & 0xFFFF :][:finite]
    d = first - second
    yield from (Stretch(rows, d[rows], (first, second[rows])) for rows in _sides(d))


def _logits(format_: str, start: int, count: int) -> NDArray[Any]:
    if format_ != "float32":
        return numbers_of(format_)[start : start + count]
    return np.arange(start, start + count, dtype=np.uint32).view(np.float32)


def _sides(d: NDArray[Any]) -> Iterator[slice]:
    """Yield the parts of an array that grows or falls, on one side of -`SATURATED`, 0 and `SATURATED` each."""
    inner = [limit for limit in (-SATURATED, 0.0, SATURATED) if (d[0] < limit) != (d[-1] < limit)]
    grows = d[0] <= d[-1]
    places = (int(np.searchsorted(d, limit) if grows else np.searchsorted(-d, -limit)) for limit in inner)
    yield from (slice(*ends) for ends in itertools.pairwise(sorted({0, d.size, *places})))
