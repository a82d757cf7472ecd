"""The words and glyphs of a page: outcomes and clause families."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A verdict as a reader needs it: whether the ledger knew of it is part of it.

    Attributes
    ----------
    name : str
        Word of the filter and of the style sheet.
    glyph, label : str
        How it is shown; the glyph carries the same information as the colour.
    rank : int
        Larger is worse.
    counted : str
        A count with its noun: ``3 known deviations``, ``40 conform``.
    meaning : str
        One sentence for the legend.
    """

    name: str
    glyph: str
    label: str
    rank: int
    counted: str
    meaning: str

    def count(self, number: int) -> str:
        """Return a number of them in words: ``1 warning (SHOULD)``, ``3 known deviations``."""
        return f"{number:,} {self.label if number == 1 else self.counted}"


OUTCOMES = {
    outcome.name: outcome
    for outcome in (
        Outcome("unsupported", "·", "not offered", 0, "not offered", "the framework does not offer this"),
        Outcome("conforms", "✓", "conforms", 1, "conform", "every number is within its bound"),
        Outcome(
            "concern",
            "△",
            "warning (SHOULD)",
            2,
            "warnings (SHOULD)",
            "breaks a SHOULD, not a MUST: allowed, but a careful implementation is better",
        ),
        Outcome(
            "known",
            "≈",
            "known deviation",
            3,
            "known deviations",
            "breaks a MUST, as recorded in the ledger of known deviations",
        ),
        Outcome(
            "stale",
            "↺",
            "stale ledger entry",
            4,
            "stale ledger entries",
            "conforms although the ledger of known deviations expects a deviation: the ledger is wrong",
        ),
        Outcome("deviates", "✗", "deviates", 5, "deviate", "breaks a MUST, and no ledger entry explains it"),
        Outcome("crashed", "‼", "crashed", 6, "crashed", "the framework raised an error, or its process died"),
        Outcome("void", "∅", "void", 7, "void", "nothing was measured"),
    )
}
"""Every outcome by name, from best to worst; `rank` is the position."""

BY_RANK = tuple(OUTCOMES.values())
UNEXPECTED = frozenset({"deviates", "crashed", "void"})
"""Outcomes that no ledger entry explains."""
FAULTY = UNEXPECTED | {"known"}
"""Outcomes in which a framework breaks a MUST."""

FAMILIES = {
    "VAL": "Values",
    "GRD": "Gradients of logits",
    "GLB": "Gradients of labels",
    "JVP": "Forward derivatives",
    "HVP": "Second derivatives",
    "ACC": "Accuracy",
    "EXT": "Extreme logits",
    "ROW": "Independent rows",
    "LAW": "Laws",
    "OPT": "Options",
    "IO": "Shapes and formats",
    "ERR": "Errors",
    "MOD": "Compiled modes",
    "LIN": "Linear layer and loss",
    "INV": "Invariance",
    "KIN": "Related functions",
    "PRB": "Losses of probabilities",
    "FUN": "Functions of losses",
    "MSK": "Masks",
    "TRN": "Training",
}
"""Clause families in the order of the specification."""


def shown_verdict(verdict: str) -> str:
    """Return a stored verdict as it is shown: ``concern`` is the word of run files for a warning (SHOULD).

    >>> shown_verdict("concern"), shown_verdict("deviates")
    ('warning (SHOULD)', 'deviates')
    """
    return OUTCOMES["concern"].label if verdict == "concern" else verdict


_FAMILY = re.compile(r"[A-Z]+")


def family_of(clause: str) -> str:
    """Return the family of a clause: ``EXT`` of ``EXT-3``; empty for no clause."""
    match = _FAMILY.match(clause)
    return match.group() if match else ""


def family_place(family: str) -> tuple[int, str]:
    """Return the sort key that puts families in the order of the specification, unknown ones last."""
    order = list(FAMILIES)
    return (order.index(family) if family in FAMILIES else len(order), family)
