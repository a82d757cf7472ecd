"""Findings as text: one table per effect, for the terminal and as Markdown."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from logitproof_reference.vocabulary.severity import EFFECTS
from logitproof_reports.words.markdown import escaped, head, row
from logitproof_reports.words.text import decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from logitproof.readers.findings import Finding

SCREEN = 18
"""Findings that fit on a screen, a line each."""

SHOWN = 3
"""Cells shown per finding; the others are in its ledger, or in the run."""


def headline(findings: Sequence[Finding]) -> str:
    """Return how many findings there are, and of what effect."""
    if not findings:
        return "No findings."
    counts = [f"{len(alike)} {effect}" for effect, alike in _by_effect(findings)]
    return f"{len(findings)} finding{'s' if len(findings) > 1 else ''}: {', '.join(counts)}."


def brief_table(findings: Sequence[Finding]) -> Table:
    """Return a table for rich of the most severe findings, a line each, as many as a screen shows."""
    table = Table(box=None, pad_edge=False, expand=True)
    for name in ("effect", "framework", "status"):
        table.add_column(name, no_wrap=True)
    table.add_column("what happens", no_wrap=True, ratio=1)
    for one in findings[:SCREEN]:
        table.add_row(*map(Text, (one.effect, f"{one.framework} {one.versions}", one.upstream_status, one.reason)))
    return table


def left_out(findings: Sequence[Finding]) -> str:
    """Return how many findings `brief_table` leaves out, and how to see them."""
    left = len(findings) - SCREEN
    return f"{f'{left} more; ' if left > 0 else ''}--full prints each in full, --framework NAME those of one framework"


def tables_of_findings(findings: Sequence[Finding]) -> Iterator[Table]:
    """Yield a table for rich an effect, the most severe first."""
    for effect, alike in _by_effect(findings):
        title = Text(f"\n{effect}: {EFFECTS[effect]}", style="bold")
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 1, 0))
        for name in ("framework", "status", "clauses"):
            table.add_column(name, no_wrap=name == "status")
        table.add_column("what happens", ratio=1)
        for one in alike:
            place = Text("\n".join(_places(one)), style="dim")
            words = (f"{one.framework} {one.versions}", one.upstream_status, " ".join(one.clauses))
            table.add_row(*map(Text, words), Text(f"{one.reason}\n").append_text(place))
        yield table


def markdown_of_findings(findings: Sequence[Finding]) -> str:
    """Return the findings as GitHub's Markdown."""
    lines = [headline(findings), ""]
    for effect, alike in _by_effect(findings):
        lines += [f"### {effect}: {escaped(EFFECTS[effect])}", ""]
        lines += head(["Framework", "Status", "Clauses", "What happens", "Where"])
        for one in alike:
            *places, upstream = _places(one)
            told = [f"{one.framework} {one.versions}", one.upstream_status, " ".join(one.clauses), one.reason]
            # row() would escape the link.
            lines.append(f"{row([*told, '; '.join(places)]).removesuffix('|')}{upstream} |")
        lines.append("")
    return "\n".join(lines)


def _by_effect(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Part findings, which come the most severe first."""
    return [(effect, list(alike)) for effect, alike in groupby(findings, lambda one: one.effect)]


def _places(finding: Finding) -> list[str]:
    """Return where a finding occurs, its impact, and last its upstream link, empty if there is none."""
    machines = f"on machines {finding.machines}" if finding.machines else ""
    some = list(finding.cells[:SHOWN])
    left = len(finding.cells) - len(some)
    if finding.judgements:
        plural = "s" if finding.judgements > 1 else ""
        slack = "" if math.isnan(finding.slack) else f", error / bound {decimal(finding.slack)}"
        some = [f"{finding.judgements} judgement{plural}{slack}; worst {finding.worst}", finding.impact]
    elif left:
        some.append(f"and {left} more")
    return [*filter(None, [machines, *some]), finding.upstream]
