"""The command line itself: its name, its help and its error messages. The commands are in `logitproof.commands`."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from logitproof.errors import MEANING

MOST_CHARACTERS = 1_000
"""Of a line on stderr."""

AS_IT_STANDS = "\b\n"
"""Tells typer not to wrap the paragraph that follows."""

EXIT_CODES = AS_IT_STANDS + "\n".join(["Exit status:", *(f"{code:>5}  {meaning}" for code, meaning in MEANING.items())])


def _print_version(asked: bool) -> None:  # noqa: FBT001  as typer calls it
    if asked:
        from logitproof_reports.runs.environment import package_version

        typer.echo(f"logitproof {package_version('logitproof')}")
        raise typer.Exit


app = typer.Typer(
    name="logitproof",
    epilog=EXIT_CODES,
    context_settings={"max_content_width": 100},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def logitproof(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Check a framework's softmax and cross-entropy functions against the exact answer and report the error."""
    del version  # its callback has printed it


RunFiles = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run files, or journals of interrupted runs.")]

FailOn = Annotated[
    str,
    typer.Option(
        metavar="GATE",
        envvar="LOGITPROOF_FAIL_ON",
        help="Which deviations make the exit status 1: new (default), carried or known too, recorded (new ones, on "
        "machines that the ledger was tried on), never.",
    ),
]

Python = Annotated[
    str | None, typer.Option("--python", metavar="PATH", help="Test what this interpreter has; it needs NumPy alone.")
]

TargetName = Annotated[
    str | None, typer.Option("--target", metavar="NAME", help="Test a target that logitproof.toml names.")
]

Device = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="Where to compute, e.g. cuda:0, mps or gpu:1. Default: cpu."),
]


Memory = Annotated[
    float | None,
    typer.Option(
        "--memory-gib",
        metavar="GIB",
        help="Most memory of a framework's process; past it the cell crashed. Default: no limit.",
    ),
]

_JOB_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)", flags=re.MULTILINE)
"""What makes a line of output a command to the runner of a GitHub job."""


def _escaped(text: str) -> str:
    from logitproof_reports.words.outcomes import escape_control_chars

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
    cut = words if len(words) <= MOST_CHARACTERS else f"{words[:MOST_CHARACTERS]} ... ({len(words):,} characters)"
    echo(f"logitproof: {cut}", err=True)


def discard(stream: TextIO) -> None:
    """Send what is still written to a stream nowhere: its reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
