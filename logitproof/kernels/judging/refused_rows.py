"""Rows that a function refuses by an error that says so: noted once in a line, and not held against it.

Distributions validate what they are given: NumPyro takes probabilities whose sum is one, PyTorch those of a simplex,
scikit-learn numbers up to 1 of two classes or more. An error counts as such a refusal where it names the values that it
does not take, of rows outside of the op's domain; or a width (`refused_widths`), where ordinary rows of the same shape
raise it too. Errors of array libraries, of their own types, never do, nor does any error on rows of the domain.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from logitproof.kernels.judging.against_bounds import crash_reason
from logitproof.kernels.judging.refused_widths import OF_LIBRARIES, is_refusal, without_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from logitproof_reference.vocabulary.judgement import Judgement

KINDS = ("ValueError", "NotImplementedError", "AssertionError", "UserWarning")

OF_VALUES = re.compile(
    r"constraint|probabilit|simplex|domain|support\b|invalid (\w+ )?(parameter|value|argument)|(in)?finite|NaN|negative"
    r"|contains? values|at least (two|2) (labels|classes)|greater than 1|less than 0|sum to|\[0, 1\]|between 0 and 1"
    r"|unit interval",
    re.IGNORECASE,
)

MOST_NAMED = 6
CHARACTERS = 160


@dataclass(frozen=True)
class AskedCase:
    """What a function is asked in one case.

    Attributes
    ----------
    name : str
    judgements : iterable of Judgement
        Made as they are taken.
    is_ordinary : bool
        Whether every number lies within the op's domain, so that no implementation may refuse it.
    ask_plain : callable (quantity)
        Asks ordinary numbers of the same shapes.
    """

    name: str
    judgements: Iterable[Judgement]
    is_ordinary: bool
    ask_plain: Callable[[str], object]

    def is_refused(self, one: Judgement) -> bool:
        """Return whether a call failed for its width, or for numbers that need not be taken."""
        if one.verdict != "crashed" or not is_refusal_of_rows(one.reason):
            return False
        return not self.is_ordinary or without_numbers(self._plain_failure(one.quantity)) == without_numbers(one.reason)

    def _plain_failure(self, quantity: str) -> str:
        try:
            self.ask_plain(quantity)
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
            return crash_reason(error)
        return ""


@dataclass
class Refused:
    """What was refused, over all cases and formats."""

    cases: dict[str, list[str]]
    count: Counter[str]

    @classmethod
    def nothing(cls) -> Refused:
        """Return what is refused before anything is asked."""
        return cls({}, Counter())

    def without(self, case: AskedCase) -> Iterator[Judgement]:
        """Yield a case's judgements, those of refused rows as `unsupported`."""
        for one in case.judgements:
            if not case.is_refused(one):
                yield one
                continue
            words = re.sub(r"\d[\d.,e+-]*", "#", one.reason)
            cases = self.cases.setdefault(words, [one.reason])
            cases += [one.regime] if one.regime not in cases[1:] else []
            self.count[words] += 1
            yield replace(one, verdict="unsupported", reason=f"refused rows; {one.reason}")

    def notes(self) -> Iterator[str]:
        """Yield a note for each error."""
        for words, (error, *cases) in self.cases.items():
            named = ", ".join(cases[:MOST_NAMED]) + (", ..." if len(cases) > MOST_NAMED else "")
            yield f"it refuses rows ({error[:CHARACTERS]}): {named}; {self.count[words]} answers not judged"


def is_refusal_of_rows(failure: str) -> bool:
    """Return whether what a call raised says that the function does not take such numbers, or so many classes."""
    kind, _, words = failure.partition(": ")
    if kind not in KINDS:
        return False
    return is_refusal(failure) or bool(OF_VALUES.search(words) and not OF_LIBRARIES.search(words))
