"""The findings: what does not conform, grouped by cause, shown by the worst judgement.

A cause is an entry of a ledger, or several with one reason; of what no entry explains it is a clause that a framework
breaks for one op and quantity, or an error by its message; of warnings a clause that a framework does not meet.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logitproof_reference.vocabulary.reasons import cause_of
from logitproof_reference.vocabulary.severity import EFFECTS, MOST_SEVERE_FIRST, severity_of
from logitproof_reports.counting.verdict_sentences import framework_versions
from logitproof_reports.counting.worst import severity_rank
from logitproof_reports.runs.schema import attributed
from logitproof_reports.words.links import cell_link, explorer_link, filter_link
from logitproof_reports.words.outcomes import BY_RANK, FAULTY, OUTCOMES, UNEXPECTED
from logitproof_reports.words.terms import clause_title, question
from logitproof_reports.words.text import distinct, escape_control_chars, listed, plural, slack_of

from .judgement_facts import brief_of, facts_of_judgement, impact_facts, inputs_of
from .model import Entry, Finding, FindingGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.runs.schema import Run
    from logitproof_reports.words.outcomes import Outcome

SHOWN = 200
"""Findings shown in full of each group; the rest is in the table of all judgements."""

KNOWN = "Known deviations"

GROUPS = {
    "New": ("void", "crashed", "deviates"),
    "Stale ledger entries": ("stale",),
    KNOWN: ("known",),
    "Warnings (SHOULD)": ("concern",),
}
"""What a reader needs apart, and the outcomes of each."""

LEADS = {
    "New": "Each breaks a MUST of the specification, and no entry of the ledger of known deviations explains it.",
    "Stale ledger entries": "The framework conforms where the ledger expects a deviation: the ledger is wrong.",
    KNOWN: "Each breaks a MUST, as recorded in the ledger with a reason and a link.",
    "Warnings (SHOULD)": "Allowed, but a careful implementation is better.",
}

_LISTED = 6
_ADDRESS = re.compile(r"https://[^\s,;\"<>]+")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")
"""What differs between messages of one error: sizes, places, addresses."""

_READ = ("adapter", "op", "labels", "quantity", "entry", "clause", "deviation", "reason")


def grouped_findings(judged: Judged, texts: Mapping[str, str] | None = None) -> list[FindingGroup]:
    """Return the findings by group, worst first, each with how many more there are than are shown.

    Parameters
    ----------
    judged : Judged
        The run.
    texts : mapping, optional
        The texts to file by the path that a ledger entry names as its upstream.
    """
    causes = _causes(judged)
    groups = []
    for title, outcomes in GROUPS.items():
        mine = [rows for rows in causes if BY_RANK[int(judged.rank[rows[0]])].name in outcomes]
        if mine:
            shown = [_finding(judged, rows, texts or {}) for rows in mine[:SHOWN]]
            groups.append(FindingGroup(title, LEADS[title], _numbered(shown), len(mine) - len(shown)))
    return groups


def finding_words(groups: Sequence[FindingGroup]) -> dict[str, list[str]]:
    """Return what findings can be chosen by: frameworks, severities, modes and formats that occur."""
    findings = [one for group in groups for one in group.findings]
    effects = {one.effect for one in findings}
    return {
        "framework": sorted({one.framework for one in findings}),
        "effect": [effect for effect in MOST_SEVERE_FIRST if effect in effects],
        "mode": list(distinct(mode for one in findings for mode in one.modes)),
        "format": sorted({format_ for one in findings for format_ in one.formats}),
    }


def findings_of(judged: Judged) -> tuple[list[Finding], int]:
    """Return the findings of all groups, worst first, and how many more there are than are shown."""
    groups = grouped_findings(judged)
    return [one for group in groups for one in group.findings], sum(group.left_out for group in groups)


def _causes(judged: Judged) -> list[list[int]]:
    """Return the rows of each cause, worst first; the causes by outcome and effect."""
    causes: dict[tuple[Any, ...], list[int]] = {}
    wrong = judged.worst_first[judged.rank[judged.worst_first] > OUTCOMES["conforms"].rank]
    records = judged.table.select(_READ).take(wrong).to_pylist()
    entries = ledger_of(judged.run)
    for row, record in zip(wrong.tolist(), records, strict=True):
        outcome = BY_RANK[int(judged.rank[row])]
        causes.setdefault((outcome.rank, record["adapter"], *_cause(record, outcome, entries)), []).append(row)
    return sorted(causes.values(), key=lambda rows: _place(judged, rows[0]))


def _cause(
    record: dict[str, Any], outcome: Outcome, entries: Mapping[tuple[str, str], dict[str, Any]]
) -> Sequence[str]:
    if outcome.name == "known":
        entry = entries.get((record["adapter"], record["deviation"]), {})
        return (cause_of(str(entry.get("reason") or record["deviation"])),)
    if outcome.name == "stale":
        return (record["reason"],)
    if outcome.name == "crashed":
        return (_NUMBER.sub("0", record["reason"]),)
    names = ("clause",) if outcome.name == "concern" else ("op", "labels", "quantity", "entry", "clause")
    return [record[name] for name in names]


def ledger_of(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the ledger entries that the environments carry, by adapter and id."""
    return {
        (str(adapter), str(entry.get("id"))): entry
        for environment in attributed(run)
        for adapter in environment.get("adapters", ())
        for entry in environment.get("ledger") or ()
    }


def _place(judged: Judged, row: int) -> tuple[int, ...]:
    """Return the sort key of a finding by its worst row; of equals the one further off comes first already."""
    outcome, record = BY_RANK[int(judged.rank[row])], judged.record(row)
    if outcome.name in UNEXPECTED:
        return 0, *severity_rank(record)
    effect = _effect(record, outcome)
    return 1, -outcome.rank, MOST_SEVERE_FIRST.index(effect) if effect else 0


def _finding(judged: Judged, rows: list[int], texts: Mapping[str, str]) -> Finding:
    worst = judged.record(rows[0])
    outcome = BY_RANK[int(judged.rank[rows[0]])]
    some = judged.table.select(["mode", "format", "regime", "clause", "deviation"]).take(sorted(rows)).to_pydict()
    entry = ledger_of(judged.run).get((worst["adapter"], worst["deviation"]), {})
    upstream = str(entry.get("upstream") or "")
    effect = _effect(worst, outcome)
    return Finding(
        id="",
        outcome=outcome,
        framework=escape_control_chars(worst["adapter"]),
        version=escape_control_chars(framework_versions(judged.run).get(worst["adapter"], "")),
        question=_questions(judged, rows),
        clause=escape_control_chars(worst["clause"]),
        clause_title=clause_title(worst["clause"]),
        clauses=_some(some["clause"]) if outcome.name == "crashed" else _all(some["clause"]),
        modes=[escape_control_chars(word) for word in distinct(some["mode"])],
        formats=[escape_control_chars(word) for word in distinct(some["format"])],
        where="; ".join(filter(None, (_some(some[name]) for name in ("mode", "format", "regime")))),
        number=len(rows),
        count=plural(len(rows), "judgement"),
        ratio=_ratio(float(judged.slack[rows[0]])),
        brief=clause_title(worst["clause"]) if outcome.name == "concern" else brief_of(worst),
        effect=effect,
        effect_meaning=EFFECTS[effect] if effect else "",
        cause=escape_control_chars(str(entry.get("reason") or "")),
        reason=escape_control_chars(worst["reason"]) or clause_title(worst["clause"]),
        machines=escape_control_chars(str(entry.get("machines") or "")),
        upstream="" if _ADDRESS.search(upstream) or upstream in texts else escape_control_chars(upstream),
        addresses=[escape_control_chars(address) for address in _ADDRESS.findall(upstream)],
        text=escape_control_chars(texts.get(upstream, ""), keep="\n\t"),
        entries=_entries(some["deviation"], worst["adapter"]),
        facts=[*facts_of_judgement(worst), *impact_facts(worst)],
        inputs=inputs_of(worst["inputs"]),
        repro=escape_control_chars(worst["repro"], keep="\n\t"),
        command=escape_control_chars(_command(worst)),
        link=filter_link(**_terms(judged, rows, outcome)),
        cell_link=cell_link(worst["cell"]) if worst["op"] else "",
        explorer_link=explorer_link(worst),
    )


def _command(record: dict[str, Any]) -> str:
    """Return the command that shows a judgement again; that of a whole run, as of a stale entry, names no cell."""
    if not record["op"]:
        return f"logitproof run --framework {record['adapter']} --cells ledger"
    return f"logitproof explain {record['cell']}/{record['regime']}".rstrip("/")


def _terms(judged: Judged, rows: list[int], outcome: Outcome) -> dict[str, str | list[str]]:
    """Return the filter that shows the judgements of a finding."""
    worst = judged.record(rows[0])
    if outcome.name == "known":
        known = judged.table.select(["deviation"]).take(rows).to_pydict()["deviation"]
        return {"framework": worst["adapter"], "deviation": list(distinct(known))}
    found = judged.table.select(["clause", "op", "quantity"]).take(rows).to_pydict()
    named = {name: list(distinct(words)) or [""] for name, words in found.items()}
    shared = {"framework": worst["adapter"], "clause": named["clause"], "verdict": outcome.name}
    if outcome.name == "concern":
        return shared
    return {**shared, "op": named["op"], "quantity": named["quantity"]}


def _questions(judged: Judged, rows: list[int]) -> str:
    """Return what was computed, in words: the worst's first, and how many more there are."""
    records = judged.table.select(["op", "labels", "quantity"]).take(rows).to_pylist()
    asked = list(dict.fromkeys(map(question, records)))
    return f"{asked[0]} and {plural(len(asked) - 1, 'other function')}" if len(asked) > 1 else asked[0]


def _entries(deviations: Sequence[str], framework: str) -> list[Entry]:
    """Return the ledger entries of a finding, each with how many judgements it explains."""
    counted = Counter(name for name in deviations if name)
    return [
        Entry(escape_control_chars(name), number, filter_link(framework=framework, deviation=name))
        for name, number in counted.most_common()
    ]


def _numbered(findings: Sequence[Finding]) -> list[Finding]:
    """Give findings the ids that links to them name; those of one name are numbered."""
    seen: Counter[str] = Counter()
    made = []
    for one in findings:
        named = one.entries[0].id if one.entries else f"{one.clause} {one.question if one.effect else ''}"
        id_ = re.sub(r"[^a-z0-9]+", "-", f"finding {one.framework} {named}".lower()).strip("-")
        seen[id_] += 1
        made.append(replace(one, id=id_ if seen[id_] == 1 else f"{id_}-{seen[id_]}"))
    return made


def _ratio(slack: float) -> str:
    return "" if math.isnan(slack) else slack_of(slack)


def _effect(record: dict[str, Any], outcome: Outcome) -> str:
    """Return what breaking a MUST does to whoever meets it; empty if none is broken."""
    return severity_of(record) if outcome.name in FAULTY else ""


def _all(words: Sequence[str]) -> str:
    return escape_control_chars(", ".join(distinct(words)))


def _some(words: Sequence[str]) -> str:
    shown = [escape_control_chars(word) for word in distinct(words)]
    left = len(shown) - _LISTED
    return listed([*shown[:_LISTED], f"{left} more"] if left > 0 else shown)
