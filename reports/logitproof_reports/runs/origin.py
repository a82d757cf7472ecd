"""The origin of a run: when it was made, by which command, from which commit, and how long it took.

They differ between runs whose judgements are equal to the last bit, so nothing is judged or compared by them.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .shapes import Predicate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_CHARACTERS = 2_000
"""Longest command line; longer ones are cut."""

MODIFIED = "-dirty"
"""How git marks a working tree whose files differ from its commit."""

_GIT_SECONDS = 5.0
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _read_time(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _TIME).replace(tzinfo=dt.UTC)


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(_read_time(value))
    except ValueError:
        return False


def _is_duration(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value) and value >= 0


def _is_commit(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(rf"(?:[0-9a-f]{{40,64}}(?:{MODIFIED})?)?", value))


def _is_command(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS


DURATION = Predicate(_is_duration, "a number of seconds")

ORIGIN = {
    "adapters": [str],
    "started": Predicate(_is_time, "a time such as 2026-01-31T12:00:00Z"),
    "seconds": DURATION,
    "command": Predicate(_is_command, "a command line"),
    "commit": Predicate(_is_commit, "a commit of git"),
}
"""The shape of an origin in a run file, which has all of these."""


@dataclass(frozen=True)
class Origin:
    """How the judgements of some adapters came about.

    Attributes
    ----------
    adapters : tuple of str
        Whose.
    started : str
        When, in UTC: ``2026-01-31T12:00:00Z``.
    seconds : float
        How long it took, the import of the framework included.
    command : str
        The command line, its credentials masked and the home folder as ``~``.
    commit : str
        Commit of the folder the command ran in, with `MODIFIED` where its files differ; empty outside git.
    """

    adapters: tuple[str, ...]
    started: str
    seconds: float
    command: str
    commit: str

    @property
    def began(self) -> float:
        """`started` in seconds since 1970."""
        return _read_time(self.started).timestamp()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**asdict(self), "adapters": list(self.adapters)}

    def lasting(self, seconds: float) -> Origin:
        """Return the same with another duration."""
        return replace(self, seconds=round(seconds, 3))


def origin_of(spelled: Mapping[str, Any]) -> Origin:
    """Return the origin that has the shape `ORIGIN`."""
    return Origin(**{**{name: spelled[name] for name in ORIGIN}, "adapters": tuple(spelled["adapters"])})


def origin_now(adapters: Sequence[str], seconds: float = 0.0) -> Origin:
    """Return the origin of what this process makes; it began this many seconds ago."""
    started = dt.datetime.fromtimestamp(time.time() - seconds, tz=dt.UTC)
    return Origin(tuple(adapters), started.strftime(_TIME), round(seconds, 3), command_line(), commit_of(Path()))


def command_line(words: Sequence[str] | None = None) -> str:
    """Return a command as a shell reads it, this process's by default.

    >>> command_line(["/opt/bin/logitproof", "run", "-k", "not jvp"])
    "logitproof run -k 'not jvp'"
    >>> command_line(["run.py", "https://me:secret@example.org"])
    'run.py https://***@example.org'
    """
    first, *rest = (sys.argv or [""]) if words is None else words
    program = Path(first)
    name = program.parent.name if program.name == "__main__.py" else program.name
    text = shlex.join([name, *rest]) if name not in {"", "-c"} else "python"
    home = str(Path.home())
    shown = text.replace(home, "~") if len(home) > 1 else text
    plain = shown.encode("utf-8", "backslashreplace").decode()  # a word of a command need not be text
    return _CREDENTIALS.sub("***", plain)[:MOST_CHARACTERS]


def commit_of(folder: Path) -> str:
    """Return the commit of a folder's working tree, marked where files differ from it; empty where git knows none."""
    # A monitor of file changes is a program that the folder's own settings may name.
    described = ("describe", "--always", "--abbrev=64", f"--dirty={MODIFIED}", "--exclude=*")
    command = ("git", "-C", str(folder), "-c", "core.fsmonitor=false", *described)
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603  the user's git
    except (OSError, subprocess.SubprocessError):
        return ""
    found = ended.stdout.strip()
    return found if ended.returncode == 0 and _is_commit(found) else ""
