"""Certifies a framework's answers to a unit of rows: none is sampled, and close ones are measured exactly.

Every number is compared with one that is right to 2**-45 of itself (`two_classes`): far more than decides its error in
ulps to the digits that are reported, and whether it is correctly rounded but for a few in a million. Those few, the
worst rows, and all whose error exceeds a lower limit of their bound (`allowed`) go to the oracle.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.sweeps.allowed import allowed_of
from logitproof.sweeps.comparison import BINS, Comparison, bins_of
from logitproof.sweeps.equal_answers import deciding
from logitproof.sweeps.exact import measured
from logitproof.sweeps.limits import wrong_at_limits
from logitproof.sweeps.monotonic_ranges import BLOCK, block_of, finite_rows, stretches
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.sweeps.exact import Measured
    from logitproof.sweeps.functions import Function
    from logitproof.sweeps.monotonic_ranges import Stretch
    from logitproof_reference.bounds.assumptions import Arithmetic
    from logitproof_reference.vocabulary.formats import F64

    Rows = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MEASURED = 64
"""Rows of a unit that are measured exactly for the largest slack: the worst of each stretch, the worst ones."""

NOTHING = 1e-9
"""Less of a bound is taken for none."""


@dataclass
class Worst:
    """The worst number so far: by the size of `measure`, the first row among equals."""

    measure: float = -1.0
    row: int = -1
    element: int = 0
    observed: float = 0.0

    def take(self, measure: float, row: int, element: int, observed: float) -> None:
        """Take a number where it is worse."""
        if measure > self.measure or (measure == self.measure and (row, element) < (self.row, self.element)):
            self.measure, self.row, self.element, self.observed = measure, row, element, observed


@dataclass
class Tally:
    """The counts of a unit.

    Attributes
    ----------
    numbers : int
        Compared: one or two a row, of rows with finite logits.
    not_rounded, broken, lost, not_finite : int
        Not the exact number correctly rounded; past the bound; 0 where the exact one rounds to a subnormal number; not
        finite where the exact one does not round to that infinity, which are broken too.
    limits, limits_wrong : int
        Numbers of rows with a logit that is not finite, and those that no clause allows.
    first_broken, first_limit : int
        Rows; -1 for none.
    bins : int64 array
        Errors in ulps by `FIRST_BIN`.
    """

    numbers: int = 0
    not_rounded: int = 0
    broken: int = 0
    lost: int = 0
    not_finite: int = 0
    limits: int = 0
    limits_wrong: int = 0
    first_broken: int = -1
    first_limit: int = -1
    bins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))


class Certifier:
    """Measures the answers to rows that are handed over in their order.

    Parameters
    ----------
    function : Function
    arithmetic : Arithmetic
        Whose bound the answers are held to.

    Attributes
    ----------
    function : Function
    tally : Tally
    worst_ulps, worst_slack : Worst
    slack_at_most : float
        No number has a larger error / bound.
    """

    def __init__(self, function: Function, arithmetic: Arithmetic) -> None:
        self.function = function
        self._arithmetic = arithmetic
        self._allowed = [allowed_of(function, element, arithmetic) for element in range(len(function.elements))]
        self._held: list[tuple[float, int, int, float]] = []
        self.slack_at_most = 0.0
        self.tally = Tally()
        self.worst_ulps, self.worst_slack = Worst(), Worst()

    def take(self, start: int, answer: NDArray[Any]) -> None:
        """Measure the answer to rows from a number on.

        Raises
        ------
        ValueError
            It has not the shape or the format of an answer.
        """
        columns, block = self._columns(answer), block_of(self.function)
        first = start
        while first < start + len(answer):
            end = min((first // block + 1) * block, start + len(answer))
            with np.errstate(all="ignore"):
                self._block(first, [column[first - start : end - start] for column in columns])
            first = end

    def _columns(self, answer: NDArray[Any]) -> list[NDArray[Any]]:
        shape = (len(answer), 2) if len(self.function.elements) == 2 else (len(answer),)
        dtype = FORMATS[self.function.format].dtype
        if answer.shape != shape or answer.dtype != dtype:
            raise ValueError(f"the answer has shape {answer.shape} and format {answer.dtype}: not {shape}, {dtype}")
        return [np.ascontiguousarray(column) for column in self.function.columns(answer)]

    def _block(self, start: int, columns: list[NDArray[Any]]) -> None:
        count = len(columns[0])
        for stretch in stretches(self.function, start, count):
            for element, column in enumerate(columns):
                self._stretch(start + stretch.rows.start, stretch, element, column[stretch.rows])
        finite = finite_rows(self.function, start, count)
        if finite < count:
            wrong = wrong_at_limits(self.function, start + finite, [column[finite:] for column in columns])
            self.tally.limits += wrong.size
            self.tally.limits_wrong += int(wrong.sum())
            if wrong.any() and self.tally.first_limit < 0:
                self.tally.first_limit = start + finite + int(np.flatnonzero(wrong.any(axis=1))[0])

    def _stretch(self, start: int, stretch: Stretch, element: int, observed: NDArray[Any]) -> None:
        """Compare the numbers of an element, or those of them that decide the others."""
        self.tally.numbers += len(observed)
        every = Comparison(stretch, self.function.elements[element], self.function.format, observed)
        found = deciding(every, self._allowed[element], self.slack_at_most)
        if found:
            self._numbers(start + found.places, found.counts, element, found.numbers)
            return
        for first in range(0, len(observed), BLOCK):
            part = every.of(slice(first, first + BLOCK))
            self._numbers(start + first + np.arange(len(part.observed)), None, element, part)

    def _numbers(self, rows: Rows, counts: Rows | None, element: int, numbers: Comparison) -> None:
        """Count numbers, each this many times; None: once."""
        if not np.isfinite(numbers.ulps.max()):
            wrong = ~np.isfinite(numbers.seen)
            self._not_finite(rows[wrong], element, numbers.seen[wrong])
            rows, numbers = rows[~wrong], numbers.of(np.flatnonzero(~wrong))
            counts = None if counts is None else counts[~wrong]
            if not rows.size:
                return
        self.tally.bins += np.bincount(numbers.bins, counts, BINS).astype(np.int64, copy=False)
        at = int(numbers.ulps.argmax())
        self.worst_ulps.take(float(numbers.ulps[at]), int(rows[at]), element, float(numbers.seen[at]))
        self.tally.lost += _counted(numbers.lost, counts)
        self._roundings(rows, counts, element, numbers)
        self._slack(rows, element, numbers)

    def _not_finite(self, rows: Rows, element: int, seen: F64) -> None:
        """Count answers that are infinite or NaN, each by itself: right where the exact number rounds to that infinity.

        Others are broken, and infinitely wrong.
        """
        found = self._measured(element, rows, seen)
        right = found.conforms
        if right.any():
            self.tally.not_rounded += int((right & ~found.rounded).sum())
            self.tally.bins += np.bincount(bins_of(found.ulps[right]), minlength=BINS)
            for measures, worst in ((found.ulps, self.worst_ulps), (found.slack, self.worst_slack)):
                at = int(np.where(right, measures, -1.0).argmax())
                worst.take(float(measures[at]), int(rows[at]), element, float(seen[at]))
            self.slack_at_most = max(self.slack_at_most, float(found.slack[right].max()))
        if not right.all():
            wrong, count = int(rows[~right][0]), int((~right).sum())
            self.tally.not_finite += count
            self.tally.not_rounded += count
            self.tally.bins[-1] += count
            self._break(wrong, count)
            first = float(seen[~right][0])
            self.worst_ulps.take(np.inf, wrong, element, first)
            self.worst_slack.take(np.inf, wrong, element, first)

    def _break(self, row: int, count: int) -> None:
        self.tally.broken += count
        if count and not 0 <= self.tally.first_broken <= row:
            self.tally.first_broken = row

    def _roundings(self, rows: Rows, counts: Rows | None, element: int, numbers: Comparison) -> None:
        is_rounded, is_open = numbers.roundings
        self.tally.not_rounded += _counted(~is_rounded, counts)
        if is_open.any():  # such a row stands for itself alone
            found = self._measured(element, rows[is_open], numbers.seen[is_open])
            self.tally.not_rounded -= int(found.rounded.sum())

    def _slack(self, rows: Rows, element: int, numbers: Comparison) -> None:
        least, most = numbers.stretch.allowed(self._allowed[element], numbers.exact)
        slack = numbers.error / least
        at = int(slack.argmax())
        largest = float(slack[at])
        if largest > 1.0:  # such a row stands for itself alone
            self._broken(rows, element, numbers.seen, numbers.error > most, slack > 1.0)
        if largest > NOTHING and (len(self._held) < MEASURED or largest > self._held[0][0]):
            take = heapq.heappush if len(self._held) < MEASURED else heapq.heapreplace
            take(self._held, (largest, -int(rows[at]), element, float(numbers.seen[at])))
        self.slack_at_most = max(self.slack_at_most, largest)

    def _broken(self, rows: Rows, element: int, seen: F64, sure: Mask, possible: Mask) -> None:
        if sure.any():
            self._break(int(rows[sure.argmax()]), int(sure.sum()))
        at = np.flatnonzero(possible & ~sure)
        if at.size:
            wrong = ~self._measured(element, rows[at], seen[at]).conforms
            if wrong.any():
                self._break(int(rows[at[wrong.argmax()]]), int(wrong.sum()))

    def _measured(self, element: int, rows: Rows, seen: F64) -> Measured:
        """Measure rows exactly, of which `seen` is the answer without the sign of the element."""
        observed = self.function.elements[element].sign * seen
        return measured(self.function, element, rows, observed, self._arithmetic)

    def finish(self) -> None:
        """Measure the worst rows exactly."""
        for element in range(len(self.function.elements)):
            held = [(-row, seen) for _, row, of, seen in self._held if of == element]
            if held:
                rows, seen = (np.array(part) for part in zip(*held, strict=True))
                found = self._measured(element, rows, seen)
                for slack, row, number in zip(found.slack, rows, seen, strict=True):
                    self.worst_slack.take(float(slack), int(row), element, float(number))
        worst = self.worst_ulps
        if worst.row >= 0 and np.isfinite(worst.measure):
            found = self._measured(worst.element, np.array([worst.row]), np.array([worst.observed]))
            worst.measure = float(found.ulps[0])


def _counted(which: Mask, counts: Rows | None) -> int:
    """Return how many numbers these are, where each stands for this many."""
    return int(np.count_nonzero(which) if counts is None else counts[which].sum())
