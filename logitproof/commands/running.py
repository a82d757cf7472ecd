"""Commands that run the suite: frameworks, prepare, run, merge."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from logitproof.commands.app import (
    AS_IT_STANDS,
    Device,
    FailOn,
    Frameworks,
    Memory,
    Patience,
    Profile,
    Python,
    RunFiles,
    Select,
    TargetName,
    app,
)
from logitproof.errors import EXPECTED, INTERRUPTED, UsageError, refuse_unknown
from logitproof.output import complain, echo, echo_json


@app.command()
def frameworks(
    *,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="Import each framework, and list its modes, formats and cells too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List the supported frameworks and their versions. A dash means: not installed."""
    from logitproof.matrix.survey import listed, listed_in, survey, survey_of
    from logitproof_adapters.targets.target import chosen, here

    place = chosen(python, target, device=device)
    is_here = place == here()
    if cells:
        described = survey() if is_here else survey_of(place)
        if as_json:
            echo_json([asdict(framework) for framework in described])
            return EXPECTED
        from logitproof.commands.tables import print_frameworks

        print_frameworks(described)
        return EXPECTED
    found = listed() if is_here else listed_in(place)
    if as_json:
        echo_json([asdict(framework) for framework in found])
        return EXPECTED
    width = max(len(one.name) for one in found)
    for one in found:
        echo(f"{one.name:<{width}}  {one.version or '-'}")
    for one in found:
        if one.problem:
            echo(f"{one.name}: {one.problem}")
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof prepare --framework torch --profile full")
def prepare(
    framework: Frameworks = None,
    *,
    python: Python = None,
    target: TargetName = None,
    profile: Profile = "quick",
) -> int:
    """Compute exact answers and bounds ahead of runs. They are cached, so that runs need not compute them."""
    from rich.filesize import decimal

    from logitproof.matrix.prepare import prepare as prepare_answers
    from logitproof.matrix.survey import chosen as chosen_frameworks
    from logitproof_adapters.targets.target import chosen

    place = chosen(python, target)
    done = prepare_answers(chosen_frameworks(framework or (), place), profile, place)
    echo(f"{done.computed:,} answers computed, {done.found:,} found; {done.folder} holds {decimal(done.size)}")
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof run --framework torch -o torch.parquet -k saturated")
def run(
    framework: Frameworks = None,
    *,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    profile: Profile = "quick",
    output: Annotated[Path, typer.Option("--output", "-o", help="Run file to write.")] = Path("run.parquet"),
    select: Select = "",
    cells: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB", help="Only these cells, by id or glob; repeatable. 'ledger': the known deviations."
        ),
    ] = None,
    patience: Patience = 300.0,
    evaluators: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            metavar="N",
            help="Evaluator processes per framework. Default: 2 if one framework has two local processors, else 1.",
        ),
    ] = None,
    memory_gib: Memory = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Run only the Ith of N parts of the cells.")] = "",
    dask: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Distribute the run over a Dask cluster: address of its scheduler, or 'local'."
        ),
    ] = "",
    shards: Annotated[
        int,
        typer.Option(min=1, max=4096, metavar="N", help="Parts into which each framework's cells are split."),
    ] = 16,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run with the same options.")
    ] = False,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Use no cache: compute all exact answers and compile all programs again."),
    ] = False,
    wandb: Annotated[
        bool, typer.Option("--wandb", help="Also log the steps of each training to Weights & Biases, when it ends.")
    ] = False,
    calls: Annotated[
        bool,
        typer.Option(
            "--calls", help="Also make the extra calls of `upgrade`, which no cell covers, and list wrong answers."
        ),
    ] = False,
    fail_on: FailOn = "new",
) -> int:
    """Test frameworks against the exact answer. Each runs in a process of its own; the result is a run file.

    With --python or --target the framework is tested where it is: nothing is installed there.
    """
    from logitproof.commands.tables import print_summary
    from logitproof.matrix.cluster_run import cluster_run
    from logitproof.matrix.evaluators import processors
    from logitproof.matrix.progress import display_for_terminal
    from logitproof.matrix.run import Interrupted
    from logitproof.matrix.run import run as run_matrix
    from logitproof.readers.gate import FAIL_ON, exit_code, first_steps
    from logitproof.workers import Dask
    from logitproof_adapters.catalogue.registry import left_out
    from logitproof_adapters.targets.target import chosen
    from logitproof_reference.answers.cache_folder import ANSWERS_VARIABLE, OFF
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unknown("--fail-on", (fail_on,), FAIL_ON)
    refuse_unwritable([output])
    if dask and (shard or evaluators):
        raise UsageError("--dask splits the run by itself: omit --shard and --evaluators")
    if no_cache:
        os.environ[ANSWERS_VARIABLE] = OFF
    for line in () if framework else left_out():
        complain(line)
    if wandb:
        from logitproof.readers.wandb_run import track_trainings

        track_trainings()
    place = chosen(python, target, device=device, memory_gib=memory_gib)
    request: dict[str, Any] = {
        "profile": profile,
        "select": select,
        "cells": cells or (),
        "patience": patience,
        "fresh": no_cache,
        "resume": resume,
        "target": place,
    }
    names = framework or ()
    try:
        if dask:
            whole = cluster_run(Dask(dask, processors()), names, output, shards=shards, **request)
        else:
            shown = display_for_terminal()
            whole = run_matrix(names, output=output, evaluators=evaluators, shard=shard, display=shown, **request)
    except Interrupted as interruption:
        held = f"{output} contains the results so far; --resume continues the run"
        left = held if interruption.run else "nothing was measured yet"
        complain(f"interrupted; {left}")
        return INTERRUPTED
    print_summary(whole)
    options = {"--python": python, "--target": target, "--device": device}
    for line in first_steps(whole, output, " ".join(f"{name} {value}" for name, value in options.items() if value)):
        echo(line)
    if calls:
        from logitproof.extra_calls.judgements import wrong_answers

        for line in wrong_answers(place, sorted(set(whole.table["adapter"].to_pylist()))):
            echo(line)
    echo(output)
    return exit_code(whole, fail_on)


@app.command()
def merge(
    run_files: RunFiles,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run file to write.")],
) -> int:
    """Merge run files into one. They may contain several frameworks or shards; gaps and overlaps are errors.

    Also merges the shards of one `logitproof sweep`.
    """
    from logitproof_reports.runs.run_file import read_run, write_run
    from logitproof_reports.runs.shards import merge_whole
    from logitproof_reports.runs.whole_files import refuse_unwritable
    from logitproof_reports.sweep_records.merge import merge as merge_records
    from logitproof_reports.sweep_records.record import is_record, read_record, write_record

    refuse_unwritable([output])
    if all(map(is_record, run_files)):
        write_record(output, merge_records([read_record(path) for path in run_files]))
        echo(output)
        return EXPECTED
    write_run(output, merge_whole([read_run(path) for path in run_files]))
    echo(output)
    return EXPECTED
