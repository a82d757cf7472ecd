"""Counts of judgements by outcome and by whatever coordinates a table needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reports.words.outcomes import BY_RANK, OUTCOMES, UNEXPECTED, Outcome

if TYPE_CHECKING:
    from logitproof_reports.runs.coded_text import Words

    from .run_table import Judged


@dataclass(frozen=True)
class Tally:
    """Outcomes of some judgements.

    Attributes
    ----------
    counts : tuple of int
        Judgements by outcome, in the order of `BY_RANK`.
    slack : float
        The largest slack; NaN if nothing was compared.
    """

    counts: tuple[int, ...]
    slack: float

    def count(self, name: str) -> int:
        """Return how many came out as `name`."""
        return self.counts[OUTCOMES[name].rank]

    @property
    def worst(self) -> Outcome:
        """The worst outcome that occurs."""
        return next((outcome for outcome in reversed(BY_RANK) if self.counts[outcome.rank]), OUTCOMES["void"])

    @property
    def judged(self) -> int:
        """How many judgements say something of the framework: not what it does not offer, nor the ledger's faults."""
        return sum(self.counts) - self.count("unsupported") - self.count("stale")

    @property
    def measured(self) -> bool:
        """Whether anything was: a void judgement measured nothing."""
        return self.judged > self.count("void")

    @property
    def unexpected(self) -> int:
        """How many break a MUST, and no ledger entry explains them."""
        return sum(self.count(name) for name in UNEXPECTED)


def tally_by(judged: Judged, *coordinates: Words) -> dict[tuple[str, ...], Tally]:
    """Count judgements by the given columns; combinations that do not occur have no entry."""
    shape = tuple(max(1, len(column.words)) for column in coordinates)
    groups = np.ravel_multi_index([column.codes for column in coordinates], shape)
    size, kinds = int(np.prod(shape)), len(BY_RANK)
    counts = np.bincount(groups * kinds + judged.rank, minlength=size * kinds).reshape(size, kinds)
    slack = np.full(size, np.nan)
    np.fmax.at(slack, groups, judged.slack)
    return {
        tuple(column.words[place] for column, place in zip(coordinates, np.unravel_index(group, shape), strict=True)): (
            Tally(tuple(counts[group].tolist()), float(slack[group]))
        )
        for group in np.flatnonzero(counts.any(axis=1))
    }


def total(judged: Judged) -> Tally:
    """Count all judgements of a run."""
    counts = np.bincount(judged.rank, minlength=len(BY_RANK))
    return Tally(tuple(counts.tolist()), float(np.fmax.reduce(judged.slack, initial=np.nan)))
