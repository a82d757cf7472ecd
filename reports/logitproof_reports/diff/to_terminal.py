"""The verdict on a diff as text: one screen of 80 columns, the decisive lines first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .causes import Cause
    from .report import DiffReport

WIDTH, LINES = 80, 24
"""One screen."""

FIRST = 10
"""Within this many lines every cause that blocks is named, as long as there are no more."""

_DETAILED = ("blocks", "look")
_MARK = {"blocks": "blocks", "look": "look", "waived": "waived", "out of scope": "outside", "informative": ""}
_INDENT = " " * 8


def verdict_lines(report: DiffReport) -> list[str]:
    """Return the verdict, at most `LINES` lines of `WIDTH` columns.

    The word, the policy and what else shuts the gate; each cause, those that block first; then of the worst ones the
    row, which inputs are hit and how many cells; what else differs; and what to do next.
    """
    head = [*_wrapped(report.headline, 2), *_wrapped(f"policy: {report.policy}", 2), *map(_cut, report.reasons)]
    head = head[: FIRST - 2]
    tail = [*_wrapped(report.counted, 3), *_surroundings(report), *_wrapped(report.next_step, 2)]
    room = FIRST - len(head)
    named = report.causes if len(report.causes) <= room else report.causes[: room - 1]
    left = len(report.causes) - len(named)
    lines = [*head, *_all_named(named, room - bool(left))]
    lines += [f"{_INDENT}and {left} more"] if left else []
    for cause in (one for one in named if one.gate_status in _DETAILED):
        told = _detail(cause)
        if len(lines) + len(told) + len(tail) > LINES:
            break
        lines += told
    return [*lines, *tail][:LINES]


def _all_named(causes: list[Cause], room: int) -> list[str]:
    """Return the causes in this many lines: what is left over after one each goes to the first ones."""
    lines: list[str] = []
    for place, cause in enumerate(causes):
        after = len(causes) - place - 1
        lines += _named(cause, 2 if room - len(lines) - after >= 2 else 1)
    return lines


def _named(cause: Cause, lines: int) -> list[str]:
    beside = f" ({cause.waiver})" if cause.waiver else ""
    return _wrapped(f"{_MARK[cause.gate_status]:<8}{cause.line}{beside}", lines, _INDENT)


def _detail(cause: Cause) -> list[str]:
    """Return the row, what is hit, and how many cells of a cause, under its name."""
    example = cause.example
    row = f" --row {example.row}" if example.row >= 0 else ""
    told = [f"row: {example.sentence}", f"hit: {cause.hit}" if cause.hit else "", cause.extent]
    return [
        *_wrapped(f"{cause.change.name}: {cause.what}", 2),
        *(line for text in told if text for line in _wrapped(f"  {text}", 2, "    ")),
        f"  {example.call or f'{example.place}{row}'}",
    ]


def _surroundings(report: DiffReport) -> list[str]:
    """Return what else differs; that nothing does only where something changed."""
    if report.environment:
        return _wrapped(f"what else differs: {', '.join(one.sentence for one in report.environment)}", 3)
    return ["nothing else differs between the environments"] if report.causes else []


def _wrapped(text: str, lines: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, max_lines=lines, placeholder=" ...")


def _cut(text: str) -> str:
    """Return a text as one line of at most `WIDTH` columns."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3].rstrip()}..."
