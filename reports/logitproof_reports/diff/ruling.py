"""What a gate says of a diff: which changes fail it, which are waived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .classes import CLASSES, RANK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .compare import Diff

LEVELS = {
    "regression": tuple(change.word for change in CLASSES[: RANK["regressed"] + 1]),
    "class": tuple(change.word for change in CLASSES[: RANK["class changed"] + 1]),
    "change": tuple(
        change.word for change in CLASSES[: RANK["identical"]] if change.name not in {"newly judged", "unsteady"}
    ),
    "never": (),
}
"""Named sets of classes that fail a gate: what became wrong; or whose kind changed; or whose bits did; or none."""


@dataclass(frozen=True)
class Waived:
    """A waiver and how many changes it excused."""

    selector: str
    owner: str
    reason: str
    until: str
    number: int


@dataclass(frozen=True)
class Ruling:
    """A gate's answer on a diff.

    Attributes
    ----------
    failing : bool array
        Which rows of the diff fail the gate.
    fail_on : tuple of str
        Words of the classes that fail it.
    waived : list of Waived
        The waivers that applied.
    complaints : list of str
        What else fails the gate, one sentence each: nothing compared, a waiver that expired or matches nothing.
    """

    failing: NDArray[np.bool_]
    fail_on: tuple[str, ...]
    waived: list[Waived] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def safe(self) -> bool:
        """Whether the candidate may replace the baseline."""
        return not self.failing.any() and not self.complaints


def of_classes(diff: Diff, words: Iterable[str]) -> NDArray[np.bool_]:
    """Return which rows of a diff are of the classes of these words."""
    ranks = [rank for rank, change in enumerate(CLASSES) if change.word in set(words)]
    chosen: NDArray[np.bool_] = np.isin(diff.rank, ranks)
    return chosen


def rule(diff: Diff, level: str = "regression") -> Ruling:
    """Rule by one of `LEVELS` alone."""
    return Ruling(of_classes(diff, LEVELS[level]), LEVELS[level], complaints=nothing_compared(diff))


def nothing_compared(diff: Diff) -> list[str]:
    """Return the complaint that nothing was compared, where that is so: a gate that measured nothing is shut."""
    if (diff.rank <= RANK["identical"]).any():
        return []
    return ["nothing was compared: no judgement is in both runs"]
