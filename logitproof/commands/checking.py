"""Commands that judge user-defined kernels: check and grade."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, Profile, Python, TargetName, app
from logitproof.commands.declared_options import declaring
from logitproof.commands.one_thread import import_numpy
from logitproof.errors import EXPECTED, UNEXPECTED
from logitproof.output import echo, echo_json

if TYPE_CHECKING:
    from logitproof_adapters.targets.target import Target

EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof check mykernels:fused_loss --op softmax_cross_entropy --framework torch
  logitproof check mykernels:loss --op softmax_cross_entropy --gradient mykernels:loss_gradient
  logitproof check mykernels:softmax --op softmax --format bfloat16 --accumulation float32 --summation pairwise
  logitproof check myheads:fused --op linear_cross_entropy --framework torch --reduction mean
  logitproof check mykernels:loss --op softmax_cross_entropy --reduction mean --ignore-index -100 --softcap 30"""
)
GRADE_EXAMPLES = (
    AS_IT_STANDS
    + """Examples:
  logitproof grade candidates/ --op softmax_cross_entropy --function loss --gradient loss_gradient -o grades.jsonl
  logitproof grade candidates/ --op softmax --framework torch --forbid torch.softmax --budget 10"""
)

Op = Annotated[
    str,
    typer.Option(
        metavar="OP", help="Operation it computes, e.g. softmax, softmax_cross_entropy or linear_cross_entropy."
    ),
]
Labels = Annotated[
    str, typer.Option(metavar="indices|distributions", help="Kind of labels. Default: the one usual for the op.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="FORMAT", help="Number format; repeatable. Default: every format that it accepts."
    ),
]
Framework = Annotated[
    str,
    typer.Option(metavar="NAME", help="Framework whose tensors the kernel takes, and which differentiates it."),
]
Seed = Annotated[int | None, typer.Option(metavar="NUMBER", help="Random seed of the trial rows.")]
Widest = Annotated[int, typer.Option(metavar="CLASSES", help="Largest number of classes in a row.")]
Seconds = Annotated[float, typer.Option("--call-seconds", metavar="SECONDS", help="Time limit of one call.")]
Memory = Annotated[
    float | None,
    typer.Option("--memory-gib", metavar="GIB", help="Memory limit of the kernel's process. Default: 8."),
]
GradeMemory = Annotated[
    float | None,
    typer.Option("--memory-gib", metavar="GIB", help="Memory limit of each kernel's process. Default: 4."),
]
Forbid = Annotated[
    list[str] | None,
    typer.Option(metavar="FUNCTION", help="Function that a kernel must not call, e.g. torch.softmax; repeatable."),
]


@app.command(epilog=EXAMPLES)
@declaring(before="profile")
def check(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:CALLABLE", help="Function to check; takes logits (rows, classes), then labels if any."
        ),
    ],
    *,
    op: Op,
    labels: Labels = "",
    formats: Formats = None,
    framework: Framework = "numpy",
    gradient: Annotated[
        str,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="Gradient of a NumPy kernel; same arguments, then the upstream gradient.",
        ),
    ] = "",
    backward: Annotated[
        str,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="Custom backward function; takes what the kernel returns after its value, then the upstream gradient.",
        ),
    ] = "",
    mode: Annotated[
        str,
        typer.Option(
            metavar="eager|compiled|vmap",
            help="Call it directly, compiled by its framework, or under vmap: it then takes a single row.",
        ),
    ] = "eager",
    quantities: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity", metavar="QUANTITY", help="Derivative for the framework to take, e.g. jvp; repeatable."
        ),
    ] = None,
    accumulation: Annotated[
        str, typer.Option(metavar="FORMAT", help="Declare the format in which it accumulates sums.")
    ] = "",
    height: Annotated[
        str,
        typer.Option(
            "--summation",
            "--height",
            metavar="ORDER",
            help="Declare its summation order: sequential, blocked or pairwise.",
        ),
    ] = "",
    exp_ulps: Annotated[
        float | None, typer.Option(metavar="ULPS", help="Declare the largest error of its exp and log.")
    ] = None,
    gradual_underflow: Annotated[
        bool, typer.Option("--gradual-underflow", help="Declare that subnormal numbers are not flushed to zero.")
    ] = False,
    profile: Profile = "quick",
    widest: Widest = 262_144,
    seed: Seed = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="CLAUSE", help="Skip a clause or clause family; repeatable.")
    ] = None,
    forbid: Forbid = None,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    call_seconds: Seconds = 60.0,
    memory_gib: Memory = None,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Compile all programs of a JAX kernel again; use none of an earlier check."),
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Also write a run file, for reports.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the judgements as JSON.")] = False,
    **declared: Any,
) -> int:
    """Check one function of your own. Compares it with the exact answer; prints the smallest input that fails.

    The kernel runs in a process of its own: it may die, hang or run out of memory.
    """
    import_numpy()
    from logitproof.commands.tables import console
    from logitproof.kernels.check import check_named, declaration_of
    from logitproof.kernels.isolation.isolated import MEMORY_GIB, Limits, Named
    from logitproof.kernels.judging.request import Request
    from logitproof.kernels.loading import declared as declared_arithmetic
    from logitproof.kernels.loading import source_of
    from logitproof_adapters.targets.target import chosen
    from logitproof_reports.runs.origin import origin_now
    from logitproof_reports.runs.run_file import write_run
    from logitproof_reports.runs.whole_files import refuse_unwritable

    refuse_unwritable([output])
    since = time.monotonic()
    place = chosen(python, target, device=device, memory_gib=memory_gib)
    verdict = check_named(
        Named(
            kernel,
            gradient,
            op,
            labels,
            framework,
            declaration_of(declared),
            tuple(quantities or ()),
            tuple(forbid or ()),
            _path(place),
            backward=backward,
            mode=mode,
        ),
        Request(
            tuple(formats or ()),
            profile,
            tuple(without or ()),
            seed or 0,
            widest,
            (lambda asked: echo(f"{asked} ...", err=True)) if sys.stderr.isatty() else None,
        ),
        arithmetic=declared_arithmetic(
            accumulation=accumulation, height=height, exp_ulps=exp_ulps, gradual_underflow=gradual_underflow
        ),
        limits_=Limits(call_seconds, place.memory_gib or MEMORY_GIB),
        target=place,
        source=source_of(kernel, _path(place)),
        fresh=no_cache,
    )
    if output is not None:
        made = origin_now([verdict.name], time.monotonic() - since)
        write_run(output, replace(verdict.run, origins=(made,)))
    if as_json:
        echo_json([asdict(found) for found in verdict.judgements])
    else:
        echo("\n".join([verdict.headline(), *verdict.summary(), ""]))
        if verdict.shown:
            console().print(verdict.smallest(), "", sep="\n")
        console().print(verdict.table(), "", verdict.arithmetic(), sep="\n")
        echo("\n" + verdict.details())
    return EXPECTED if verdict.conforms else UNEXPECTED


def _path(target: Target) -> tuple[str, ...]:
    """Return the folders in which a kernel's modules are looked for: here those of this process too."""
    return (str(Path.cwd()), *((place for place in sys.path if place) if target.is_here else ()))


@app.command(epilog=GRADE_EXAMPLES)
@declaring(before="forbid")
def grade(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of kernels: one file each.", exists=True)],
    *,
    op: Op,
    function: Annotated[str, typer.Option(metavar="NAME", help="Name of the function in each file.")] = "kernel",
    gradient: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of its gradient in each file, for NumPy. Default: gradients are not checked."
        ),
    ] = "",
    labels: Labels = "",
    formats: Formats = None,
    framework: Framework = "numpy",
    forbid: Forbid = None,
    budget: Annotated[
        float, typer.Option(metavar="SECONDS", help="Time budget of one kernel; the cheapest trials come first.")
    ] = 10.0,
    seed: Seed = None,
    widest: Widest = 32_769,
    python: Python = None,
    target: TargetName = None,
    device: Device = None,
    call_seconds: Seconds = 10.0,
    memory_gib: GradeMemory = None,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Kernels graded at a time. Default: one per processor; one on an accelerator or with --target.",
        ),
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Append the records to this file; kernels that it contains are skipped."),
    ] = None,
    **declared: Any,
) -> int:
    """Check every kernel of a folder. Prints one line of JSON per kernel: verdict, share of passed trials, a failure.

    Each kernel runs in its own process, with limits on time and memory and without access to the exact answers. With
    --python or --target it runs there; the notes of its record list the limits that cannot be enforced there.
    """
    from logitproof.errors import UsageError
    from logitproof.kernels.check import declaration_of
    from logitproof.kernels.grade import GRADE_MEMORY_GIB, Task, fresh_seed, graded_before, size_of
    from logitproof.kernels.grade import grade as grade_kernels
    from logitproof.kernels.isolation.isolated import Limits
    from logitproof_adapters.targets.target import chosen
    from logitproof_reports.runs.whole_files import append

    place = chosen(python, target, device=device, memory_gib=memory_gib)
    task = Task(
        op=op,
        function=function,
        labels=labels,
        framework=framework,
        gradient=gradient,
        declaration=declaration_of(declared),
        formats=tuple(formats or ()),
        forbidden=tuple(forbid or ()),
        seed=fresh_seed() if seed is None else seed,
        budget=budget,
        widest=widest,
        limits=Limits(call_seconds, place.memory_gib or GRADE_MEMORY_GIB),
        target=place,
    )
    verdicts = []
    done = graded_before(output) if output else ()
    kept = size_of(output) if output else 0
    for record in grade_kernels(folder, task, jobs=jobs, done=done):
        verdicts.append(record.verdict)
        if output is None:
            echo(record.line)
        else:
            if size_of(output) != kept:  # a kernel may know this file by the command line
                raise UsageError(
                    f"{output}: somebody else wrote to it while kernels ran; its records cannot be trusted"
                )
            append(output, record.line + "\n")
            kept = size_of(output)
            echo(f"{record.kernel}: {record.verdict}, {record.share:.1%} of {record.trials} trials", err=True)
    return EXPECTED if all(verdict == "conforms" for verdict in verdicts) else UNEXPECTED
