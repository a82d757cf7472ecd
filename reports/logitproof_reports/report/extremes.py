"""The extreme-value page: the answer of each framework in each extreme situation."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reports.words.links import filter_link, filter_terms
from logitproof_reports.words.outcomes import BY_RANK, OUTCOMES, Outcome
from logitproof_reports.words.terms import (
    clause_title,
    is_extreme,
    question,
    question_place,
    regime_clause,
    regime_reason,
)
from logitproof_reports.words.text import escape_control_chars, from_hex, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from logitproof_reports.counting.run_table import Judged

_COLUMNS = ("regime", "op", "labels", "quantity", "adapter", "format", "clause", "exact", "observed", "reason")
_FINITE = "a finite number"
_SPECIAL = ("NaN", "+inf", "-inf")
_KINDS = (_FINITE, *_SPECIAL)
_ERROR = re.compile(r"(\w{3,60}(?:Error|Exception)):")
"""The class of an error at the head of a reason."""

Record = dict[str, Any]


@dataclass(frozen=True)
class ExtremeCell:
    """The result of one framework: `as_due`, or the observed value, and the expected one if it is not allowed."""

    outcome: Outcome | None
    observed: str
    exact: str
    where: str
    as_due: bool


@dataclass(frozen=True)
class ExtremeRow:
    """One question in one situation, the specification's answer, and every framework's.

    `terms` are its share in the links of its cells, as those of situation and framework are.
    """

    question: str
    terms: str
    due: str
    cells: list[ExtremeCell]


@dataclass(frozen=True)
class ExtremeAnswer:
    """How one framework fares in one situation; `gives` tells the worst, where it does not conform."""

    outcome: Outcome | None
    gives: str
    number: str
    link: str


@dataclass(frozen=True)
class Situation:
    """One regime of extreme logits; `outcome` is the worst among its rows, `answers` the worst of each framework."""

    id: str
    name: str
    terms: str
    reason: str
    clause: str
    clause_title: str
    outcome: Outcome
    answers: list[ExtremeAnswer]
    rows: list[ExtremeRow]


_UNASKED = ExtremeCell(None, "", "", "", as_due=False)


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
            _terms(asked[0]),
            _due(asked),
            [_cell([one for one in asked if one["adapter"] == name], _due(asked)) for name in frameworks],
        )
        for _, asked in sorted(by_question.items(), key=lambda item: question_place(item[0]))
    ]
    clause = regime_clause(regime)
    return Situation(
        id=f"extreme-{escape_control_chars(regime)}",
        name=escape_control_chars(regime),
        terms=filter_terms(regime=regime),
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
        return ExtremeAnswer(None, "", "", "")
    outcome = records[0]["outcome"]
    number = sum(one["outcome"] == outcome for one in records)
    every = plural(len(records), "judgement")
    words = f"all {every}" if number == len(records) else f"{number:,} of {every}"
    link = filter_link(framework=records[0]["adapter"], regime=records[0]["regime"])
    return ExtremeAnswer(outcome, _gives(records[0]), words, link)


def _gives(record: Record) -> str:
    """Return what came and what was due, where a judgement does not conform and the two look different."""
    observed, exact = (escape_control_chars(from_hex(record[name])) for name in ("observed", "exact"))
    if record["outcome"].rank <= OUTCOMES["conforms"].rank:
        return ""
    if error := _ERROR.match(record["reason"]):
        return f"raises {error[1]}"
    return f"returns {observed}, expected {exact}" if observed and observed != exact else ""


def _due(records: list[Record]) -> str:
    """Return the specification's answer: the exact one, or of what kind it is where that depends on the row."""
    return _told([one["exact"] for one in records])


def _told(spelled: Iterable[str]) -> str:
    """Return the one number that all are, to six digits; else the kinds of numbers there are among them."""
    found = dict.fromkeys(escape_control_chars(from_hex(one)) for one in spelled if one)
    return next(iter(found), "") if len(found) < 2 else _kinds(found)


def _kinds(found: Iterable[str]) -> str:
    return listed(sorted({one if one in _SPECIAL else _FINITE for one in found}, key=_KINDS.index))


def _cell(records: list[Record], due: str) -> ExtremeCell:
    if not records:
        return _UNASKED
    worst = records[0]
    outcome = worst["outcome"]
    bad = outcome.rank > OUTCOMES["conforms"].rank
    observed = _wrong(worst) if bad else _right(records, due)
    return ExtremeCell(
        outcome=outcome,
        observed=observed,
        exact=escape_control_chars(from_hex(worst["exact"])) if bad else "",
        where=_where(records) if bad else "",
        as_due=not bad and observed == due,
    )


def _terms(record: Record) -> str:
    return filter_terms(**{name: record[name] for name in ("op", "labels", "quantity")})


def _right(records: list[Record], due: str) -> str:
    """Return what is observed where all conforms: the number that is due, or of what kinds the numbers are."""
    found = dict.fromkeys(escape_control_chars(from_hex(one["observed"])) for one in records)
    return due if set(found) <= {due} else _kinds(found)


def _wrong(record: Record) -> str:
    return escape_control_chars(from_hex(record["observed"])) or escape_control_chars(record["reason"])[:60]


def _where(records: list[Record]) -> str:
    """Return the formats that share the worst outcome; empty where all do."""
    every = dict.fromkeys(record["format"] for record in records)
    alike = dict.fromkeys(record["format"] for record in records if record["outcome"] == records[0]["outcome"])
    return "" if len(alike) == len(every) else escape_control_chars(listed(list(alike)))
