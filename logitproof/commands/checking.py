"""The command that judges a kernel of one's own: check."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, app, echo, echo_json
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
        str,
        typer.Argument(
            metavar="MODULE:CALLABLE", help="Function to check; takes logits (rows, classes), then labels if any."
        ),
    ],
    *,
    op: Annotated[
        str, typer.Option(metavar="OP", help="Operation it computes, e.g. softmax or softmax_cross_entropy.")
    ],
    labels: Annotated[
        str, typer.Option(metavar="indices|distributions", help="Kind of labels. Default: the usual one of the op.")
    ] = "",
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="Number format; repeatable. Default: float32."),
    ] = None,
    framework: Annotated[
        str, typer.Option(metavar="NAME", help="Framework of its tensors, which also differentiates it.")
    ] = "numpy",
    gradient: Annotated[
        str,
        typer.Option(metavar="MODULE:CALLABLE", help="Gradient of a NumPy kernel; same arguments, then the cotangent."),
    ] = "",
    accumulation: Annotated[
        str, typer.Option(metavar="FORMAT", help="Declare the format in which it accumulates sums.")
    ] = "",
    height: Annotated[
        str, typer.Option(metavar="SHAPE", help="Declare its summation order: sequential, blocked or pairwise.")
    ] = "",
    exp_ulps: Annotated[
        float | None, typer.Option(metavar="ULPS", help="Declare the largest error of its exp and log.")
    ] = None,
    profile: Annotated[str, typer.Option(metavar="quick|full", help="Number of cases.")] = "quick",
    without: Annotated[
        list[str] | None, typer.Option(metavar="CLAUSE", help="Skip a clause or clause family; repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a run file, for reports.")] = None,
    gradual_underflow: Annotated[
        bool, typer.Option("--gradual-underflow", help="Declare that subnormal numbers are not flushed to zero.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the judgements as JSON.")] = False,
) -> int:
    """Check a kernel of your own. Compares one function with the exact answer; prints the worst row and a repro."""
    from logitproof.commands.tables import console
    from logitproof.kernels.check import check as check_kernel
    from logitproof.kernels.loading import declared, import_callable
    from logitproof_reports.runs.run_file import write_run
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unwritable([output])
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
        progress=(lambda cell: echo(f"{cell} ...", err=True)) if sys.stderr.isatty() else None,
    )
    if output is not None:
        write_run(output, verdict.run)
    if as_json:
        echo_json([asdict(found) for found in verdict.judgements])
    else:
        echo(verdict.headline() + "\n")
        console().print(verdict.table(), "", verdict.arithmetic(), sep="\n")
        echo("\n" + verdict.details())
    return EXPECTED if verdict.conforms else UNEXPECTED
