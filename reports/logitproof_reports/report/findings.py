"""The findings: what does not conform, alike ones told once by the worst of them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from logitproof_reference.training.impact import impact_of
from logitproof_reference.vocabulary.severity import EFFECTS, GRAVEST_FIRST, severity_of
from logitproof_reports.counting.verdict import listed, plural
from logitproof_reports.words.links import cell_link, explorer_link, filter_link
from logitproof_reports.words.outcomes import (
    BY_RANK,
    FAULTY,
    OUTCOMES,
    decimal,
    escape_control_chars,
    from_hex,
    measure,
    shown_verdict,
)
from logitproof_reports.words.terms import clause_title, question

from .model import Fact, Finding

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.words.outcomes import Outcome

SHOWN = 40
"""Findings told in full; the rest is in the table of all judgements."""

_LISTED = 6
_ALIKE = ("adapter", "op", "labels", "quantity", "entry", "clause")


def findings_of(judged: Judged) -> tuple[list[Finding], int]:
    """Return the findings, worst first, and how many more there are than are shown."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    wrong = judged.worst_first[judged.rank[judged.worst_first] > OUTCOMES["conforms"].rank]
    records = judged.table.select([*_ALIKE, "deviation"]).take(wrong).to_pylist()
    for row, record in zip(wrong.tolist(), records, strict=True):
        groups.setdefault((int(judged.rank[row]), *record.values()), []).append(row)
    shown = sorted(groups.values(), key=lambda rows: _severity_rank(judged, rows[0]))[:SHOWN]
    return [_finding(judged, rows) for rows in shown], len(groups) - len(shown)


def _severity_rank(judged: Judged, row: int) -> tuple[int, int]:
    """Return the sort key of a finding by its worst row: the outcome, then the effect; slacks are in order already."""
    outcome = BY_RANK[int(judged.rank[row])]
    effect = _effect(judged.record(row), outcome)
    return -outcome.rank, GRAVEST_FIRST.index(effect) if effect else 0


def _finding(judged: Judged, rows: list[int]) -> Finding:
    worst = judged.record(rows[0])
    outcome = BY_RANK[int(judged.rank[rows[0]])]
    some = judged.table.select(["mode", "format", "regime"]).take(sorted(rows)).to_pydict()
    return Finding(
        outcome=outcome,
        framework=escape_control_chars(worst["adapter"]),
        question=question(worst),
        clause=escape_control_chars(worst["clause"]),
        clause_title=clause_title(worst["clause"]),
        where="; ".join(_some(some[name]) for name in ("mode", "format", "regime")),
        count=plural(len(rows), "judgement"),
        brief=brief_of(worst),
        effect=f"{effect} ({EFFECTS[effect]})" if (effect := _effect(worst, outcome)) else "",
        reason=escape_control_chars(worst["reason"]) or clause_title(worst["clause"]),
        facts=[*facts_of(worst), *worth_facts(worst)],
        inputs=inputs_of(worst["inputs"]),
        repro=escape_control_chars(worst["repro"], keep="\n\t"),
        link=filter_link(
            framework=worst["adapter"],
            op=worst["op"],
            quantity=worst["quantity"],
            clause=worst["clause"],
            verdict=outcome.name,
        ),
        cell_link=cell_link(worst["cell"]) if worst["cell"] else "",
        explorer_link=explorer_link(worst),
    )


def _effect(record: dict[str, Any], outcome: Outcome) -> str:
    """Return what breaking a MUST does to whoever meets it; empty where none is broken."""
    return severity_of(record) if outcome.name in FAULTY else ""


def brief_of(record: dict[str, Any]) -> str:
    """Return what is wrong in a few words: the two numbers where they look different, else how far they are apart."""
    observed, exact = (escape_control_chars(from_hex(record[name])) for name in ("observed", "exact"))
    if not observed or record["verdict"] == "stale":
        return f"{shown_verdict(record['verdict'])}: {escape_control_chars(record['reason'])}"
    if observed != exact:
        return f"returns {observed} where {exact} is expected"
    return f"{measure(record['ulps'])} ulps off, {decimal(record['slack'])} times the bound"


def _some(words: list[str]) -> str:
    distinct = [escape_control_chars(word) for word in dict.fromkeys(words) if word]
    left = len(distinct) - _LISTED
    return listed([*distinct[:_LISTED], f"{left} more"] if left > 0 else distinct)


def facts_of(record: dict[str, Any]) -> list[Fact]:
    """Return what is known of a judgement's worst element, each number in decimal and as it was recorded."""
    place = f"row {record['row']}" + (f", class {record['element']}" if record["element"] >= 0 else "")
    facts = [
        Fact("cell", escape_control_chars(record["cell"])),
        Fact("regime", escape_control_chars(record["regime"]) + (f", {place}" if record["row"] >= 0 else "")),
        Fact("exact", _both(record["exact"])),
        Fact("observed", _both(record["observed"])),
        Fact("error", _error_of(record)),
        Fact("bound", _bound_of(record)),
        Fact("accuracy class", escape_control_chars(record["accuracy_class"])),
        Fact("ledger entry", escape_control_chars(record["deviation"])),
    ]
    if not record["observed"]:
        facts = [fact for fact in facts if fact.name not in {"exact", "observed", "error", "bound"}]
    return [fact for fact in facts if fact.value]


def _error_of(record: dict[str, Any]) -> str:
    """Return how far off a number is; where one of the two is no finite number, that is all there is to say."""
    if math.isfinite(record["ulps"]):
        return f"{measure(record['ulps'])} ulps, {decimal(record['nats'])} absolute"
    exact = escape_control_chars(from_hex(record["exact"]))
    return "" if math.isnan(record["ulps"]) else f"no error in ulps (expected {exact or 'another value'})"


def _bound_of(record: dict[str, Any]) -> str:
    if math.isnan(record["slack"]) or record["bound"] in {"", "nan"}:
        return ""
    times = f"; error / bound {decimal(record['slack'])}" if math.isfinite(record["slack"]) else ""
    return f"{escape_control_chars(record['bound'])}{times}"


def worth_facts(record: dict[str, Any]) -> list[Fact]:
    """Return what the finding is worth in practice and in a training; nothing where its row is not spelled out."""
    found = impact_of(record)
    return [] if found is None else [Fact("worth", found.sentence)]


def _both(spelled: str) -> str:
    number = from_hex(spelled)
    return escape_control_chars(spelled) if number == spelled else f"{number} ({escape_control_chars(spelled)})"


def inputs_of(spelled: str) -> list[Fact]:
    """Return a judgement's inputs by name, as text."""
    try:
        inputs = json.loads(spelled or "{}")
    except ValueError:
        return [Fact("inputs", escape_control_chars(spelled))]
    if not isinstance(inputs, dict):
        return [Fact("inputs", escape_control_chars(spelled))]
    return [
        Fact(escape_control_chars(str(name)), escape_control_chars(_spelled(value))) for name, value in inputs.items()
    ]


def _spelled(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
