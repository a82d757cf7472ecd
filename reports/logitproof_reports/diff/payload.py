"""All judgements of a diff, packed into its page; see `html.columns` for the layout."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from logitproof_reference.judging.worst_element import worst_element
from logitproof_reports.html.columns import CELL_COLUMNS, fitting, numbers, packed
from logitproof_reports.report.judgement_facts import inputs_of
from logitproof_reports.runs.coded_text import Words, words_of
from logitproof_reports.words.outcomes import shown_verdict
from logitproof_reports.words.text import decimal, escape_control_chars, from_hex, slack_of

from .classes import CLASSES, RANK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_reports.html.columns import Payload

    from .compare import Diff

DETAIL_CHARACTERS = 140_000
"""Text of details carried along, before compression."""

_MANY = 30_000
"""Rows from which on the table's measures have one significant digit, not two: a page of 100,000 is to stay small."""

_INPUT_CHARACTERS = 4_000


def payload_of(diff: Diff) -> Payload:
    """Pack the judgements of a diff, worst first, with the details of as many of the worst as fit."""
    digits = 1 if diff.table.num_rows > _MANY else 2
    columns = {"class": Words([change.word for change in CLASSES], diff.rank)}
    columns |= {name: diff.words(column).mapped(escape_control_chars) for name, column in CELL_COLUMNS.items()}
    for side, title in (("b", "before"), ("a", "after")):
        columns[title] = words_of(pc.fill_null(diff.column(side, "verdict"), "none"))
        for measure in ("ulps", "slack"):
            values = pc.fill_null(diff.column(side, measure), float("nan")).to_numpy()
            columns[f"{measure}_{title}"] = numbers(values, digits)
    classes = {change.word: [change.glyph, change.name, rank, change.tone] for rank, change in enumerate(CLASSES)}
    details = fitting(_by_interest(diff), partial(detail_of, diff), DETAIL_CHARACTERS)
    return packed(diff.table.num_rows, columns, classes=classes, details=details)


def _by_interest(diff: Diff) -> Iterator[int]:
    """Yield the worst rows of every class, then all that differ, worst first."""
    differing = int((diff.rank < RANK["identical"]).sum())
    starts = np.flatnonzero(np.diff(diff.rank[:differing], prepend=-1)).tolist()
    few = [row for start in starts for row in range(start, min(start + 10, differing))]
    yield from dict.fromkeys([*few, *range(differing)])


def detail_of(diff: Diff, row: int, *, instead: bool = False) -> dict[str, Any]:
    """Return a judgement side by side: ``facts`` (name, before, after), ``inputs``, ``repro``, ``other_row``.

    The inputs are those of the candidate's worst row, where it has one; `other_row` tells whether the baseline's worst
    row is another.

    With `instead`, a run that judges these rows by another clause shows that judgement.
    """
    before, after = diff.sides(row)
    told = after or before
    inputs = [] if len(told["inputs"]) > _INPUT_CHARACTERS else inputs_of(told["inputs"])
    other = diff.instead(row) if instead and not (before and after) else {}
    return {
        "facts": [[name, *pair] for name, pair in side_by_side(before or other, after or other).items()],
        "inputs": [[fact.name, fact.value] for fact in inputs],
        "repro": escape_control_chars(after.get("repro") or before.get("repro") or "", keep="\n\t"),
        "row": told["row"],
        "other_row": bool(before and after and before["row"] != after["row"]),
    }


def side_by_side(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return facts by name, as the baseline and the candidate have them; those that neither has are left out."""
    sides = _facts(before), _facts(after)
    return {name: (sides[0][name], sides[1][name]) for name in sides[0] if sides[0][name] or sides[1][name]}


def _facts(record: dict[str, Any]) -> dict[str, str]:
    if not record:
        return dict.fromkeys(_facts(_NOTHING), "")
    place = f"row {record['row']}" + (f", class {record['element']}" if record["element"] >= 0 else "")
    found = worst_element(record)
    return {
        "clause": escape_control_chars(record["clause"]),
        "verdict": escape_control_chars(shown_verdict(record["verdict"]))
        + (" (known deviation)" if record["deviation"] else ""),
        "worst element": place if record["row"] >= 0 else "",
        "exact": from_hex(record["exact"]),
        "exact, hex": escape_control_chars(record["exact"]),
        "observed": from_hex(record["observed"]),
        "observed, hex": escape_control_chars(record["observed"]),
        "error, ulps": _measure(found.ulps),
        "error, absolute": _measure(found.error),
        "error / bound": "" if math.isnan(found.ratio) else slack_of(found.ratio),
        "largest error of these rows, ulps": _measure(record["ulps"]),
        "accuracy class": escape_control_chars(record["accuracy_class"]),
        "reason": escape_control_chars(record["reason"]),
    }


_NOTHING = {
    **dict.fromkeys(("clause", "verdict", "deviation", "exact", "observed", "accuracy_class", "reason"), ""),
    **dict.fromkeys(("ulps", "nats", "slack"), float("nan")),
    **dict.fromkeys(("row", "element"), -1),
    **dict.fromkeys(("bound", "format", "op", "quantity"), ""),
}


def _measure(number: float) -> str:
    return "" if math.isnan(number) else decimal(number)
