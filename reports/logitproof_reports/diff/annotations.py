"""The verdict on a diff as annotations of a GitHub job: lines that its runner picks out of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .verdict import verdict_lines

if TYPE_CHECKING:
    from .compare import Diff
    from .ruling import Ruling

_SPELLED = {"%": "%25", "\r": "%0D", "\n": "%0A"}
"""How the runner wants what would end a command (https://docs.github.com/actions, workflow commands)."""


def commands_for_job(diff: Diff, ruling: Ruling) -> list[str]:
    """Return one command a line of the verdict: an error where the gate is shut, notices else."""
    first, *others = verdict_lines(diff, ruling)
    levels = ("notice", "notice") if ruling.safe else ("error", "warning")
    return [_command(levels[0], first), *(_command(levels[1], line) for line in others)]


def _command(level: str, text: str) -> str:
    return f"::{level} title=Logitproof::{''.join(_SPELLED.get(char, char) for char in text)}"
