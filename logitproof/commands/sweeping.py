"""Commands over whole ranges of inputs: sweep, atlas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, Python, TargetName, app
from logitproof.errors import EXPECTED, INTERRUPTED, UNEXPECTED, UsageError
from logitproof.output import complain, echo, echo_json

EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof sweep torch --op log_softmax                     all 2^32 float32 differences of two classes
  logitproof sweep torch --op softmax --range 0x41000000:0x41010000
  logitproof sweep jax --mode compiled --format bfloat16      all 2^32 pairs of logits
  logitproof sweep torch --shard 3/16 -o 3.sweep              one job of 16; logitproof merge *.sweep -o all.sweep"""
)


@app.command(epilog=EXAMPLES)
def sweep(
    framework: Annotated[str, typer.Argument(metavar="FRAMEWORK", help="A known framework, or module:Class.")],
    *,
    op: Annotated[
        list[str] | None, typer.Option(metavar="OP", help="Operation, e.g. softmax; repeatable. Default: all five.")
    ] = None,
    quantity: Annotated[
        list[str] | None,
        typer.Option(metavar="value|grad_logits", help="Quantity; repeatable. Default: both."),
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="float32 (default), float16, bfloat16; repeatable."),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(metavar="MODE", help="How the framework runs it, e.g. compiled; repeatable. Default: eager."),
    ] = None,
    rows: Annotated[
        str,
        typer.Option("--range", metavar="FIRST:END", help="Rows by number, END excluded, e.g. 0x41000000:0x42000000."),
    ] = "",
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Record to write, or to continue.")] = Path(
        "record.sweep"
    ),
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Worker processes.")] = 1,
    dask: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster: address of its scheduler, or 'local'.")
    ] = "",
    shard: Annotated[str, typer.Option(metavar="I/N", help="Measure only the Ith of N parts of the rows.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Measure a framework on every input of two classes. Every answer is read, and the largest error is certain.

    In float32 the two logits are (d, 0), and d runs over all 2^32 bit patterns. In a half format they are every pair
    (a, b), numbered by the bits of a, then of b. The record holds the largest error with its row, how many answers are
    not correctly rounded, how many exceed their bound, and a histogram. Where consecutive rows have the same answer,
    only the first, the last and one in 64 are compared with the exact value: that value is monotonic there, so these
    bound the others. An interrupted sweep continues when it is started again.
    """
    from logitproof.commands.sweep_tables import print_sweep, tree_of
    from logitproof.sweeps.functions import chosen as chosen_functions
    from logitproof.sweeps.functions import range_of
    from logitproof.sweeps.progress import SweepProgress
    from logitproof.sweeps.sweep import planned
    from logitproof.sweeps.sweep import sweep as measure
    from logitproof.workers import chosen_workers
    from logitproof_adapters.targets.target import chosen
    from logitproof_conformance.plan.shard import Shard
    from logitproof_reports.runs.whole_files import refuse_unwritable
    from logitproof_reports.sweep_records.summary import is_broken

    functions = list(chosen_functions(op or (), quantity or (), format_ or (), mode or ()))
    try:
        part = Shard.read(shard)
    except ValueError as error:
        raise UsageError(str(error)) from error
    limits = range_of(rows) if rows else None
    refuse_unwritable([output])
    plan = planned(framework, chosen(python, target, device=device), functions, rows=limits, shard=part)
    for name, reason in plan.refused.items():
        complain(f"{name} is not offered: {reason}")
    outcome = measure(plan, chosen_workers(workers, dask), output, SweepProgress())
    if as_json:
        echo_json(tree_of(outcome.record))
    else:
        print_sweep(outcome.record)
        echo(output)
    for name, reason in outcome.failures.items():
        complain(f"{name} failed: {reason}")
    if outcome.interrupted:
        complain(f"interrupted; {output} contains what was measured, and the same command continues")
        return INTERRUPTED
    return UNEXPECTED if outcome.failures or is_broken(outcome.record) else EXPECTED


ATLAS_EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof atlas *.sweep worst-*.json -o atlas.html --markdown atlas.md --data atlas.json
  logitproof atlas atlas.json new.sweep -o atlas.html --data atlas.json           add a record"""
)


@app.command(epilog=ATLAS_EXAMPLES)
def atlas(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Records of sweep, witnesses of worst, and atlases as data."),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")] = Path("atlas.html"),
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write Markdown.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the atlas as data, to add records to it later.")
    ] = None,
) -> int:
    """Write the largest errors that sweeps and searches found. One page: functions by frameworks, with their rows.

    Of a function that several files hold on one processor the one with the most rows counts, and among equals the last.
    """
    from logitproof_reports.runs.whole_files import refuse_unwritable
    from logitproof_reports.sweep_records.atlas import write_markdown, write_page
    from logitproof_reports.sweep_records.atlas_entries import atlas_of, joined
    from logitproof_reports.sweep_records.atlas_file import is_atlas, read_atlas, write_atlas
    from logitproof_reports.sweep_records.record import is_record, read_record

    refuse_unwritable([output, markdown, data])
    before = [read_atlas(path) for path in files if is_atlas(path)]
    measured = [path for path in files if not is_atlas(path)]
    records = [read_record(path) for path in measured if is_record(path)]
    found = joined([*before, atlas_of(records, [path for path in measured if not is_record(path)])])
    write_page(found, output)
    if markdown is not None:
        write_markdown(found, markdown, output)
    if data is not None:
        write_atlas(data, found)
    echo(output)
    return EXPECTED
