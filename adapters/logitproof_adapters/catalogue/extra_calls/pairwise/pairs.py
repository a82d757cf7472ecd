"""Rows in which every two values of two factors occur together, as far as some legal row has them.

Faults of software mostly need one value of one argument, or two of two: the number of rows then grows with the
product of the two longest factors, not of all. Built greedily (Cohen et al., The AETG system, IEEE Transactions on
Software Engineering 23, 1997), from numbers that do not depend on the release of Python.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Row = dict[str, Any]
    Chosen = tuple[int, ...]

CANDIDATES = 16
"""Rows that are tried for each that is taken."""

ATTEMPTS = 200
"""Rows that are tried for a pair before it is taken to be in no legal one."""


def covering_rows(factors: Mapping[str, Sequence[Any]], legal: Callable[[Row], bool]) -> list[Row]:
    """Return legal rows, one value of each factor, that have all pairs which a legal row was found for.

    Parameters
    ----------
    factors : mapping of str to sequence
        The values of each.
    legal : callable
        Whether a row can be asked.
    """
    names, sizes = tuple(factors), [len(values) for values in factors.values()]
    numbers = random.Random(0)  # noqa: S311  no secret
    open_pairs = dict.fromkeys(_all_pairs(sizes))  # in order
    rows: list[Row] = []

    def row_of(chosen: Chosen) -> Row:
        return {name: factors[name][place] for name, place in zip(names, chosen)}  # noqa: B905

    def candidates(seed: tuple[int, int, int, int]) -> Iterator[Chosen]:
        found = 0
        for _ in range(ATTEMPTS):
            chosen = [int(numbers.random() * size) for size in sizes]
            chosen[seed[0]], chosen[seed[2]] = seed[1], seed[3]
            if legal(row_of(tuple(chosen))):
                yield tuple(chosen)
                found += 1
                if found == CANDIDATES:
                    return

    while open_pairs:
        seed = next(iter(open_pairs))
        best = max(candidates(seed), key=lambda one: sum(pair in open_pairs for pair in _pairs(one)), default=None)
        if best is None:
            del open_pairs[seed]
            continue
        for pair in _pairs(best):
            open_pairs.pop(pair, None)
        rows.append(row_of(best))
    return rows


def _pairs(chosen: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    return ((a, chosen[a], b, chosen[b]) for a, b in combinations(range(len(chosen)), 2))


def _all_pairs(sizes: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    for a, b in combinations(range(len(sizes)), 2):
        for first in range(sizes[a]):
            for second in range(sizes[b]):
                yield a, first, b, second
