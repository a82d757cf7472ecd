"""The extreme-value page: what each framework gives in each extreme situation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from .links import filter_link
from .outcomes import BY_RANK, OUTCOMES, from_hex, visible
from .page_model import ExtremeAnswer, ExtremeCell, ExtremeRow, Situation
from .terms import clause_title, is_extreme, question, regime_clause, regime_reason
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
        ExtremeRow(
            question(asked[0]),
            _due(asked),
            [_cell([one for one in asked if one["adapter"] == name]) for name in frameworks],
        )
        for _, asked in sorted(by_question.items())
    ]
    clause = regime_clause(regime)
    return Situation(
        id=f"extreme-{visible(regime)}",
        name=visible(regime),
        reason=regime_reason(regime),
        clause=clause,
        clause_title=clause_title(clause),
        outcome=records[0]["outcome"],
        answers=[_answer([one for one in records if one["adapter"] == name]) for name in frameworks],
        rows=rows,
    )


def _answer(records: list[Record]) -> ExtremeAnswer:
    """Return how a framework fares: the worst outcome of its records, which are worst first, and how many share it."""
    if not records:
        return ExtremeAnswer(None, "", "")
    outcome = records[0]["outcome"]
    number = sum(one["outcome"] == outcome for one in records)
    words = f"all {number:,}" if number == len(records) else f"{number:,} of {len(records):,}"
    return ExtremeAnswer(outcome, words, filter_link(framework=records[0]["adapter"], regime=records[0]["regime"]))


def _due(records: list[Record]) -> str:
    """Return the specification's answer: the exact one, where all records agree in it to six digits."""
    exact = {from_hex(one["exact"]) for one in records if one["exact"]}
    return visible(exact.pop()) if len(exact) == 1 else "a number within the bound" if exact else ""


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
