"""Ways to make a call that are asked of every function of a framework, each in a few values of the other arguments.

What is rare of a call (integers in place of numbers, an array of another library, a Jacobian in place of a gradient,
shapes that are not known yet) is wrong in some function that nobody thought of. So a way belongs to a framework, not to
a function: the program that calls the framework carries it out, whichever function is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_PLACES = 2
"""Shapes that a way is asked of: the first ones of a function, which have one or two axes."""


COUNTS = ("counts",)
"""Logits that are small whole numbers, which are given in another type alone."""


@dataclass(frozen=True)
class Way:
    """A way.

    Attributes
    ----------
    name : str
        As the framework's program has it.
    whats, kinds, forms : tuple of str
        The quantities, logits and formats that it is asked in, as far as a function is asked for them.
    places : int
        In how many shapes.
    factor : str
        The argument of the framework's functions that has it: ``way``, or ``layout`` where there is no other way.
    """

    name: str
    whats: tuple[str, ...] = ("value",)
    kinds: tuple[str, ...] = ("typical", "masked")
    forms: tuple[str, ...] = ("float32",)
    places: int = MOST_PLACES
    factor: str = "way"

    def among(self, factors: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Return the factors of a function in this way; some are empty where it is not asked so."""
        kept = {"kind": self.kinds, "form": self.forms, "what": self.whats}
        few = {name: tuple(one for one in factors[name] if one in kept[name]) for name in kept if name in factors}
        if self.kinds == COUNTS:
            few["kind"] = COUNTS
        if "layout" in factors:
            few["layout"] = tuple(factors["layout"][:1])
        return {**factors, **few, "place": factors["place"][: self.places], self.factor: (self.name,)}
