"""SARIF 2.1.0: the findings for code-scanning services.

A finding is of a framework and not of a line of the reader's code; its place is a logical one, the cell. Services that
insist on a file get the run file's name.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.report.findings import findings_of
from logitproof_reports.runs.environment import package_version

if TYPE_CHECKING:
    from logitproof_reports.report.model import Finding
    from logitproof_reports.runs.schema import Run

_LEVELS = {
    "concern": "note",
    "known": "note",
    "stale": "warning",
    "deviates": "error",
    "crashed": "error",
    "void": "error",
}
HELP = "logitproof explain CELL prints the rows of a cell with exact answers and a program that shows them."
_ADDRESS = re.compile(r"https?://[^\s;,)]+[^\s;,.)]")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(run: Run, source: str = "run.parquet") -> str:
    """Return the findings of a run as SARIF.

    Parameters
    ----------
    run : Run
        What was judged.
    source : str
        Relative path of the run file, shown as the findings' place.
    """
    findings, _ = findings_of(prepare(run))
    rules = sorted({finding.clause for finding in findings if finding.clause})
    driver = {"name": "Logitproof", "version": package_version("logitproof"), "rules": [_rule(id_) for id_ in rules]}
    found = [_result(finding, source) for finding in findings]
    invocation = {"executionSuccessful": run.complete}
    made = {"tool": {"driver": driver}, "invocations": [invocation], "results": found}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [made]}, indent=1) + "\n"


def _rule(id_: str) -> dict[str, Any]:
    """Return a clause as a rule; its help says why it is asked, and leads to the source that the clause names."""
    known = CLAUSES.get(id_)
    title = known.title if known else id_
    why = " ".join(filter(None, [known.reason, f"Source: {known.source}." if known.source else ""])) if known else ""
    addresses = _ADDRESS.findall(known.source) if known else []
    linked = _ADDRESS.sub(lambda address: f"<{address[0]}>", why)
    return {
        "id": id_,
        "shortDescription": {"text": title},
        "fullDescription": {"text": known.text if known else title},
        "help": {
            "text": " ".join(filter(None, [f"{id_} of the specification.", why, HELP])),
            "markdown": " ".join(filter(None, [f"**{id_}** of the specification.", linked, HELP])),
        },
        **({"helpUri": addresses[0]} if addresses else {}),
    }


def _result(finding: Finding, source: str) -> dict[str, Any]:
    cell = next((fact.value for fact in finding.facts if fact.name == "cell"), finding.question)
    return {
        "ruleId": finding.clause or finding.outcome.name,
        "level": _LEVELS[finding.outcome.name],
        "message": {"text": f"{finding.framework}, {finding.question}: {finding.reason} ({finding.count})"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": source}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": cell, "kind": "function"}],
            }
        ],
        "partialFingerprints": {"cellAndClause/v1": f"{cell} {finding.clause}"},
        **_accepted(finding),
    }


def _accepted(finding: Finding) -> dict[str, Any]:
    """Return what marks a known deviation: services list it as suppressed, with the ledger's reason and its link."""
    if finding.outcome.name != "known":
        return {}
    entries = ", ".join(entry.id for entry in finding.entries)
    why = " ".join(filter(None, [f"Ledger entry {entries}: {finding.cause}" if entries else "", *finding.addresses]))
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": why}]}
