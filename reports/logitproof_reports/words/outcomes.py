"""The words and glyphs of a page: outcomes, clause families, and control characters escaped."""

from __future__ import annotations

import math
import re
import unicodedata
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
        What so many of them are called: ``3 known deviations``, ``40 conform``.
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
        Outcome("crashed", "‼", "crashed", 6, "crashed", "the framework raised, or its process died"),
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
_HEX_FLOAT = re.compile(r"[+-]?(inf|nan|0x[01]\.?[0-9a-f]*p[+-]?\d{1,4})( |$)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def family_of(clause: str) -> str:
    """Return the family of a clause: ``EXT`` of ``EXT-3``; empty for no clause."""
    match = _FAMILY.match(clause)
    return match.group() if match else ""


def family_place(family: str) -> tuple[int, str]:
    """Return the sort key that puts families in the order of the specification, unknown ones last."""
    order = list(FAMILIES)
    return (order.index(family) if family in FAMILIES else len(order), family)


def escape_control_chars(text: str, *, keep: str = "") -> str:
    r"""Spell what cannot be seen, so that it cannot mislead: controls, bidirectional marks, surrogates.

    >>> escape_control_chars("a\x00b\u202ec")
    'a\\x00b\\u202ec'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSEEN else ascii(char)[1:-1] for char in text
    )


def decimal(number: float, digits: int = 3) -> str:
    """Spell a measure for people: three significant digits, ∞ and a dash for NaN."""
    if math.isnan(number):
        return "\N{EN DASH}"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    return f"{number:.{digits}g}"


def slack_of(number: float) -> str:
    """Spell a slack for people: as `decimal` does, with as many digits as tell it from 1, where a fault begins.

    >>> slack_of(0.25), slack_of(0.99972), slack_of(1.0), slack_of(1.00004)
    ('0.25', '0.9997', '1', '1.00004')
    """
    spelled = (decimal(number, digits) for digits in range(3, 17))
    return next((text for text in spelled if text != "1" or number == 1.0), repr(number))


def measure(number: float) -> str:
    """Spell an error in ulps for people: three digits, a thousand and more in full, a million and more as a power.

    >>> measure(0.4996), measure(1320.4), measure(4.27e37)
    ('0.5', '1,320', '4.3e37')
    """
    if not math.isfinite(number) or abs(number) < 1_000:
        return decimal(number)
    return f"{number:,.0f}" if abs(number) < 1e6 else f"{number:.1e}".replace("e+", "e").replace("e0", "e")


def from_hex(spelled: str) -> str:
    """Spell a hexadecimal float in decimal, as a number of the field: ``NaN``, ``+inf``, ``0.25``; else unchanged.

    An exact answer in two parts (value and tail) is spelled by its value.

    >>> from_hex("0x1.8p+1"), from_hex("-inf"), from_hex("nan"), from_hex("0x1p-1 + 0x1p-60")
    ('3', '-inf', 'NaN', '0.5')
    """
    if not _HEX_FLOAT.match(spelled):
        return spelled
    number = float.fromhex(spelled.split(" ", maxsplit=1)[0])
    if math.isnan(number):
        return "NaN"
    return f"{number:+}" if math.isinf(number) else f"{number:.6g}"
