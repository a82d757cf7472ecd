"""Layouts that are asked of every function of a framework, each in a few values of the other arguments.

What is rare of a call, as unsigned integers in place of numbers, is wrong in some function that nobody thought of. So a
way belongs to a framework, not to a function: the program that calls the framework carries it out, whichever function
is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_PLACES = 2
"""Shapes that a way is asked of: the first ones of a function, which have one or two axes."""

FORMS = ("float32",)
"""The formats that a way is asked in, as far as a function is asked for them."""

COUNTS = ("counts",)
"""Logits that are small whole numbers, which are given in another type alone."""


@dataclass(frozen=True)
class Way:
    """A way.

    Attributes
    ----------
    layout : str
        As the framework's program has it.
    kinds : tuple of str
        The logits that it is asked of, as far as a function is asked of them; `COUNTS` of every function.
    """

    layout: str
    kinds: tuple[str, ...] = ("typical", "masked")

    def among(self, factors: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Return the factors of a function in this way; some are empty where it is not asked so."""
        asked = factors["kind"] if self.kinds != COUNTS else COUNTS
        few = {
            "kind": [one for one in asked if one in self.kinds],
            "form": [one for one in factors["form"] if one in FORMS],
        }
        return {**factors, **few, "place": factors["place"][:MOST_PLACES], "layout": (self.layout,)}
