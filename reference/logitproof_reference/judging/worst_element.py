"""The worst element of a recorded judgement, measured again from the record.

A judgement's ``ulps`` and ``nats`` are the largest of all rows of its regime, and may belong to another row than the
one whose answers it records. What is shown beside those answers is measured here, from them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.judging.compare import compare
from logitproof_reference.numerics.enclosure import Enclosure
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class WorstElement:
    """How far the recorded answer is off.

    Attributes
    ----------
    error, ulps : float
        |observed - exact|, and the same in ulps of the format; inf where one of them is not finite.
    ratio : float
        error / bound; NaN where what conforms is not measured by a bound: the exact answer is not finite, or the clause
        accepts another answer, as NaN.
    accepted : bool
        Whether the judgement conforms although the answer is outside the bound.
    unit : str
        Unit of the error: nats of a loss or a logarithm, ``absolute`` of anything else.
    """

    error: float
    ulps: float
    ratio: float
    accepted: bool = False
    unit: str = "absolute"


NOT_MEASURED = WorstElement(math.nan, math.nan, math.nan)


def worst_element(record: Mapping[str, Any]) -> WorstElement:
    """Measure the answer that a judgement records; `NOT_MEASURED` where it records none.

    Parameters
    ----------
    record : mapping
        The fields of a `Judgement`, of which ``exact``, ``observed``, ``bound``, ``format``, ``slack``, ``verdict``,
        ``op`` and ``quantity`` are read.
    """
    parts, observed = exact_parts(record["exact"]), exact_parts(record["observed"])
    if not parts or not observed or record["format"] not in FORMATS:
        return NOT_MEASURED
    exact = Enclosure(*np.array([[*parts, 0.0, 0.0][:3]]).T)
    bound = np.array([number_or_nan(record["bound"])])
    found = compare(np.array([observed[0]]), exact, bound, FORMATS[record["format"]])
    error, ulps, ratio = (float(measured[0]) for measured in (found.error, found.ulps, found.slack))
    conforms = record["verdict"] == "conforms"
    # The bound is recorded to six digits; a ratio within their reach of 1 is the judgement's own to decide.
    accepted = conforms and ratio > 1.0 + 1e-4
    unbounded = accepted or (conforms and not math.isfinite(parts[0]))
    return WorstElement(error, ulps, math.nan if unbounded else float(record["slack"]), accepted, unit_of(record))


def unit_of(record: Mapping[str, Any]) -> str:
    """Return the unit of an error: a value other than a probability is in nats, a derivative has none."""
    return "nats" if record["quantity"] == "value" and record["op"] != "softmax" else "absolute"


def exact_parts(spelled: str) -> list[float]:
    """Return ``value`` or ``value + tail``, recorded as hexadecimal floats, as numbers; empty if it is none.

    >>> exact_parts("0x1p+0 - 0x1p-60")
    [1.0, -8.673617379884035e-19]
    >>> exact_parts("several"), exact_parts("")
    ([], [])
    """
    try:
        return [float.fromhex(part) for part in spelled.replace(" - ", " -").replace(" + ", " ").split()]
    except (OverflowError, ValueError):
        return []


def number_or_nan(spelled: str) -> float:
    """Return a number recorded in decimal; NaN if there is none."""
    try:
        return float(spelled)
    except ValueError:
        return math.nan
