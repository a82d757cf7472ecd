"""Rows that a function refuses by an error that says so: noted once in a line, and not held against it.

Distributions validate what they are given: NumPyro takes probabilities whose sum is one, PyTorch those of a simplex,
scikit-learn numbers up to 1 of two classes or more. An error counts as such a refusal where it names the values that it
does not take, or a width (`refused_widths`); errors of array libraries, of their own types, never do.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof.kernels.refused_widths import OF_LIBRARIES, is_refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def is_refusal_of_rows(failure: str) -> bool:
    """Return whether what a call raised says that the function does not take such numbers, or so many classes."""
    kind, _, words = failure.partition(": ")
    if kind not in KINDS:
        return False
    return is_refusal(failure) or bool(OF_VALUES.search(words) and not OF_LIBRARIES.search(words))


def without_refused(judged: Iterable[Judgement], notes: list[str]) -> list[Judgement]:
    """Return judgements of which those of refused rows are `unsupported`, and add a note for each error."""
    kept: list[Judgement] = []
    refused: dict[str, list[str]] = {}
    count: Counter[str] = Counter()
    for one in judged:
        if one.verdict != "crashed" or not is_refusal_of_rows(one.reason):
            kept.append(one)
            continue
        words = re.sub(r"\d[\d.,e+-]*", "#", one.reason)
        cases = refused.setdefault(words, [one.reason])
        cases += [one.regime] if one.regime not in cases[1:] else []
        count[words] += 1
        kept.append(replace(one, verdict="unsupported", reason=f"refused rows; {one.reason}"))
    for words, (error, *cases) in refused.items():
        named = ", ".join(cases[:MOST_NAMED]) + (", ..." if len(cases) > MOST_NAMED else "")
        notes.append(f"it refuses rows ({error[:CHARACTERS]}): {named}; {count[words]} answers not judged")
    return kept
