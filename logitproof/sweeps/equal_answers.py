"""Rows that decide others: over equal answers the exact value is monotonic, and so is the error.

Of rows that follow one another with equal answers only the first, the last and one in `STRIDE` are compared. Those
between two of them are like both where the two are alike: in the binade of the exact number, on one side of it, in the
same bin, and both correctly rounded or both not. None of them has a larger error than the worse of the two, and none a
larger error / bound than that error over the least bound of the stretch. Where this does not decide, all of them are
compared. The answers themselves are all read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.allowed import Allowed
    from logitproof.sweeps.comparison import Comparison

    Places = NDArray[np.intp]
    Mask = NDArray[np.bool_]

STRIDE = 64
"""Rows with equal answers, of which at least one is compared."""

WORTH = 3
"""Rows are chosen where they are at most one in this many."""


class Deciding(NamedTuple):
    """Rows that decide all others.

    Attributes
    ----------
    places : intp array
    counts : intp array
        How many rows each stands for, itself among them.
    numbers : Comparison
    """

    places: Places
    counts: Places
    numbers: Comparison


def deciding(every: Comparison, limits: Allowed, slack: float) -> Deciding | None:
    """Return rows that decide all of a stretch, or None where too many are needed.

    Parameters
    ----------
    every : Comparison
        Of which nothing but what was observed is used for all rows.
    slack : float
        None of the others has a larger error / bound, unless a chosen row has; at most 1.
    """
    exact = every.stretch.numbers_of_format(every.element)
    if exact is not None:
        return _inexact(every, every.observed == (exact if every.element.sign > 0 else -exact))
    is_chosen = _at_changes(every.observed)
    if WORTH * np.count_nonzero(is_chosen) > len(is_chosen):
        return None
    chosen = np.flatnonzero(is_chosen)
    numbers = every.of(chosen)
    undecided = (np.diff(chosen) > 1) & ~_are_alike(numbers, limits, slack)
    if undecided.any():
        depth = np.zeros(len(is_chosen), np.int8)
        depth[chosen[:-1][undecided]] = 1
        depth[chosen[1:][undecided]] -= 1
        is_chosen |= np.cumsum(depth, dtype=np.int8).view(np.bool_)
        if WORTH * np.count_nonzero(is_chosen) > len(is_chosen):
            return None
        chosen = np.flatnonzero(is_chosen)
        numbers = every.of(chosen)
    return Deciding(chosen, np.diff(chosen, append=len(is_chosen)), numbers)


def _inexact(every: Comparison, is_exact: Mask) -> Deciding | None:
    """Return the rows that are not the exact numbers, and the first one that is, which stands for all such."""
    wrong = np.flatnonzero(~is_exact)
    if wrong.size == is_exact.size:
        return None
    first = int(is_exact.argmax())
    at = int(np.searchsorted(wrong, first))
    places = np.insert(wrong, at, first)
    counts = np.ones(len(places), np.intp)
    counts[at] = is_exact.size - wrong.size
    return Deciding(places, counts, every.of(places))


def _at_changes(observed: NDArray[Any]) -> Mask:
    """Return where an answer differs from that before or after it, and one place in `STRIDE`."""
    bits = observed.view(np.dtype(f"u{observed.itemsize}"))
    changes = bits[1:] != bits[:-1]
    is_chosen = np.zeros(len(bits), np.bool_)
    is_chosen[::STRIDE] = is_chosen[-1] = True
    is_chosen[1:] |= changes
    is_chosen[:-1] |= changes
    return is_chosen


def _are_alike(chosen: Comparison, limits: Allowed, slack: float) -> Mask:
    """Return for each row and the next whether they decide the rows between them, if their answers are equal."""
    is_rounded, is_open = chosen.roundings
    least, _ = chosen.stretch.allowed(limits, chosen.exact)
    # A quotient times its divisor may be less than what was divided.
    limit = min(max(slack, float((chosen.error / least).max())) * (1.0 + 2.0**-50), 1.0)
    decides = np.isfinite(chosen.ulps) & ~is_open
    alike = decides[1:] & decides[:-1]
    alike &= np.maximum(chosen.error[1:], chosen.error[:-1]) <= limit * chosen.stretch.least_between(limits, least)
    is_above = chosen.seen > chosen.exact
    for what in (chosen.ulp, chosen.bins, is_rounded, chosen.lost, is_above):
        alike &= what[1:] == what[:-1]
    return alike
