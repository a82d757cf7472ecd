"""Output: foreign text is displayed, never interpreted; a closed pipe does not change the exit status."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any, TextIO

import typer

MOST_ON_STDERR = 1_000
"""Characters of the longest line on stderr."""

_JOB_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)", flags=re.MULTILINE)
"""What makes a line of output a command to the runner of a GitHub job."""


def _escaped(text: str) -> str:
    from logitproof_reports.words.text import escape_control_chars  # noqa: PLC0415  the command line starts at once

    return escape_control_chars(text, keep="\n")


def shown(text: str) -> str:
    """Return text as it may be printed: what would move a cursor, cannot be seen or orders a CI job is spelled out."""
    seen = _escaped(text)
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return seen
    return _JOB_COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", seen)


def echo(text: object, *, err: bool = False, commands: bool = False) -> None:
    """Print text on stdout, or on stderr, as `shown`; `commands` to a CI job's runner stay as they are.

    A reader that has left costs what is printed, not the exit status.
    """
    words = _escaped(str(text)) if commands else shown(str(text))
    try:
        typer.echo(words, err=err)
    except BrokenPipeError:
        discard(sys.stderr if err else sys.stdout)


def echo_json(tree: Any, indent: int = 2) -> None:
    """Print a tree as JSON."""
    echo_spelled_json(json.dumps(tree, indent=indent))


def echo_spelled_json(text: str) -> None:
    """Print ASCII JSON, whose controls are escaped but one; what a CI job would obey is spelled as JSON too."""
    echo(text.replace("\x7f", "\\u007f").replace("##[", "\\u0023#["))


def flush() -> None:
    """Hand on what stdout still holds; what it cannot take is dropped, or the interpreter complains at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        discard(sys.stdout)


def complain(message: str) -> None:
    """Print one line on stderr."""
    words = " ".join(message.split())
    cut = words if len(words) <= MOST_ON_STDERR else f"{words[:MOST_ON_STDERR]} ... ({len(words):,} characters)"
    echo(f"logitproof: {cut}", err=True)


def discard(stream: TextIO) -> None:
    """Send what is still written to a stream nowhere: its reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
