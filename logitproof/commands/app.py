"""The command line itself: its name, its help and its error messages. The commands are in `logitproof.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from logitproof.errors import MEANING

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


def complain(message: str) -> None:
    """Print one line on stderr."""
    typer.echo(f"logitproof: {' '.join(message.split())}", err=True)
