"""The worst answer of each judgement as numbers, and how much of its error rounding may explain.

An answer is *far* off where no rounding of a straightforward implementation explains its error: then it answers another
question than the exact one. The limit is generous, because what it must not do is take a loss of digits for a change of
meaning: a softmax cross-entropy subtracts numbers as large as the logits, sums as many as there are, and scales by the
cotangents, tangents, distributions and weights it is given; and some hardware computes in half precision whatever the
format.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.words.outcomes import family_of

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMERIC = frozenset({"VAL", "GRD", "GLB", "JVP", "HVP", "OPT", ""})
"""Families of clauses that compare an answer with the exact one, and what no clause covers, which is compared with the
other side's; the others compare two answers of one side, or words."""

_LENIENCE = 4.0
"""Number of roundings, of the size of the largest intermediate result, that a term may undergo."""

_COARSEST = FORMATS["float16"].unit_roundoff
"""What hardware may round to inside a call of a wider format."""

_NEAR_OVERFLOW = 1.0 / 16.0
"""Share of the largest number of a format above which an answer may result from an overflow."""


_READ = ["clause", "verdict", "format", "inputs", "observed", "exact", "bound"]
_ROWS_AT_ONCE = 4096


def worst_answers(table: pa.Table) -> dict[str, pa.Array]:
    """Return ``value``, ``answer``, ``allowed`` and ``rounding`` of each row's worst element as numbers.

    ``value`` is what was observed, ``answer`` the exact answer, ``allowed`` the bound; null where they are not all
    finite numbers of a numeric clause. ``rounding`` is the limit described above, null unless the row deviates.
    """
    columns: dict[str, list[float | None]] = {name: [] for name in ("value", "answer", "allowed", "rounding")}
    for part in table.select(_READ).to_batches(max_chunksize=_ROWS_AT_ONCE):  # as Python words they take much memory
        clauses, verdicts, formats, inputs, *spelled = (part[name].to_pylist() for name in _READ)
        rows = zip(clauses, verdicts, formats, inputs, zip(*spelled, strict=True), strict=True)
        for clause, verdict, format_, given, words in rows:
            numbers = _numbers(words) if family_of(clause) in NUMERIC else None
            limit = _rounding(given, format_, numbers) if numbers and verdict == "deviates" else None
            for name, number in zip(columns, (*(numbers or (None,) * 3), limit), strict=True):
                columns[name].append(number)
    return {name: pa.array(values, pa.float64()) for name, values in columns.items()}


def _numbers(words: Iterable[str]) -> tuple[float, float, float] | None:
    """Return observed value, exact answer and bound; None unless all are finite numbers."""
    observed, exact, bound = words
    try:
        found = float.fromhex(observed), float.fromhex(exact.partition(" ")[0]), float(bound)
    except (ValueError, OverflowError):
        return None
    return found if all(map(math.isfinite, found)) else None


def _rounding(inputs: str, format_: str, numbers: tuple[float, float, float]) -> float | None:
    """Return how far off rounding alone may bring an answer; None where that cannot be determined."""
    known = FORMATS.get(format_)
    arrays = _arrays(inputs)
    if known is None or "logits" not in arrays or abs(numbers[0]) > known.largest * _NEAR_OVERFLOW:
        return None
    largest = {name: _largest(values) for name, values in arrays.items()}
    scale = math.prod(1.0 + number for name, number in largest.items() if name != "logits")
    # Errors of a sum grow with the root of its length, as long as they have no reason to add up.
    terms = math.sqrt(len(arrays["logits"])) + 2.0 * (1.0 + largest["logits"]) + abs(numbers[1])
    return _LENIENCE * max(known.unit_roundoff, _COARSEST) * terms * scale


def largest_logit(inputs: str) -> float:
    """Return the largest magnitude of a row's finite logits; inf where the row does not tell."""
    arrays = _arrays(inputs)
    return _largest(arrays["logits"]) if "logits" in arrays else math.inf


def _arrays(inputs: str) -> dict[str, list[float]]:
    """Return the numbers of a row's inputs by name; whole numbers, which are labels, are left out."""
    try:
        found: Any = json.loads(inputs)
        return {
            name: [float.fromhex(word) for word in values]
            for name, values in found.items()
            if isinstance(values, list) and all(isinstance(word, str) for word in values)
        }
    except (ValueError, AttributeError, OverflowError):
        return {}


def _largest(values: list[float]) -> float:
    finite = [abs(value) for value in values if math.isfinite(value)]
    return max(finite, default=0.0)
