"""The extreme-value page: what each framework gives in each extreme situation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from .links import filter_link
from .outcomes import BY_RANK, OUTCOMES, from_hex, visible
from .page_model import ExtremeCell, ExtremeRow, Situation
from .terms import is_extreme, question, regime_clause, regime_reason
from .verdict import listed

if TYPE_CHECKING:
    from .judged import Judged

_COLUMNS = ("regime", "op", "labels", "quantity", "adapter", "format", "clause", "exact", "observed", "reason")
_UNASKED = ExtremeCell(None, "", "", "", "")

Record = dict[str, Any]


def situations_of(judged: Judged) -> list[Situation]:
    """Return the extreme regimes by the clause they serve, each with every framework's answer to every question."""
    records = _extreme_records(judged)
    return [
        _situation(regime, records[regime], judged.framework.words)
        for regime in sorted(records, key=lambda regime: (regime_clause(regime), regime))
    ]


def _extreme_records(judged: Judged) -> dict[str, list[Record]]:
    """Return the rows of extreme regimes by regime, each list worst first."""
    regimes = [name for name in pc.unique(judged.table["regime"]).to_pylist() if is_extreme(name)]
    served = pc.is_in(judged.table["regime"], value_set=pa.array(regimes, pa.string())).to_numpy() & judged.asked
    rows = judged.worst_first[served[judged.worst_first]]
    found: dict[str, list[Record]] = defaultdict(list)
    for row, record in zip(rows.tolist(), judged.table.select(_COLUMNS).take(rows).to_pylist(), strict=True):
        found[record["regime"]].append({**record, "outcome": BY_RANK[int(judged.rank[row])]})
    return found


def _situation(regime: str, records: list[Record], frameworks: list[str]) -> Situation:
    by_question: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        by_question[record["op"], record["labels"], record["quantity"]].append(record)
    rows = [
        ExtremeRow(question(asked[0]), [_cell([one for one in asked if one["adapter"] == name]) for name in frameworks])
        for _, asked in sorted(by_question.items())
    ]
    return Situation(visible(regime), regime_reason(regime), regime_clause(regime), records[0]["outcome"], rows)


def _cell(records: list[Record]) -> ExtremeCell:
    if not records:
        return _UNASKED
    worst = records[0]
    outcome = worst["outcome"]
    bad = outcome.rank > OUTCOMES["conforms"].rank
    return ExtremeCell(
        outcome=outcome,
        observed=visible(from_hex(worst["observed"])) or visible(worst["reason"])[:60],
        exact=visible(from_hex(worst["exact"])) if bad else "",
        where=_where(records) if bad else "",
        link=filter_link(
            framework=worst["adapter"],
            op=worst["op"],
            labels=worst["labels"],
            quantity=worst["quantity"],
            regime=worst["regime"],
        ),
    )


def _where(records: list[Record]) -> str:
    """Return the formats that share the worst outcome; empty where all do."""
    every = dict.fromkeys(record["format"] for record in records)
    alike = dict.fromkeys(record["format"] for record in records if record["outcome"] == records[0]["outcome"])
    return "" if len(alike) == len(every) else visible(listed(list(alike)))
