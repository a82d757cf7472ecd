"""The command line: each command asks one module and prints what it says; every complaint is one line."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from logitproof.exit_codes import EXPECTED, INTERRUPTED, MEANING, USAGE, Refusal

AS_IT_STANDS = "\b\n"
"""Tells typer not to wrap the paragraph that follows."""

EXIT_CODES = AS_IT_STANDS + "\n".join(["Exit status:", *(f"{code:>5}  {meaning}" for code, meaning in MEANING.items())])

UsageError: type[Any] = typer.BadParameter.__bases__[0]
"""Base of what typer raises on a bad command line; its module moved between releases, this road to it did not."""

app = typer.Typer(
    name="logitproof",
    help="Tells whether a framework's softmax cross-entropy is right, and how far it is from the exact answer.",
    epilog=EXIT_CODES,
    context_settings={"max_content_width": 100},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RunFiles = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run files, or journals of interrupted runs.")]


@app.command()
def frameworks(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """List the frameworks that can be asked. Installed or not, version, what they offer."""
    from logitproof.frameworks import survey
    from logitproof.tables import print_frameworks

    found = survey()
    if as_json:
        typer.echo(json.dumps([asdict(framework) for framework in found], indent=2))
    else:
        print_frameworks(found)
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof run --framework torch -o torch.parquet -- -k saturated")
def run(
    framework: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A known framework or module:Class; repeatable. Default: all installed."),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="quick|full", help="How much to ask.")] = "quick",
    output: Annotated[Path, typer.Option("--output", "-o", help="The run file to write.")] = Path("run.parquet"),
    patience: Annotated[
        float, typer.Option(min=1.0, help="Seconds without a judgement after which a framework counts as hanging.")
    ] = 600.0,
    pytest_args: Annotated[
        list[str] | None, typer.Argument(metavar="[-- PYTEST ARGS]", help="Handed to pytest.")
    ] = None,
) -> int:
    """Judge frameworks against the exact answer. Each runs in a process of its own; the result is a run file."""
    from logitproof.matrix_run import Interrupted
    from logitproof.matrix_run import run as run_matrix
    from logitproof.progress import display_for_terminal
    from logitproof.reporting import exit_code
    from logitproof.tables import print_summary

    try:
        whole = run_matrix(
            framework or (),
            profile=profile,
            output=output,
            pytest_args=pytest_args or (),
            patience=patience,
            display=display_for_terminal(),
        )
    except Interrupted as interruption:
        left = f"{output} holds what was measured" if interruption.run else "nothing was measured yet"
        complain(f"interrupted; {left}")
        return INTERRUPTED
    print_summary(whole)
    typer.echo(output)
    return exit_code(whole)


@app.command()
def merge(
    run_files: RunFiles,
    output: Annotated[Path, typer.Option("--output", "-o", help="The run file to write.")],
) -> int:
    """Join run files into one. They may hold several frameworks or shards; overlaps are errors."""
    from logitproof.reporting import merged
    from logitproof_reports.run_file import write_run

    write_run(output, merged(run_files))
    typer.echo(output)
    return EXPECTED


@app.command()
def report(
    run_files: RunFiles,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the unexpected verdicts as JSON.")] = False,
) -> int:
    """Write a page about runs. One self-contained HTML file; prints the table, and last the page's path."""
    from logitproof.reporting import exit_code, judgements
    from logitproof.reporting import report as write_report
    from logitproof.tables import print_summary

    whole = write_report(run_files, output)
    if as_json:
        typer.echo(json.dumps([asdict(found) for found in judgements(whole) if not found.expected], indent=2))
    else:
        print_summary(whole)
        typer.echo(output)
    return exit_code(whole)


@app.command(epilog=AS_IT_STANDS + "Example: logitproof explain torch-eager-softmax-value-float32/saturated --row 0")
def explain(
    cell: Annotated[
        str, typer.Argument(metavar="CELL[/REGIME]", help="A cell's id, as reports and run files have it.")
    ],
    row: Annotated[int | None, typer.Option(min=0, help="Row of the regime. Default: the worst.")] = None,
    run_file: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="A run file that holds the cell.")
    ] = None,
) -> int:
    """Look at one row of a cell. Inputs in hex, exact answer, observed, bound, verdict, clause, and a repro."""
    from logitproof.explanation import explain as explain_cell
    from logitproof.explanation_text import text_of
    from logitproof_reports.run_file import read_run

    typer.echo(text_of(explain_cell(cell, row=row, run=read_run(run_file) if run_file else None)))
    return EXPECTED


def complain(message: str) -> None:
    """Print one line on stderr."""
    typer.echo(f"logitproof: {' '.join(message.split())}", err=True)


def complaints() -> tuple[type[Exception], ...]:
    """Return the exceptions whose message is an answer to the user; their modules are slow to import."""
    from logitproof_adapters.registry import MissingFramework, UnknownFramework
    from logitproof_reports.schema import RunFileError

    return Refusal, RunFileError, MissingFramework, UnknownFramework


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(given or ["--help"], standalone_mode=False)
        return int(status or EXPECTED) if given else USAGE
    except UsageError as error:
        complain(f"{error.format_message()} (see logitproof --help)")
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not complain of that again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXPECTED
    except Exception as error:
        if not isinstance(error, complaints()):
            raise
        complain(str(error))
    return USAGE
