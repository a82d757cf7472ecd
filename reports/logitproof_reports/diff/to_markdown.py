"""A diff as Markdown, for the summary of a CI job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.counting.verdict import plural
from logitproof_reports.words.markdown import MARKDOWN_BYTES, escaped, head, row, within

from .environment import differences
from .findings import findings_of, movement, what_of
from .verdict import verdict_lines

if TYPE_CHECKING:
    from .compare import Diff
    from .ruling import Ruling

SHOWN = 60
"""Findings told in full."""


def diff_markdown(diff: Diff, ruling: Ruling) -> str:
    """Return the summary of a diff as GitHub's Markdown, verdict first, then the findings, worst first."""
    first, *others = verdict_lines(diff, ruling)
    parts = [f"## Logitproof: {escaped(first)}", "", *(f"- {escaped(line)}" for line in others), ""]
    parts += _waivers(ruling) + _environment(diff)
    room = MARKDOWN_BYTES - sum(len(part.encode()) + 1 for part in parts) - 200
    return "\n".join([*parts, *within(room, _findings(diff))]) + "\n"


def _waivers(ruling: Ruling) -> list[str]:
    if not ruling.waived:
        return []
    rows = [[w.selector, w.owner, w.reason, w.until, f"{w.number:,}"] for w in ruling.waived]
    return ["### Waived", "", *head(["What", "Owner", "Reason", "Until", "Changes"]), *map(row, rows), ""]


def _environment(diff: Diff) -> list[str]:
    different = differences(diff.before, diff.after)
    if not different:
        return []
    rows = [[f"{one.adapter} {one.name}".strip(), one.before or "unset", one.after or "unset"] for one in different]
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
    return ["### Changes", "", *head(["Class", "Of what", "Judgements", "Worst"]), *map(row, rows), *more]
