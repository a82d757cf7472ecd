"""The effect of a deviation on a user, by which findings are sorted, the most severe first."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        "undefined": "memory outside the arrays is read or written; the result may be anything",
        "silent": "a wrong finite number, or invalid input accepted, with no indication",
        "not-finite": "NaN or infinity where a finite number is expected, or NaN instead of infinity and vice versa",
        "no-answer": "an error, a hang or a crash (including one from corrupted memory) where a result is expected",
        "inaccurate": "a larger error than rounding explains; at least two digits are right",
        "form": "wrong number format or shape; the numbers are right",
    }
)
"""Effects with their meaning, the most severe first."""

UNDEFINED = "undefined"
"""The one effect that says nothing of what comes; no judgement shows it, a ledger entry knows it from the source."""

MOST_SEVERE_FIRST = tuple(EFFECTS)

RIGHT_DIGITS = 0.01
"""Relative error up to which two digits are right."""

_BY_CLAUSE = {"IO-1": "form", "IO-3": "no-answer", "MOD-3": "no-answer", "MOD-4": "not-finite"}
"""Effects of what compares no numbers: results, empty batches, other modes' refusals. The rest is answered wrongly."""


def is_more_severe(effect: str, than: str) -> bool:
    """Return whether an effect is more severe than another one."""
    return MOST_SEVERE_FIRST.index(effect) < MOST_SEVERE_FIRST.index(than)


def severity_of(finding: Mapping[str, Any]) -> str:
    """Return the effect of a judgement that does not conform.

    Parameters
    ----------
    finding : mapping
        The fields of a `Judgement`: ``verdict``, ``clause``, ``exact`` and ``observed`` are read.

    Returns
    -------
    str
        A word of `EFFECTS`.

    Examples
    --------
    >>> severity_of({"verdict": "deviates", "clause": "EXT-2", "exact": "0x1.5p-3", "observed": "nan"})
    'not-finite'
    >>> severity_of({"verdict": "deviates", "clause": "EXT-1", "exact": "nan", "observed": "0x1.0p+0"})
    'silent'
    """
    if finding["verdict"] in {"crashed", "void"}:
        return "no-answer"
    exact, observed = _number(finding["exact"]), _number(finding["observed"])
    if exact is None or observed is None:
        return _BY_CLAUSE.get(finding["clause"], "silent")
    if not math.isfinite(observed):
        return "not-finite"
    return "inaccurate" if abs(observed - exact) <= RIGHT_DIGITS * abs(exact) < math.inf else "silent"


def _number(spelled: str) -> float | None:
    """Return a number spelled as a hexadecimal float, with or without a tail behind it; None if it is none."""
    head, *_ = spelled.split() or [""]
    try:
        return float.fromhex(head)
    except ValueError:
        return None
    except OverflowError:
        return -math.inf if head.startswith("-") else math.inf
