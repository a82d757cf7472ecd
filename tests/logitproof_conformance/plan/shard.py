"""A part of the matrix: whole cells, assigned in the order of the plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_conformance.plan.cases import Case


@dataclass(frozen=True)
class Shard:
    """The Ith of N parts.

    Attributes
    ----------
    number, of : int
        1 <= number <= of.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, text: str) -> Shard:
        """Return the shard that ``I/N`` names; the whole for an empty text.

        >>> Shard.read("2/3")
        Shard(number=2, of=3)

        Raises
        ------
        ValueError
            It names none.
        """
        if not text:
            return WHOLE
        found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
        if not found or int(found[1]) > int(found[2]):
            raise ValueError(f'shard "{text}" is invalid: write I/N with 1 <= I <= N, e.g. 2/3')
        return cls(int(found[1]), int(found[2]))

    def part(self, cases: Sequence[Case]) -> list[Case]:
        """Return the cases of this part: those of every Nth cell."""
        places = {id_: place for place, id_ in enumerate(dict.fromkeys(case.cell.id for case in cases))}
        return [case for case in cases if places[case.cell.id] % self.of == self.number - 1]

    def __str__(self) -> str:
        return "" if self == WHOLE else f"{self.number}/{self.of}"


WHOLE = Shard()
"""The whole matrix, in one part."""
