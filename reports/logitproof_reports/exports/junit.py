"""JUnit XML: one test case a judgement group, for the pages that CI services make of it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # written here, never read

from logitproof_reports.counting.run_table import prepare
from logitproof_reports.words.outcomes import BY_RANK, UNEXPECTED, escape_control_chars, shown_verdict
from logitproof_reports.words.terms import clause_title

if TYPE_CHECKING:
    from typing import Any

    from logitproof_reports.runs.schema import Run

_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, even escaped."""


def junit(run: Run) -> str:
    """Return a run as JUnit XML: a suite for each framework, a case for each cell, regime and clause.

    Deviations that no ledger entry explains are failures; crashes, void cells and stale ledger entries are errors; what
    is not offered, and a known deviation, is skipped with its reason. A warning (SHOULD) passes, as it does for the
    exit status; the output of the case names it. There are no times: a call answers many cases at once.
    """
    judged = prepare(run)
    root = ET.Element("testsuites", name="logitproof")
    columns = ("adapter", "cell", "regime", "clause", "reason", "repro", "slack", "deviation")
    records = judged.table.select(columns).to_pylist()
    suites: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for rank, record in zip(judged.rank.tolist(), records, strict=True):
        suites.setdefault(record["adapter"], []).append((BY_RANK[rank].name, record))
    for framework, cases in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": _legal(framework), **_counts([name for name, _ in cases])})
        for name, record in cases:
            _add_case(suite, name, record)
    for name, number in _counts([BY_RANK[rank].name for rank in judged.rank.tolist()]).items():
        root.set(name, number)
    if not run.complete:
        root.set("name", "logitproof (interrupted or filtered)")
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(outcomes: list[str]) -> dict[str, str]:
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("deviates")),
        "errors": str(sum(outcomes.count(name) for name in ("crashed", "void", "stale"))),
        "skipped": str(outcomes.count("unsupported") + outcomes.count("known")),
    }


def _add_case(suite: ET.Element, outcome: str, record: dict[str, Any]) -> None:
    name = " ".join(filter(None, (record["clause"], record["regime"]))) or outcome
    case = ET.SubElement(suite, "testcase", classname=_legal(record["cell"]), name=_legal(name))
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
