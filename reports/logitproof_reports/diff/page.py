"""Computes the contents of the page of a diff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from logitproof_reports.counting.provenance import making_of
from logitproof_reports.words.text import escape_control_chars

from .classes import CLASSES, RANK, ChangeClass
from .findings import findings_of, movement, what_of
from .payload import detail_of, payload_of
from .scatter import Picture, picture_of
from .training import TrainingChanges, training_changes

if TYPE_CHECKING:
    from logitproof_reports.html.columns import Payload

    from .causes import Cause
    from .compare import Diff
    from .environment import Difference
    from .findings import DiffFinding
    from .report import DiffReport
    from .ruling import Waived

SHOWN = 24
"""Findings shown in full; the rest is in the table."""

TITLES = {
    "blocks": "Blocks the upgrade",
    "look": "Worse, but does not block",
    "waived": "Waived",
    "out of scope": "Outside the policy's scope",
    "informative": "No worse",
}
"""What stands over the causes of each of `causes.GATE_STATUSES`."""

_BRIEFLY = "moved within the bound"
"""Findings from this class on are shown without details."""


@dataclass(frozen=True)
class ClassCount:
    """How many judgements are of a class, and the link that shows them."""

    change: ChangeClass
    number: int
    link: str


@dataclass(frozen=True)
class FindingText:
    """A finding, ready to be shown; `detail` as `payload.detail_of` gives it, None if it is shown briefly."""

    change: ChangeClass
    what: str
    number: int
    line: str
    detail: dict[str, Any] | None
    cell: str
    link: str


@dataclass(frozen=True)
class CauseText:
    """A cause in a line, and where it shows."""

    line: str
    where: str
    tone: str


@dataclass(frozen=True)
class CauseGroup:
    """The causes that the gate treats alike, under a title."""

    title: str
    causes: list[CauseText]


@dataclass(frozen=True)
class DiffPage:
    """The whole page."""

    title: str
    word: str
    headline: str
    policy: str
    reasons: list[str]
    causes: list[CauseGroup]
    counted: str
    counts: list[ClassCount]
    findings: list[FindingText]
    findings_left_out: int
    picture: Picture
    training: TrainingChanges
    waived: list[Waived]
    runs: list[tuple[str, str, str]]
    environment: list[Difference]
    judgements: int
    payload: Payload


def diff_page(report: DiffReport) -> DiffPage:
    """Compute the page of a diff."""
    diff = report.diff
    findings = findings_of(diff)
    return DiffPage(
        title=f"Logitproof diff: {report.subject}",
        word=report.word,
        headline=report.headline,
        policy=f"The policy {report.policy}.",
        reasons=report.reasons,
        causes=_groups(report.causes),
        counted=f"{report.counted[:1].upper()}{report.counted[1:]}.",
        counts=[ClassCount(change, number, _link(f"class:{change.word}")) for change, number in report.counts],
        findings=[_finding(diff, one) for one in findings[:SHOWN]],
        findings_left_out=max(0, len(findings) - SHOWN),
        picture=picture_of(diff),
        training=training_changes(diff),
        waived=report.ruling.waived,
        runs=_runs(diff),
        environment=report.environment,
        judgements=diff.table.num_rows - diff.count("not offered"),
        payload=payload_of(diff),
    )


def _runs(diff: Diff) -> list[tuple[str, str, str]]:
    """Return how both runs were made: the name of a fact, and its value before and after."""
    before, after = dict(making_of(diff.before)), dict(making_of(diff.after))
    return [(name, before.get(name, ""), after.get(name, "")) for name in dict.fromkeys([*before, *after])]


def _groups(causes: list[Cause]) -> list[CauseGroup]:
    """Return the causes by what the gate says of them, those that block first."""
    groups = [
        CauseGroup(title, [_cause(cause) for cause in causes if cause.gate_status == status])
        for status, title in TITLES.items()
    ]
    return [group for group in groups if group.causes]


def _cause(cause: Cause) -> CauseText:
    where = f"in {cause.extent}; regimes hit: {cause.hit or 'the whole cell'}"
    return CauseText(cause.line, where, cause.change.tone)


def legend() -> tuple[ChangeClass, ...]:
    """Return every class of change, worst first."""
    return CLASSES


def _finding(diff: Diff, finding: DiffFinding) -> FindingText:
    record = next(filter(None, diff.sides(finding.worst)[::-1]))
    words = {
        "framework": record["adapter"],
        "op": record["op"],
        "quantity": record["quantity"],
        "clause": record["clause"],
    }
    terms = [f"class:{finding.change.word}", *(f"{name}:{word}" for name, word in words.items() if word)]
    return FindingText(
        change=finding.change,
        what=what_of(diff, finding),
        number=len(finding.rows),
        line=movement(diff, finding.worst),
        detail=detail_of(diff, finding.worst, instead=True) if RANK[finding.change.name] < RANK[_BRIEFLY] else None,
        cell=escape_control_chars(f"{record['cell']}/{record['regime']}"),
        link=_link(" ".join(terms)),
    )


def _link(text: str) -> str:
    return "#judgements?" + quote(escape_control_chars(text), safe=":,")
