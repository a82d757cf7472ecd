"""Commands that search: worst."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, Python, TargetName, app
from logitproof.errors import EXPECTED, UNEXPECTED, UsageError
from logitproof.output import echo

EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof worst torch log_softmax float32                   three classes, one minute
  logitproof worst torch softmax float32 --classes 1000 --by slack --seconds 300
  logitproof worst --again worst.json                          measure the witness again"""
)


@app.command(epilog=EXAMPLES)
def worst(
    framework: Annotated[str, typer.Argument(metavar="FRAMEWORK", help="A known framework, or module:Class.")] = "",
    op: Annotated[str, typer.Argument(metavar="OP", help="Operation, e.g. softmax.")] = "",
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="Number format, e.g. float32.")] = "",
    *,
    quantity: Annotated[str, typer.Option(metavar="NAME", help="Quantity: value or grad_logits.")] = "value",
    labels: Annotated[
        str, typer.Option(metavar="KIND", help="Kind of labels. Default: the one usual for the op.")
    ] = "",
    mode: Annotated[str, typer.Option(metavar="MODE", help="How the framework runs it, e.g. compiled.")] = "eager",
    classes: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Classes of a row.")] = 3,
    by: Annotated[
        str, typer.Option(metavar="ulps|slack", help="What to maximise: the error in ulps, or error / bound (slack).")
    ] = "ulps",
    seconds: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Time to search.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Random seed of the rows.")] = 0,
    random_rows: Annotated[
        int,
        typer.Option("--random", min=0, metavar="ROWS", help="First measure this many random rows, for comparison."),
    ] = 0,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    again: Annotated[
        Path | None, typer.Option("--again", metavar="FILE", help="Measure the witness in FILE instead of searching.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the witness.")] = Path("worst.json"),
) -> int:
    """Search for the row with the largest error. The worst one is kept as a witness, with its inputs in hexadecimal.

    The search starts from rows of many kinds (ties, near ties, one dominant logit, geometric tails, block borders) and
    changes the worst ones: bits, neighbours, shifts, copies. It proves that an error occurs, never that none is
    larger. Ctrl-C ends it with the worst row so far. The exit status is 1 where the row exceeds its bound.
    """
    from logitproof.searches.worst import Wanted, find, measure_again, witness_lines
    from logitproof_adapters.targets.target import chosen
    from logitproof_reports.runs.whole_files import refuse_unwritable

    place = chosen(python, target, device=device)
    if again is not None:
        witness, now = measure_again(again, framework, place)
        for line in witness_lines(witness, now):
            echo(line)
        return UNEXPECTED if float.fromhex(now["slack"]) > 1.0 else EXPECTED
    if not (framework and op and format_):
        raise UsageError("worst needs FRAMEWORK OP FORMAT, e.g. torch softmax float32; or --again FILE")
    refuse_unwritable([output])
    wanted = Wanted(framework, op, format_, quantity, labels, mode, classes, by, seconds, seed, random_rows)
    witness = find(wanted, place, output)
    for line in witness_lines(witness, witness.shown):
        echo(line)
    echo(output)
    return UNEXPECTED if float.fromhex(witness.shown["slack"]) > 1.0 else EXPECTED
