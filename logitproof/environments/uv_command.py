"""uv, which resolves and builds environments: found, called, and its error messages shortened to a few lines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from logitproof.environments.pip_settings import settings_for_uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LINES = 4
"""Lines of a resolver's reason that are shown; the rest is repetitive."""

_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
"""Variables through which this process's packages would reach into another environment."""


class UnbuildableEnvironment(Exception):  # noqa: N818  an answer to the user
    """An environment cannot be built; the message is the resolver's reason in a few lines."""


def uv_environment() -> dict[str, str]:
    """Return the variables for a process of another environment: this one's, without what points back here."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def call(*arguments: str, text: str = "") -> str:
    """Run uv and return what it printed.

    Raises
    ------
    UnbuildableEnvironment
        It failed.
    """
    command = [uv.find_uv_bin(), *arguments, "--quiet", "--color", "never"]
    variables = uv_environment() | settings_for_uv(os.environ)
    ended = subprocess.run(  # noqa: S603  uv itself
        command, input=text, capture_output=True, text=True, errors="replace", env=variables, check=False
    )
    if ended.returncode in {-signal.SIGINT, 128 + signal.SIGINT}:
        raise KeyboardInterrupt
    if ended.returncode:
        raise UnbuildableEnvironment(
            reason_of(ended.stderr) or f"uv {arguments[0]} ended with status {ended.returncode}"
        )
    return ended.stdout


@contextmanager
def temporary_lines(lines: Sequence[str]) -> Iterator[str]:
    """Put lines into a file for as long as uv reads it, and yield its path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.txt"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        yield str(path)


def reason_of(complaint: str) -> str:
    r"""Return what a resolver says in a few lines: its error and its cause, without warnings of other interpreters.

    >>> reason_of("warning: a shim\n  cause: of no matter\nerror: No solution\n  cause: There is no b==9\n")
    'No solution\nThere is no b==9'
    """
    _, marked, told = complaint.partition("error: ")
    lines = [re.sub(r"^(cause:|hint:|\W*╰─▶|\W*Caused by:)\s*", "", line.strip()) for line in told.splitlines()]
    said = [line for line in lines if line][:LINES]
    return "\n".join(said) if marked else complaint.strip()[-300:]
