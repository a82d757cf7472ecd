"""Widths that a kernel refuses with a clear error: reported in one line, and not tried again.

An error counts as such a refusal where it is an assert or a NotImplementedError, or where its words name what is
counted and a limit of it; and where two ordinary rows of as many classes raise the same. An error of an array library
(shapes that do not match, a place out of bounds), a process that ends and a wrong answer never do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEANT = ("AssertionError", "NotImplementedError")
"""Kinds of errors that somebody raises by intent, whatever their words are."""

ACCIDENTS = frozenset(
    {
        *("IndexError", "KeyError", "AttributeError", "NameError", "UnboundLocalError", "ZeroDivisionError"),
        *("OverflowError", "FloatingPointError", "MemoryError", "_ArrayMemoryError", "RecursionError", "BufferError"),
        *("SystemError", "SystemExit", "StopIteration", "OSError", "LinAlgError", "ForbiddenCall"),
    }
)
"""Kinds of errors that nobody refuses by."""

OF_LIBRARIES = re.compile(
    r"broadcast|reshape|mismatch|(must|to|don't) match|not aligned|out of (bounds|range|memory)|compatible|illegal"
    r"|zero-size|concatenate|equal division|sequence|invalid for input|ambiguous|convert|ndarray|allocat|allowed size"
    r"|exceeds dimension size|CUDA error",
    re.IGNORECASE,
)
"""Words of array libraries whose call failed."""

COUNTED = re.compile(
    r"class|column|width|vocab|categor|hidden|dimension|length|size|element|logits|\bn\b|\bn_?cols?\b|\d{2,}",
    re.IGNORECASE,
)
LIMITED = re.compile(
    r"multiple|divisible|power|at most|at least|support|exceed|larger|greater|more than|less than|fewer|must be"
    r"|maximum|minimum|limit|too (many|few|wide|narrow|large|small|long)|only|<=?|>=?|%",
    re.IGNORECASE,
)


def is_refusal(failure: str) -> bool:
    """Return whether what a call raised says that the kernel does not take this many classes."""
    kind, _, words = failure.partition(": ")
    if kind.strip(": ") in MEANT:
        return True
    if kind in ACCIDENTS or OF_LIBRARIES.search(words):
        return False
    return bool(COUNTED.search(words) and LIMITED.search(words))


def without_numbers(failure: str) -> str:
    """Return an error's words with its numbers left out: they name the width that was given."""
    return re.sub(r"\d[\d,._]*", "#", failure)


@dataclass
class RefusedWidths:
    """The widths that a kernel accepts and refuses.

    Attributes
    ----------
    plain_failure : callable (quantity, format, classes) -> str
        What two ordinary rows raise; empty if they give an answer.
    refused : dict
        By quantity and format: widths, and what each raises.
    taken : dict
        By quantity and format: widths that gave an answer.
    cases : int
        How many were not asked, or refused.
    """

    plain_failure: Callable[[str, str, int], str]
    refused: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    taken: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    cases: int = 0

    def is_known(self, quantity: str, format_: str, classes: int) -> str:
        """Return what a width raises that is known to be refused, or nothing."""
        return self.refused.get((quantity, format_), {}).get(classes, "")

    def is_refused(self, quantity: str, format_: str, classes: int, failure: str, *, is_way: bool) -> bool:
        """Return whether a call failed for its width alone; of a way of calling, for the width of a call before."""
        if not is_refusal(failure):
            return False
        is_taken = classes in self.taken.get((quantity, format_), set())
        plain = "" if is_taken else self.plain_failure(quantity, format_, classes)
        if plain and without_numbers(plain) == without_numbers(failure):
            self.refused.setdefault((quantity, format_), {})[classes] = failure
            return True
        return is_way and self.is_said(failure)

    def is_said(self, failure: str) -> bool:
        """Return whether an error has the words of a width that is refused."""
        words = {without_numbers(one) for widths in self.refused.values() for one in widths.values()}
        return without_numbers(failure) in words

    def take(self, quantity: str, format_: str, classes: int) -> None:
        """Note that a width gives an answer."""
        self.taken.setdefault((quantity, format_), set()).add(classes)

    def note(self) -> str:
        """Describe in a line which widths are refused, with the first error; empty if none are."""
        if not self.refused:
            return ""
        said = "; ".join(self._kinds())
        return f"it refuses widths that {said}: {self.cases} case{'s' if self.cases != 1 else ''} not asked"

    def _kinds(self) -> Iterator[str]:
        """Yield which widths are refused, with the first error, in which quantities and formats where they differ."""
        kinds: dict[str, list[tuple[str, str]]] = {}
        for key, widths in self.refused.items():
            kinds.setdefault(described(set(widths), self.taken.get(key, set())), []).append(key)
        for kind, keys in kinds.items():
            where = f" in {', '.join(' '.join(key[::-1]) for key in keys)}" if len(kinds) > 1 else ""
            error = next(iter(self.refused[keys[0]].values())).removesuffix(": ")
            yield f"{kind}{where} ({error})"


MOST_LISTED = 8


def described(refused: set[int], taken: set[int]) -> str:
    """Describe what the widths that are refused have in common and those taken have not; else list them."""
    if taken and min(refused) > max(taken):
        return f"are {min(refused):,} or more, of those tried"
    if taken and max(refused) < min(taken):
        return f"are {max(refused):,} or less, of those tried"
    if taken and all(one & (one - 1) == 0 for one in taken) and all(one & (one - 1) for one in refused):
        return "are not powers of 2"
    common = gcd(*taken) if taken else 1
    if common > 1 and all(one % common for one in refused):
        return f"are not multiples of {common:,}"
    listed = ", ".join(f"{one:,}" for one in sorted(refused)[:MOST_LISTED])
    more = f" and {len(refused) - MOST_LISTED} more" if len(refused) > MOST_LISTED else ""
    return f"are {listed}{more}"
