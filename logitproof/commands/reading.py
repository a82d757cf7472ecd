"""Commands that read runs and rows: report, history, explain, row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, FailOn, Memory, Python, RunFiles, TargetName, app
from logitproof.errors import EXPECTED, UNEXPECTED, refuse_unknown
from logitproof.output import complain, echo, echo_json, echo_spelled_json


@app.command(
    epilog=AS_IT_STANDS + "Example: logitproof report run.parquet --summary $GITHUB_STEP_SUMMARY --junit junit.xml"
)
def report(
    run_files: RunFiles,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path("report.html"),
    *,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a Markdown summary.")] = None,
    sarif: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the findings as SARIF.")] = None,
    badge: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write an SVG badge.")] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of earlier run files: show how each count changed.")
    ] = None,
    grades: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the accuracy grades as JSON, one object per cell.")
    ] = None,
    wandb: Annotated[bool, typer.Option("--wandb", help="Also log the run to Weights & Biases.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the new failures as JSON.")] = False,
    fail_on: FailOn = "new",
) -> int:
    """Write a report of runs as one HTML file. Prints the summary table, then the path of the page."""
    from logitproof.commands.tables import print_summary
    from logitproof.readers.gate import FAIL_ON, exit_code, first_steps
    from logitproof.readers.reporting import report as write_report
    from logitproof.readers.wandb_run import track
    from logitproof_reports.exports.write import write_files
    from logitproof_reports.runs.folder import runs_within
    from logitproof_reports.runs.schema import judgements
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unknown("--fail-on", (fail_on,), FAIL_ON)
    refuse_unwritable([output, junit, summary, sarif, badge, grades])
    earlier, skipped = runs_within(history) if history else ([], [])
    for reason in skipped:
        complain(f"skipped: {reason}")
    whole = write_report(run_files, output, earlier)
    write_files(whole, {"junit": junit, "summary": summary, "sarif": sarif, "badge": badge, "grades": grades})
    if wandb:
        track(whole, output)
    if as_json:
        echo_json([asdict(found) for found in judgements(whole) if not found.expected])
    else:
        print_summary(whole)
        for line in first_steps(whole, run_files[0] if len(run_files) == 1 else None):
            echo(line)
        echo(output)
    return exit_code(whole, fail_on)


@app.command(epilog=AS_IT_STANDS + "Example: logitproof history runs -o history.html")
def history(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of run files, searched recursively.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path("history.html"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the history as JSON.")] = False,
) -> int:
    """Show how results changed from release to release. Exit status 1 if a file had to be skipped."""
    from logitproof.commands.tables import print_history
    from logitproof.readers.history import history as history_within
    from logitproof_reports.history.text import as_json as spelled
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unwritable([output])
    found = history_within(folder, output)
    if as_json:
        echo_spelled_json(spelled(found))
    else:
        print_history(found)
        echo(output)
    for reason in found.skipped:
        complain(f"skipped: {reason}")
    return UNEXPECTED if found.skipped else EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof explain torch-eager-softmax-value-float32/saturated --row 0")
def explain(
    cell: Annotated[
        str, typer.Argument(metavar="CELL[/REGIME]", help="Id of a cell, as shown in reports and run files.")
    ],
    row: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Row of the regime. Default: the worst one.")
    ] = None,
    run_file: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="Run file that contains the cell.")
    ] = None,
    *,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    memory_gib: Memory = None,
) -> int:
    """Show one judged row in detail. Prints inputs in hex, exact answer, observed value, bound, verdict and a repro."""
    from logitproof.explain.explain import explain as explain_cell
    from logitproof.explain.text import text_of
    from logitproof_adapters.targets.target import chosen
    from logitproof_reports.runs.run_file import read_run

    run = read_run(run_file) if run_file else None
    place = chosen(python, target, device=device, memory_gib=memory_gib)
    echo(text_of(explain_cell(cell, row=row, run=run, target=place)))
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + 'Example: logitproof row --logits "100, 99, -inf" --label 1 --format float16')
def row(
    logits: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Logits, one per class: 2, -inf, nan or 0x1.8p+0, with commas.")
    ],
    label: Annotated[int, typer.Option(min=0, metavar="CLASS", help="The true class.")] = 0,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="float32, float16, bfloat16 or float64.")
    ] = "float32",
    framework: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A known framework or module:Class; repeatable. Default: all installed."),
    ] = None,
    *,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare frameworks on one row of logits. Prints softmax, loss and gradient next to the exact answer.

    A number in brackets is error / bound: over 1 cannot be explained by rounding.
    """
    from logitproof.commands.tables import print_row
    from logitproof.explain.row import read_logits, side_by_side
    from logitproof.matrix.survey import chosen as chosen_frameworks
    from logitproof_adapters.targets.target import chosen

    place = chosen(python, target, device=device)
    found = side_by_side(read_logits(logits), label, format_, chosen_frameworks(framework or (), place), place)
    if as_json:
        echo_json([asdict(found)])
    else:
        print_row(found)
    return EXPECTED
