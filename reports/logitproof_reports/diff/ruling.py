"""The ruling of a gate on a diff: which changes fail it, which are waived, and which it ignores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .classes import BY_WORD, CLASSES, RANK, UNCHANGED, WORSE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .compare import Diff

    Mask = NDArray[np.bool_]

SAFE, LOOK, NOT_SAFE = WORDS = ("SAFE", "LOOK", "NOT SAFE")
"""The gate is open and nothing became worse; it is open, and something became worse; it is shut."""

LEVELS = {
    "regression": tuple(change.word for change in CLASSES[: RANK["regressed"] + 1]),
    "warning": tuple(change.word for change in CLASSES[: RANK["new warning"] + 1]),
    "class": tuple(change.word for change in CLASSES[: RANK["class changed"] + 1]),
    "change": tuple(change.word for change in CLASSES if change.name not in UNCHANGED | {"unsteady"}),
    "never": (),
}
"""Named sets of classes that fail a gate: what became wrong, means something else or is unknown; or breaks a SHOULD; or
changed its kind; or its bits; or none."""

IN_WORDS = {
    "regression": "fails on what became wrong, changed its meaning or is unknown",
    "warning": "fails on what became wrong, changed its meaning or is unknown, and on new warnings (SHOULD)",
    "class": "fails on any change of verdict, meaning or kind",
    "change": "fails on any change, of bits too",
    "never": "never fails",
}
"""The same in words."""


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
    waivers : int array
        For each row the position in `waived` of the waiver that excuses it, -1 for none; empty for no waiver at all.
    out_of_scope : bool array
        Rows that the policy does not look at; empty if it looks at all of them.
    waived : list of Waived
        The waivers that applied.
    complaints : list of str
        What else fails the gate, one sentence each: a waiver that expired or matches nothing.
    scope : str
        What the policy looks at, in words; empty for everything.
    incomparable : str
        Why nothing can be said; empty where something can.
    """

    failing: Mask
    fail_on: tuple[str, ...]
    waivers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    out_of_scope: Mask = field(default_factory=lambda: np.empty(0, dtype=bool))
    waived: list[Waived] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    scope: str = ""
    incomparable: str = ""

    @property
    def safe(self) -> bool:
        """Whether the gate is open."""
        return not (self.failing.any() or self.complaints or self.incomparable)

    def word(self, diff: Diff) -> str:
        """Return one of `WORDS`."""
        if not self.safe:
            return NOT_SAFE
        return LOOK if self.to_look_at(diff).any() else SAFE

    @property
    def policy(self) -> str:
        """The policy in words."""
        level = next((name for name, words in LEVELS.items() if words == self.fail_on), "")
        named = ", ".join(BY_WORD[word].name for word in self.fail_on)
        waived = "; ".join(f"waived by {one.owner} until {one.until}" for one in self.waived)
        return "; ".join(filter(None, (IN_WORDS.get(level) or f"fails on {named}", self.scope, waived)))

    def waiver_of(self, row: int) -> Waived | None:
        """Return the waiver that excuses a row."""
        place = int(self.waivers[row]) if self.waivers.size else -1
        return self.waived[place] if place >= 0 else None

    def to_look_at(self, diff: Diff) -> Mask:
        """Return which rows became worse in a way that the gate lets pass, though nobody has waived them."""
        found = of_classes(diff, (change.word for change in WORSE)) & ~self.failing
        found &= self.waivers < 0 if self.waivers.size else True
        return found & ~self.out_of_scope if self.out_of_scope.size else found


def of_classes(diff: Diff, words: Iterable[str]) -> Mask:
    """Return which rows of a diff are of the classes of these words."""
    named = set(words)
    ranks = [rank for rank, change in enumerate(CLASSES) if change.word in named]
    chosen: Mask = np.isin(diff.rank, ranks)
    return chosen


def rule(diff: Diff, level: str = "regression") -> Ruling:
    """Rule by one of `LEVELS` alone."""
    return Ruling(of_classes(diff, LEVELS[level]), LEVELS[level], incomparable=nothing_compared(diff))


def nothing_compared(diff: Diff) -> str:
    """Return that nothing was compared, where that is so: a gate that measured nothing is shut."""
    unknown = (RANK["unknown now"], RANK["unknown before"])
    told = (diff.rank <= RANK["identical"]) & ~np.isin(diff.rank, unknown)
    return "" if told.any() else "nothing was compared: no judgement is known in both runs"
