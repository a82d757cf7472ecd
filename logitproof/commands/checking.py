"""The command that judges a kernel of one's own: check."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, app
from logitproof.errors import EXPECTED, UNEXPECTED

EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof check mykernels:fused_loss --op softmax_cross_entropy --framework torch
  logitproof check mykernels:loss --op softmax_cross_entropy --gradient mykernels:loss_gradient
  logitproof check mykernels:softmax --op softmax --format bfloat16 --accumulation float32 --height pairwise"""
)


@app.command(epilog=EXAMPLES)
def check(
    kernel: Annotated[
        str, typer.Argument(metavar="MODULE:CALLABLE", help="Takes logits (rows, classes), then labels if any.")
    ],
    *,
    op: Annotated[str, typer.Option(metavar="OP", help="What it computes, e.g. softmax or softmax_cross_entropy.")],
    labels: Annotated[
        str, typer.Option(metavar="indices|distributions", help="Kind of its labels. Default: the op's usual one.")
    ] = "",
    formats: Annotated[
        list[str] | None, typer.Option("--format", metavar="FORMAT", help="Format; repeatable. Default: float32.")
    ] = None,
    framework: Annotated[
        str, typer.Option(metavar="NAME", help="Whose tensors it takes, and what differentiates it.")
    ] = "numpy",
    gradient: Annotated[
        str, typer.Option(metavar="MODULE:CALLABLE", help="Of a NumPy kernel: takes what it takes, then the cotangent.")
    ] = "",
    accumulation: Annotated[
        str, typer.Option(metavar="FORMAT", help="Declared: the format that its sums run in.")
    ] = "",
    height: Annotated[
        str, typer.Option(metavar="SHAPE", help="Declared: its sums are sequential, blocked or pairwise.")
    ] = "",
    exp_ulps: Annotated[
        float | None, typer.Option(metavar="ULPS", help="Declared: the largest error of its exp and log.")
    ] = None,
    profile: Annotated[str, typer.Option(metavar="quick|full", help="How much to ask.")] = "quick",
    without: Annotated[
        list[str] | None, typer.Option(metavar="CLAUSE", help="Do not judge by a clause or family; repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a run file, for reports.")] = None,
    gradual_underflow: Annotated[
        bool, typer.Option("--gradual-underflow", help="Declared: subnormal numbers are not flushed to zero.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the judgements as JSON.")] = False,
) -> int:
    """Judge a kernel of your own. One function against the exact answer, with the worst row and a repro."""
    from logitproof.commands.tables import console
    from logitproof.kernels.check import check as check_kernel
    from logitproof.kernels.loading import declared, import_callable
    from logitproof_reports.runs.run_file import write_run

    verdict = check_kernel(
        import_callable(kernel),
        op=op,
        labels=labels,
        format=formats or "float32",
        framework=framework,
        gradient=import_callable(gradient) if gradient else None,
        arithmetic=declared(
            accumulation=accumulation, height=height, exp_ulps=exp_ulps, gradual_underflow=gradual_underflow
        ),
        profile=profile,
        without=without or (),
        progress=(lambda cell: typer.echo(f"{cell} ...", err=True)) if sys.stderr.isatty() else None,
    )
    if output is not None:
        write_run(output, verdict.run)
    if as_json:
        typer.echo(json.dumps([asdict(found) for found in verdict.judgements], indent=2))
    else:
        typer.echo(verdict.headline() + "\n")
        console().print(verdict.table(), "", verdict.arithmetic(), sep="\n")
        typer.echo("\n" + verdict.details())
    return EXPECTED if verdict.conforms else UNEXPECTED
