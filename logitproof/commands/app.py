"""The command line itself: its name, its help and its error messages. The commands are in `logitproof.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from logitproof.errors import MEANING
from logitproof.output import echo

AS_IT_STANDS = "\b\n"
"""Tells typer not to wrap the paragraph that follows."""

EXIT_CODES = AS_IT_STANDS + "\n".join(["Exit status:", *(f"{code:>5}  {meaning}" for code, meaning in MEANING.items())])


def _print_version(asked: bool) -> None:  # noqa: FBT001  as typer calls it
    if asked:
        from logitproof_reports.runs.environment import package_version

        echo(f"logitproof {package_version('logitproof')}")
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
        help="Deviations that fail. new (default): those that no ledger entry explains. carried: also known ones, if "
        "the ledger was not tested on this release. known: all. recorded: like new, but on a machine that the ledgers "
        "were not tested on, only crashes and cells without a measurement. never: only a run that measured nothing. "
        "See docs/read-a-verdict.md; diff and upgrade have other gates.",
    ),
]

Frameworks = Annotated[
    list[str] | None,
    typer.Option(
        "--framework", metavar="NAME", help="A known framework or module:Class; repeatable. Default: all installed."
    ),
]

Profile = Annotated[str, typer.Option(metavar="quick|full", help="Number of cases.")]

Select = Annotated[
    str,
    typer.Option(
        "-k",
        metavar="EXPRESSION",
        help="Only matching cases, e.g. 'softmax and not jvp': names joined by and, or, not.",
    ),
]

Patience = Annotated[float, typer.Option(min=1.0, metavar="SECONDS", help="Timeout of one call.")]

Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="Python interpreter of the environment to test; apart from the framework it needs only NumPy.",
    ),
]

TargetName = Annotated[
    str | None, typer.Option("--target", metavar="NAME", help="Test this target of logitproof.toml.")
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
        help="Memory limit of a framework's process; a cell that exceeds it counts as crashed. Default: none.",
    ),
]
