"""JUnit XML: one test case per group of judgements, for CI services."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # written here, never read

from logitproof_reports.counting.provenance import making_of
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.words.outcomes import BY_RANK, UNEXPECTED, shown_verdict
from logitproof_reports.words.terms import clause_title
from logitproof_reports.words.text import escape_control_chars

if TYPE_CHECKING:
    from typing import Any

    from logitproof_reports.runs.schema import Run

_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, even escaped."""


def junit(run: Run) -> str:
    """Return a run as JUnit XML: a suite for each framework, a case for each cell, regime and clause.

    Deviations that no ledger entry explains are failures; crashes, void cells and stale ledger entries are errors; what
    is not offered, and a known deviation, is skipped with its reason. A warning (SHOULD) passes, as it does for the
    exit status; the output of the case names it.

    The time of a case is its share of the time of its cell: one call answers many cases at once. The time of a suite is
    the sum of its cases; what the framework's import and the plan took is in the property ``duration`` alone.
    """
    judged = prepare(run)
    root = ET.Element("testsuites", name="logitproof")
    columns = ("adapter", "cell", "regime", "clause", "reason", "repro", "slack", "deviation")
    records = judged.table.select(columns).to_pylist()
    shares = _shares(run)
    suites: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for rank, record in zip(judged.rank.tolist(), records, strict=True):
        suites.setdefault(record["adapter"], []).append((BY_RANK[rank].name, record))
    for framework, cases in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": _legal(framework), **_counts([name for name, _ in cases])})
        suite.attrib |= _times(run, shares, framework, [record for _, record in cases])
        _add_properties(suite, run)
        for name, record in cases:
            _add_case(suite, name, record, shares.get(record["cell"]))
    if shares:
        root.set("time", f"{sum(float(suite.get('time', 0.0)) for suite in root):.3f}")
    for name, number in _counts([BY_RANK[rank].name for rank in judged.rank.tolist()]).items():
        root.set(name, number)
    if not run.complete:
        root.set("name", f"logitproof ({_legal(run.choice) or 'interrupted or filtered'})")
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(outcomes: list[str]) -> dict[str, str]:
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("deviates")),
        "errors": str(sum(outcomes.count(name) for name in ("crashed", "void", "stale"))),
        "skipped": str(outcomes.count("unsupported") + outcomes.count("known")),
    }


def _shares(run: Run) -> dict[str, float]:
    """Return the seconds of each judgement of a cell, by the cell; empty if no time is recorded."""
    judged = Counter(run.table["cell"].to_pylist())
    return {cell: seconds / judged[cell] for cell, seconds in run.seconds.items() if judged[cell]}


def _times(run: Run, shares: dict[str, float], framework: str, records: list[dict[str, Any]]) -> dict[str, str]:
    """Return the attributes of a suite that say when it ran and how long its cases took."""
    found = {"time": f"{sum(shares.get(record['cell'], 0.0) for record in records):.3f}"} if shares else {}
    started = [origin.started for origin in run.origins if framework in origin.adapters]
    return found | ({"timestamp": min(started).removesuffix("Z")} if started else {})


def _add_properties(suite: ET.Element, run: Run) -> None:
    facts = [("profile", run.profile), ("case set", run.case_set), *making_of(run)]
    properties = ET.SubElement(suite, "properties")
    for name, value in facts:
        ET.SubElement(properties, "property", name=_legal(name), value=_legal(value))


def _add_case(suite: ET.Element, outcome: str, record: dict[str, Any], seconds: float | None) -> None:
    name = " ".join(filter(None, (record["clause"], record["regime"]))) or outcome
    case = ET.SubElement(suite, "testcase", classname=_legal(record["cell"]), name=_legal(name))
    if seconds is not None:
        case.set("time", f"{seconds:.6f}")
    reason = _legal(record["reason"]) or clause_title(record["clause"])
    if outcome in {"unsupported", "known"}:
        known = f"known deviation {record['deviation']}: " if outcome == "known" else ""
        ET.SubElement(case, "skipped", message=_legal(f"{known}{reason}"))
    elif outcome in {*UNEXPECTED, "stale"}:
        tag = "failure" if outcome == "deviates" else "error"
        found = ET.SubElement(case, tag, message=reason, type=outcome)
        found.text = _legal("\n".join(filter(None, (_slack(record["slack"]), record["repro"]))))
    elif outcome != "conforms":
        ET.SubElement(case, "system-out").text = f"{shown_verdict(outcome)}: {reason}"


def _slack(slack: float) -> str:
    return "" if math.isnan(slack) else f"error / bound {slack:.3g}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", escape_control_chars(text, keep="\n\t"))
