"""The commands that compare bits: parity of two sides, invariance of one."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, Python, TargetName, app
from logitproof.errors import EXPECTED, INTERRUPTED, UNEXPECTED, refuse_unknown
from logitproof.output import echo, echo_json

PARITY_EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof parity trainer.npy server.npy
  logitproof parity trainer.safetensors server.safetensors --logits logits.npy --tokens tokens.npy --temperature 0.7
  logitproof parity rollout.parquet:old_logprobs rollout.parquet:logprobs --within 0.01 -o parity.html
  logitproof parity torch jax --rows 64 --classes 32000 --format bfloat16
  logitproof parity torch@/opt/old/bin/python torch@/opt/new/bin/python"""
)

SIDE = "FILE[:NAME] of log-probabilities, or FRAMEWORK[@TARGET]."


@app.command(epilog=PARITY_EXAMPLES)
def parity(
    a: Annotated[str, typer.Argument(metavar="A", help=SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help=SIDE)],
    *,
    logits: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:NAME]",
            help="Logits (tokens, classes) of both sides, to tell which is nearer the exact answer.",
        ),
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(metavar="FILE[:NAME]", help="The sampled tokens, integers (tokens,).")
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(metavar="T", help="Temperature that divides the logits."),
    ] = 1.0,
    top_k: Annotated[
        int, typer.Option(metavar="K", help="Also try whether a side is renormalised over the K largest.")
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option(
            metavar="P", help="Also try whether a side is renormalised over the smallest set of probability P."
        ),
    ] = 1.0,
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="Random rows of logits, if frameworks compute.")] = 64,
    classes: Annotated[int, typer.Option(min=2, metavar="N", help="Classes of the random rows.")] = 32_000,
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="Format of the random rows.")] = "float32",
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Random seed of the random rows.")] = 0,
    within: Annotated[
        float | None,
        typer.Option(metavar="NATS", help="Exit status 1 if a sampled token (or any class) differs by more."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="HTML page to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> int:
    """Compare the log-probabilities of two sides. Each is a file or a framework.

    A file is .npy, .npz, .safetensors or .parquet: (tokens,) of the sampled tokens, or (tokens, classes). It is read
    block by block. A framework computes log-softmax of random logits, or of those of --logits. If the sides do
    not match, other interpretations are tried: another temperature, or renormalised over some classes.
    """
    from logitproof.parity.compare import compare
    from logitproof.parity.options import ParityOptions, opened
    from logitproof.parity.page import page_of
    from logitproof.parity.text import data_of, largest_difference, lines_of
    from logitproof_reports.html.comparison import write_comparison_page
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unwritable([output])
    asked = ParityOptions(a, b, logits, tokens, temperature, top_k, top_p, rows, classes, format_, seed, within)
    with opened(asked) as request:
        found = compare(request)
        if output is not None:
            write_comparison_page(page_of(found), output)
        if as_json:
            echo_json(data_of(found))
        else:
            echo("\n".join([*lines_of(found), *([str(output)] if output is not None else [])]))
    differs = within is not None and not largest_difference(found) <= within
    return UNEXPECTED if differs else EXPECTED


INVARIANCE_EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof invariance torch
  logitproof invariance jax --op softmax_cross_entropy --quantity grad_logits --format bfloat16
  logitproof invariance mykernels:by_logsumexp --framework torch --op log_softmax --save witness.npz
  logitproof invariance torch --python /opt/venv/bin/python --axis "batch size" --axis threads"""
)


@app.command(epilog=INVARIANCE_EXAMPLES)
def invariance(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="FRAMEWORK, or MODULE:FUNCTION of a kernel.")],
    *,
    op: Annotated[str, typer.Option(metavar="OP", help="Operation.")] = "log_softmax",
    labels: Annotated[str, typer.Option(metavar="indices|distributions", help="Kind of labels, if any.")] = "",
    quantity: Annotated[str, typer.Option(metavar="NAME", help="value, grad_logits, ...")] = "value",
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="Number format.")] = "float32",
    mode: Annotated[str, typer.Option(metavar="MODE", help="Mode of the baseline: eager, compiled, ...")] = "eager",
    framework: Annotated[
        str, typer.Option(metavar="NAME", help="For a kernel: the framework whose tensors it takes, or numpy.")
    ] = "",
    gradient: Annotated[str, typer.Option(metavar="MODULE:FUNCTION", help="Gradient function of a NumPy kernel.")] = "",
    rows: Annotated[int, typer.Option(min=2, metavar="N", help="Rows of the batch.")] = 33,
    classes: Annotated[int, typer.Option(min=2, metavar="N", help="Classes of a row.")] = 151_936,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Random seed of the rows.")] = 0,
    axis: Annotated[
        list[str] | None, typer.Option(metavar="AXIS", help="Test this axis only; repeatable. Default: all.")
    ] = None,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the first two inputs whose bits differ, as .npz.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="HTML page to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Test whether a row always gives the same bits. Varies batch, layout, mode, threads and more.

    The axes are batch size, position, order, padding of rows and classes, chunks, memory layout, mode, repetition,
    number of threads and instruction set. The baseline is one batch of random rows; each axis evaluates them again in
    other calls or processes. Exit status 1 if bits change. If interrupted, the result so far is printed and written.
    """
    from logitproof.commands.tables import console
    from logitproof.invariance import text
    from logitproof.invariance.axes import AXES
    from logitproof.invariance.progress import Progress
    from logitproof.invariance.subjects import InvarianceOptions, kernel_path, subject_of
    from logitproof.invariance.survey import drawn, survey, was_interrupted
    from logitproof_adapters.targets.target import chosen
    from logitproof_reports.html.comparison import write_comparison_page
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unwritable([output, save])
    refuse_unknown("axis", axis or (), list(AXES))
    place = chosen(python, target, device=device)
    asked = InvarianceOptions(
        subject, op, labels, quantity, format_, mode, framework, gradient, kernel_path(is_here=place.is_here)
    )
    chosen_subject = subject_of(asked, place)
    inputs = drawn(chosen_subject.cell, rows, classes, seed)
    axes = [AXES[name] for name in axis or AXES]
    found = survey(chosen_subject, inputs, axes, Progress(axes))
    facts = [("subject", chosen_subject.cell.id), ("rows", f"{rows} of {classes:,} classes, drawn by seed {seed}")]
    if as_json:
        echo_json(text.data_of(found))
    else:
        echo(text.headline(found))
        console().print(text.table_of(found))
        echo("\n".join(text.witness_lines(found)))
    if save is not None and text.save_witness(found, save) and not as_json:
        echo(save)
    if output is not None:
        write_comparison_page(text.page_of(found, facts), output)
        if not as_json:
            echo(output)
    if was_interrupted(found):
        return INTERRUPTED
    return UNEXPECTED if text.first_flip(found) else EXPECTED
