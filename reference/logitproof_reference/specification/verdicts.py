"""The verdicts, and which of them a broken clause earns: a deviation (MUST) or a warning (SHOULD)."""

from __future__ import annotations

VERDICTS = ("conforms", "concern", "deviates", "crashed", "void", "unsupported", "stale")
"""From best to worst; ``concern`` is a warning. The last two stand apart: ``unsupported`` says nothing of a result, and
``stale`` is one that conforms where the ledger expects a deviation, which is the ledger's fault."""

VERDICT_RANKS = {"unsupported": 0, "conforms": 0, "stale": 0, "concern": 1, "deviates": 2, "crashed": 3, "void": 4}
"""What a verdict says of the framework, from nothing wrong to the worst."""

OF_A_BROKEN_CLAUSE = {"MUST": "deviates", "SHOULD": "concern", "MAY": "conforms"}
"""The verdict on a clause that does not hold, by its level."""

LEVELS = tuple(OF_A_BROKEN_CLAUSE)
"""The levels of clauses (RFC 2119), the strictest first."""


def verdict_by_level(level: str, *, holds: bool) -> str:
    """Return the verdict on a clause of a level that holds or does not.

    >>> verdict_by_level("SHOULD", holds=False)
    'concern'
    """
    return "conforms" if holds else OF_A_BROKEN_CLAUSE[level]
