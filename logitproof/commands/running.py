"""Commands that judge: frameworks, run, merge."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from logitproof.application import AS_IT_STANDS, RunFiles, app, complain
from logitproof.exit_codes import EXPECTED, INTERRUPTED


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
