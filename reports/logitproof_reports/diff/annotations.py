"""The verdict on a diff as annotations of a GitHub job, in the runner's workflow commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import DiffReport

_SPELLED = {"%": "%25", "\r": "%0D", "\n": "%0A"}
"""How the runner wants what would end a command (https://docs.github.com/actions, workflow commands)."""


_LEVELS = {"SAFE": "notice", "LOOK": "warning", "NOT SAFE": "error"}
_OF_CAUSE = {"blocks": "error", "look": "warning"}


def commands_for_job(report: DiffReport) -> list[str]:
    """Return one command for the verdict, for each reason why the gate is shut, and for each cause that matters."""
    level = _LEVELS[report.word]
    causes = [(_OF_CAUSE[cause.gate_status], cause) for cause in report.causes if cause.gate_status in _OF_CAUSE]
    return [
        *(_command(level, line) for line in (report.headline, *report.reasons)),
        *(_command(of_cause, f"{cause.line}; hit: {cause.hit}; {cause.extent}") for of_cause, cause in causes),
    ]


def _command(level: str, text: str) -> str:
    return f"::{level} title=Logitproof::{''.join(_SPELLED.get(char, char) for char in text)}"
