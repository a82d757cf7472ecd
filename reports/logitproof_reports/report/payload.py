"""The table of all judgements, packed into the page; `html.columns` has the layout.

Slack and ulps are words too, of three significant digits. What only some rows have (inputs, repro, ...) is in the
head's ``details``, by row number, for as many of the worst rows as fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reports.html.columns import CELL_COLUMNS, fitting, numbers, packed
from logitproof_reports.runs.coded_text import Words, words_of
from logitproof_reports.words.links import explored_row
from logitproof_reports.words.outcomes import BY_RANK, FAULTY, OUTCOMES
from logitproof_reports.words.text import escape_control_chars

from .judgement_facts import facts_of_judgement, impact_facts, inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.html.columns import Payload

    from .model import Fact

TEXT_COLUMNS = {
    **CELL_COLUMNS,
    "level": "grade",
    "class": "accuracy_class",
    "deviation": "deviation",
    "cell": "cell",
}
"""Words of the report's filter and the columns of the run that they search."""

DETAIL_CHARACTERS = 480_000
"""Text of details carried along, before compression; hexadecimal inputs do not compress below a half."""

DETAILS_EACH = 3
"""Worst rows of each field of the matrix whose details are carried in any case."""


IMPACTS = 60
"""Judgements that break a MUST whose details include their impact; each takes a small training."""


def payload_of(judged: Judged) -> Payload:
    """Pack a run's judgements."""
    columns = {name: words_of(judged.table[column]) for name, column in TEXT_COLUMNS.items()}
    columns = {name: column.mapped(escape_control_chars) for name, column in columns.items()}
    columns["verdict"] = Words([outcome.name for outcome in BY_RANK], judged.rank)
    columns["row"] = numbers(_worst_rows(judged), 9)
    columns["slack"] = numbers(judged.slack, 3)
    columns["ulps"] = numbers(judged.ulps, 3)
    outcomes = {outcome.name: [outcome.glyph, outcome.label, outcome.rank] for outcome in BY_RANK}
    return packed(judged.table.num_rows, columns, outcomes=outcomes, details=_details(judged))


def _details(judged: Judged) -> dict[int, dict[str, Any]]:
    """Return the details of the worst rows, by row number, as many as `DETAIL_CHARACTERS` allows."""
    impacts = iter(range(IMPACTS))

    def detail_of(row: int) -> dict[str, Any]:
        record = judged.record(row)
        broken = BY_RANK[judged.rank[row]].name in FAULTY and next(impacts, None) is not None
        return _detail(record, [*facts_of_judgement(record), *(impact_facts(record) if broken else [])])

    return fitting(_by_interest(judged), detail_of, DETAIL_CHARACTERS)


def _by_interest(judged: Judged) -> Iterable[int]:
    """Yield the worst rows of each field of the matrix first, then all that do not conform, worst first."""
    rows = judged.worst_first
    fields = np.ravel_multi_index(
        (judged.framework.codes[rows], judged.family.codes[rows], judged.format.codes[rows]),
        tuple(max(1, len(column.words)) for column in (judged.framework, judged.family, judged.format)),
    )
    by_field = np.argsort(fields, kind="stable")
    starts = np.flatnonzero(np.diff(fields[by_field], prepend=-1))
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    chosen = np.sort(by_field[place < DETAILS_EACH])
    wrong = np.flatnonzero(judged.rank[rows] > OUTCOMES["conforms"].rank)
    return dict.fromkeys(rows[np.concatenate([chosen, wrong])].tolist())


def _detail(record: dict[str, Any], facts: list[Fact]) -> dict[str, Any]:
    logits, label = explored_row(record)
    return {
        "reason": escape_control_chars(record["reason"]),
        "label": label if logits else None,
        "facts": [[fact.name, fact.value] for fact in facts],
        "inputs": [[fact.name, fact.value] for fact in inputs_of(record["inputs"])],
        "repro": escape_control_chars(record["repro"], keep="\n\t"),
    }


def _worst_rows(judged: Judged) -> NDArray[np.float64]:
    """Return the number of each judgement's worst row within its regime; NaN if it is on no single row."""
    rows = judged.table["row"].to_numpy().astype(np.float64)
    return np.where(rows < 0.0, np.nan, rows)
