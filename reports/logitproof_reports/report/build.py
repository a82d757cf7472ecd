"""Computes the contents of the report page from a run."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from logitproof_reference.oracle.certificate import released_certificate
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.severity import EFFECTS
from logitproof_reports.counting.provenance import facts_of_origin, making_of
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.counting.tally import tally_by, total
from logitproof_reports.counting.verdict_sentences import (
    fixed_since,
    framework_versions,
    headline,
    newest_tried,
    partial,
    titled,
)
from logitproof_reports.counting.worst import most_severe_of
from logitproof_reports.runs.coded_text import words_of
from logitproof_reports.runs.schema import attributed, framework_of
from logitproof_reports.words.links import filter_link, filter_terms
from logitproof_reports.words.outcomes import BY_RANK, OUTCOMES, family_of, family_place
from logitproof_reports.words.terms import ENVIRONMENT_FACTS, question
from logitproof_reports.words.text import escape_control_chars

from .accuracy import accuracy_of
from .claims import claims_of_release
from .dialects import dialects_of
from .extremes import situations_of
from .findings import finding_words, grouped_findings
from .judgement_facts import brief_of
from .matrix import matrix_of
from .model import Clause, Count, EnvironmentFacts, Fact, FrameworkVerdict, Page, Refusal
from .payload import payload_of
from .training import trainings_of
from .trend import pasts_of, trend_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from logitproof_reports.counting.run_table import Judged
    from logitproof_reports.counting.tally import Tally
    from logitproof_reports.runs.folder import StoredRun
    from logitproof_reports.runs.schema import Run
    from logitproof_reports.words.outcomes import Outcome

    from .trend import Past

_VOID = "Nothing was measured: check that the framework is installed, then run again."


def page_of(run: Run, texts: Mapping[str, str] | None = None, stored: Sequence[StoredRun] = ()) -> Page:
    """Compute a page from a run; `texts` as `grouped_findings` takes them, `stored` are runs for trends."""
    judged = prepare(run)
    findings = grouped_findings(judged, texts)
    return Page(
        title=f"Logitproof: {', '.join(titled(run, name) for name in judged.framework.words) or 'nothing measured'}",
        outcome=_outcome(judged),
        headline=headline(judged),
        advice=_advice(total(judged)),
        warnings=_warnings(judged),
        facts=_facts(judged),
        frameworks=_frameworks(judged, stored),
        legend=[*BY_RANK[1:], BY_RANK[0]],
        matrix=matrix_of(judged),
        findings=findings,
        finding_words=finding_words(findings),
        effects=EFFECTS,
        situations=situations_of(judged),
        extreme_frameworks=[(titled(run, name), filter_terms(framework=name)) for name in judged.framework.words],
        refusals=_refusals(judged),
        clauses=_clauses(judged),
        environments=_environments(run),
        certificate=_certificate(),
        accuracy=accuracy_of(judged),
        dialects=dialects_of(run),
        training=trainings_of(judged),
        claims=claims_of_release(),
        judgements=int(judged.asked.sum()),
        not_offered=int((~judged.asked).sum()),
        payload=payload_of(judged),
    )


def _outcome(judged: Judged) -> Outcome:
    """Return the worst outcome; a run that did not end earns no better than a concern."""
    worst = total(judged).worst if judged.asked.any() else OUTCOMES["void"]
    ended = judged.run.complete or judged.run.choice
    return worst if ended else max(worst, OUTCOMES["concern"], key=lambda outcome: outcome.rank)


def _warnings(judged: Judged) -> list[str]:
    return [*filter(None, [partial(judged.run)]), *([] if judged.asked.any() else [_VOID])]


def _facts(judged: Judged) -> list[Fact]:
    run = judged.run
    return [
        Fact("judgements", f"{int(judged.asked.sum()):,}"),
        Fact("numbers compared", f"{sum(run.table['elements'].to_pylist()):,}"),
        Fact("profile", escape_control_chars(run.profile)),
        Fact("case set", escape_control_chars(run.case_set)[:12]),
        *(Fact(name, value) for name, value in making_of(run)),
    ]


def _frameworks(judged: Judged, stored: Sequence[StoredRun]) -> list[FrameworkVerdict]:
    tallies = tally_by(judged, judged.framework)
    versions = framework_versions(judged.run)
    pasts = pasts_of(judged, stored)
    return [
        FrameworkVerdict(
            name=escape_control_chars(name),
            version=escape_control_chars(versions.get(name, "")),
            outcome=tallies[name,].worst,
            sentence=_worst_in_words(judged, name, tallies[name,]),
            counts=_counts(tallies[name,], pasts[name], escape_control_chars(versions.get(name, ""))),
            link=filter_link(framework=name),
        )
        for (name,) in tallies
    ]


def _advice(tally: Tally) -> str:
    """Return what the verdict means for an approver."""
    if not tally.judged:
        return ""
    if tally.unexpected:
        return "Each breaks a MUST of the specification and has no ledger entry: read them before you approve."
    if tally.count("stale"):
        return "The frameworks conform where their ledger expects a deviation: narrow the ledger entries."
    if tally.count("known"):
        return "0 new: each known deviation is in the ledger, with a reason and a link."
    return "Every MUST of the specification is met."


def _worst_in_words(judged: Judged, framework: str, tally: Tally) -> str:
    """Return the worst judgement of a framework in words, where it is unexpected."""
    if tried := newest_tried(judged.run, framework):
        known = f"The ledger was tried up to {tried}, not on this release: its deviations occur, 0 new."
    else:
        known = "0 new."
    if not tally.unexpected:
        return " ".join(
            [known, *(f"Fixed since {tried}: {escape_control_chars(one)}." for one in fixed_since(judged, framework))]
        )
    worst = most_severe_of(judged, framework)
    where = ", ".join(escape_control_chars(worst[name]) for name in ("format", "mode", "regime") if worst[name])
    told = " ".join(filter(None, [question(worst), brief_of(worst), f"({where})" if where else ""]))
    return f"{tally.unexpected:,} new. The worst: {told}."


def _counts(tally: Tally, pasts: Sequence[Past], version: str) -> list[Count]:
    """Return the outcomes that came out, and those that did in the run before."""
    counts, start = [], 0.0
    for outcome in BY_RANK[1:]:
        number = tally.count(outcome.name)
        if number or (pasts and pasts[-1].tally.count(outcome.name)):
            share = 100.0 * number / tally.judged if tally.judged else 0.0
            trend = trend_of(outcome.name, pasts, version, number)
            counts.append(Count(outcome, outcome.count(number), round(start, 3), round(share, 3), trend))
            start += share
    return counts


def _refusals(judged: Judged) -> list[Refusal]:
    refused = judged.table.filter(judged.rank == OUTCOMES["unsupported"].rank).select(["adapter", "reason"])
    counts = Counter((row["adapter"], row["reason"]) for row in refused.to_pylist())
    return [
        Refusal(escape_control_chars(name), escape_control_chars(reason) or "no reason given", number)
        for (name, reason), number in sorted(counts.items(), key=lambda item: (item[0][0], -item[1]))
    ]


def _clauses(judged: Judged) -> list[Clause]:
    tallies = tally_by(judged, words_of(judged.table["clause"]))
    ids = sorted({*CLAUSES, *(id_ for (id_,) in tallies if id_)}, key=_clause_place)
    return [_clause(id_, tallies.get((id_,))) for id_ in ids]


def _clause_place(id_: str) -> tuple[tuple[int, str], int, str]:
    return family_place(family_of(id_)), len(id_), id_


def _clause(id_: str, tally: Tally | None) -> Clause:
    known = CLAUSES.get(id_)
    return Clause(
        id=escape_control_chars(id_),
        level=known.level if known else "",
        title=known.title if known else "not in this release's specification",
        text=known.text if known else "",
        outcome=tally.worst if tally else None,
        number=tally.judged if tally else 0,
        link=filter_link(clause=id_),
    )


def _certificate() -> list[Fact]:
    found = released_certificate()
    return [
        Fact("rows", f"{found.rows:,}"),
        Fact("numbers checked with ball arithmetic", f"{found.numbers:,}"),
        Fact("largest relative error", f"2^{math.log2(found.worst):.2f}"),
        Fact("found in", found.worst_case),
        Fact("enclosures that miss the exact value", str(found.outside)),
    ]


def _environments(run: Run) -> list[EnvironmentFacts]:
    """Return the environments; what several have in common is told once, first."""
    told = [_surroundings(environment, run) for environment in attributed(run)]
    common = [fact for fact in told[0].facts if all(fact in one.facts for one in told)] if len(told) > 1 else []
    own = [EnvironmentFacts(one.title, [fact for fact in one.facts if fact not in common]) for one in told]
    return [*([EnvironmentFacts("In common", common)] if common else []), *own]


def _surroundings(environment: dict[str, Any], run: Run) -> EnvironmentFacts:
    framework = framework_of(environment)
    name = framework.get("framework") or ", ".join(environment.get("adapters") or [])
    title = escape_control_chars(f"{name or 'environment'} {framework.get('version', '')}".strip())
    rest = {
        key: value for key, value in environment.items() if key not in {"framework", "adapters", "ledger", "dialects"}
    }
    mine = set(environment.get("adapters") or ())
    made = [Fact(*fact) for origin in run.origins if mine & set(origin.adapters) for fact in facts_of_origin(origin)]
    facts = [*made, *_flat(framework.get("build") or {}, "build"), *_flat(rest, "")]
    return EnvironmentFacts(title, [fact for fact in facts if fact.value])


def _flat(tree: dict[str, Any], prefix: str) -> list[Fact]:
    """Return a tree as facts, nested names joined by a middle dot."""
    facts = []
    for name, value in tree.items():
        path = f"{prefix} · {name}" if prefix else str(name).replace("_", " ")
        if isinstance(value, dict):
            facts += _flat(value, path)
        else:
            spelled = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            facts.append(Fact(escape_control_chars(ENVIRONMENT_FACTS.get(path, path)), escape_control_chars(spelled)))
    return facts
