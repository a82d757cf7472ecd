"""A diff as Markdown, for the summary of a CI job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.words.markdown import MARKDOWN_BYTES, escaped, head, row, within
from logitproof_reports.words.text import plural

from .findings import findings_of, movement, what_of

if TYPE_CHECKING:
    from .compare import Diff
    from .report import DiffReport
    from .ruling import Ruling

SHOWN = 60
"""Findings shown in full."""


COMMENT_BYTES = 60_000
"""GitHub refuses a comment over 64 KiB."""

COMMENT_MARK = "<!-- logitproof -->"
"""First line of a comment, by which the next run finds it."""


def diff_comment(report: DiffReport) -> str:
    """Return the summary of a diff as a comment on a pull request: shorter, with a mark in its first line."""
    return f"{COMMENT_MARK}\n{diff_markdown(report, COMMENT_BYTES)}"


def diff_markdown(report: DiffReport, limit: int = MARKDOWN_BYTES) -> str:
    """Return the summary of a diff as GitHub's Markdown: the verdict, the causes, then the findings, worst first."""
    parts = [f"## Logitproof: {escaped(report.headline)}", "", escaped(f"Policy: {report.policy}."), ""]
    parts += [*(f"- {escaped(reason)}" for reason in report.reasons), ""] if report.reasons else []
    parts += [*_causes(report), escaped(f"{report.counted[:1].upper()}{report.counted[1:]}."), ""]
    parts += _waivers(report.ruling) + _environment(report)
    return "\n".join(within(limit - 200, [*parts, *_findings(report.diff)])) + "\n"


def _causes(report: DiffReport) -> list[str]:
    if not report.causes:
        return []
    rows = [
        [one.gate_status, one.change.name, one.function, one.example.sentence, one.hit, one.extent]
        for one in report.causes
    ]
    return [*head(["", "Change", "Function", "Before -> after", "Inputs hit", "Where"]), *map(row, rows), ""]


def _waivers(ruling: Ruling) -> list[str]:
    if not ruling.waived:
        return []
    rows = [[w.selector, w.owner, w.reason, w.until, f"{w.number:,}"] for w in ruling.waived]
    return ["### Waived", "", *head(["What", "Owner", "Reason", "Until", "Changes"]), *map(row, rows), ""]


def _environment(report: DiffReport) -> list[str]:
    if not report.environment:
        return []
    rows = [
        [f"{one.adapter} {one.name}".strip(), one.before or "unset", one.after or "unset"] for one in report.environment
    ]
    return ["### What else differs", "", *head(["Fact", "Before", "After"]), *map(row, rows), ""]


def _findings(diff: Diff) -> list[str]:
    findings = findings_of(diff)
    if not findings:
        return []
    rows = [
        [one.change.name, what_of(diff, one), f"{len(one.rows):,}", movement(diff, one.worst)]
        for one in findings[:SHOWN]
    ]
    left = len(findings) - len(rows)
    more = [f"\n{plural(left, 'more finding')} in the diff page."] if left else []
    return [
        "### Changes, judgement by judgement",
        "",
        *head(["Class", "Of what", "Judgements", "Worst"]),
        *map(row, rows),
        *more,
    ]
