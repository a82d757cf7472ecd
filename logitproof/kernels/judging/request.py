"""The request for a verdict on a kernel: formats, profile, clauses, seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from logitproof.errors import UsageError, refuse_unknown
from logitproof.kernels.judging.examination import WIDEST
from logitproof_reference.cases.catalogue import PROFILES
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Request:
    """What a verdict is asked for, beside the kernel.

    Attributes
    ----------
    formats : tuple of str
        Those asked; empty for every one that it takes.
    profile : str
    without : tuple of str
        Clauses or families that are not judged.
    seed : int
        Draws the rows of the trials.
    widest : int
        No row of a trial has more classes.
    progress : callable or None
    """

    formats: tuple[str, ...] = ()
    profile: str = "quick"
    without: tuple[str, ...] = ()
    seed: int = 0
    widest: int = WIDEST
    progress: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        refuse_unknown("format", self.formats, list(FORMATS))
        refuse_unknown("profile", [self.profile], list(PROFILES))
        families = {clause.partition("-")[0] for clause in CLAUSES}
        refuse_unknown("clause or family", (word for word in self.without if word not in CLAUSES), sorted(families))
        if self.widest < 2:
            raise UsageError(f"widest is {self.widest}; it must be 2 or more")

    def asks(self, clause: str) -> bool:
        """Return whether a clause is judged: neither it nor its family is left out."""
        return not {clause, clause.partition("-")[0]} & set(self.without)
