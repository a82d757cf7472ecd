"""Commands that approve an upgrade: diff, upgrade, bisect, verify, cache."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Device, Memory, Patience, Profile, Select, app
from logitproof.errors import ENVIRONMENT, EXPECTED, INTERRUPTED, UNEXPECTED, UsageError
from logitproof.output import complain, echo

if TYPE_CHECKING:
    from logitproof.upgrades.policy import Policy
    from logitproof.upgrades.sides import Side
    from logitproof.upgrades.trial import Trial
    from logitproof_reports.diff.compare import Diff

FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="regression|warning|class|change|never",
        help="Changes that make the exit status 1. Default: fail_on of the policy, else regression.",
    ),
]

PolicyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Policy file. Default: logitproof.toml or pyproject.toml in this folder."),
]


TorchBackend = Annotated[
    str,
    typer.Option(
        metavar="cpu|auto|cu126|none",
        help="Build of PyTorch, by uv's name for it; none: that of the index.",
    ),
]

PythonVersion = Annotated[
    str,
    typer.Option(
        "--python-version",
        metavar="3.8",
        help="Python version of the environments. Default: one that the packages support.",
    ),
]

Around = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="Run the releases through this target of logitproof.toml, whose command has {python} or {packages}.",
    ),
]

Index = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Additional package index, e.g. of nightly builds (with --pre); repeatable."),
]

Pre = Annotated[bool, typer.Option("--pre", help="Pre-releases and nightly builds count as releases.")]

SIDE = "jax==0.9.2,optax==0.2.5; uv.lock; git:main; a target; venv/bin/python; or a run file."


@app.command(epilog=AS_IT_STANDS + "Example: logitproof diff old.parquet new.parquet -o diff.html")
def diff(  # noqa: PLR0917  typer passes by name
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Run file to compare with.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Run file to judge.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="HTML page to write.")] = None,
    as_data: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the diff as JSON.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a Markdown summary.")] = None,
    repeat: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN", help="Another run of the baseline or candidate, to separate noise from changes; repeatable."
        ),
    ] = None,
    fail_on: FailOn = None,
    policy: PolicyFile = None,
) -> int:
    """Compare two runs, judged against the exact answer. Prints SAFE, LOOK or NOT SAFE, and why, on one screen.

    Two records of `logitproof sweep`, or two atlases as data, are compared function by function; the exit status is 1
    where one became worse.
    """
    from logitproof.commands.sweep_tables import changes_of, print_changes

    if (changes := changes_of(baseline, candidate)) is not None:
        return UNEXPECTED if print_changes(changes) else EXPECTED
    from logitproof.upgrades.comparison import (
        compare_files,
        exit_status,
        policy_of,
        refuse_unwritable_places,
        verdict_text,
        write_all,
    )
    from logitproof_reports.diff.report import report_of

    asked = policy_of(policy, fail_on)
    refuse_unwritable_places(output, as_data, summary)
    found = compare_files(baseline, candidate, repeat or ())
    report = report_of(found, asked.rule(found, dt.datetime.now(tz=dt.UTC).date()))
    echo(verdict_text(report), commands=True)
    write_all(report, page=output, as_data=as_data, summary=summary)
    return exit_status(report)


@app.command(epilog=AS_IT_STANDS + "Example: logitproof upgrade jax==0.9.2 jax==0.10.2")
def upgrade(  # noqa: PLR0917  likewise
    old: Annotated[str, typer.Argument(metavar="[OLD]", help=SIDE)] = "",
    new: Annotated[str, typer.Argument(metavar="[NEW]", help="Likewise.")] = "",
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("upgrade"),
    framework: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Adapter to run; repeatable. Default: those of the named packages."),
    ] = None,
    profile: Profile = "quick",
    fail_on: FailOn = None,
    policy: PolicyFile = None,
    *,
    from_side: Annotated[str, typer.Option("--from", metavar="OLD", help="Same as OLD, by name.")] = "",
    to_side: Annotated[
        str, typer.Option("--to", metavar="NEW", help="Same as NEW, by name. Default: the lock file of this folder.")
    ] = "",
    select: Select = "",
    patience: Patience = 300.0,
    memory_gib: Memory = None,
    target: Around = None,
    device: Device = None,
    torch_backend: TorchBackend = "cpu",
    python_version: PythonVersion = "",
    index: Index = None,
    pre: Pre = False,
    sign: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key (PEM, Ed25519) to sign the certificate with.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted upgrade with the same arguments.")
    ] = False,
) -> int:
    """Compare two releases before you switch. Runs the same cases on both sides and judges what changed.

    A side is a list of packages, a lock file, a file in a commit (git:main, git:main:uv.lock), a target of
    logitproof.toml, an interpreter, or a run file. Packages and lock files run in new environments, everything else
    where it is installed.
    """
    from logitproof.environments.channel import open_channel
    from logitproof.environments.interpreters import refuse_unknown_version
    from logitproof.environments.project_lock_file import GIT, lock_here
    from logitproof.environments.uv_command import UnbuildableEnvironment
    from logitproof.matrix.run import Interrupted
    from logitproof.upgrades.building import building_at
    from logitproof.upgrades.comparison import policy_of, refuse_unwritable_places
    from logitproof.upgrades.sides import Settings
    from logitproof.upgrades.signatures import private_key
    from logitproof.upgrades.trial import Trial

    asked = policy_of(policy, fail_on)
    refuse_unknown_version(python_version)
    building = building_at(target, python=python_version, torch_backend=torch_backend)
    refuse_unwritable_places(folder / "diff.html", folder / "certificate.json")
    if sign:
        private_key(sign)  # not after an hour's work
    before, after = from_side or old, to_side or new
    if before.startswith(GIT) and not after:
        after = lock_here()
    if not before or not after:
        raise UsageError("two sides are needed: OLD and NEW, or --from and --to, e.g. jax==0.9.2 jax==0.10.2")
    open_channel(index or (), pre=pre)
    settings = Settings(profile, select, patience=patience, memory_gib=memory_gib, device=(device or "").lower())
    trial = Trial(before, after, folder, tuple(framework or ()), settings, building, resume, complain)
    try:
        both, found = trial.run()
    except UnbuildableEnvironment as problem:
        echo(f"logitproof: nothing was judged: an environment could not be built:\n{problem}", err=True)
        return ENVIRONMENT
    except (Interrupted, KeyboardInterrupt):
        complain(f"interrupted; {folder} keeps what both sides have; --resume continues")
        return INTERRUPTED
    return _conclude(trial, both, found, asked, sign)


def _conclude(trial: Trial, both: list[Side], found: Diff, policy: Policy, key: Path | None) -> int:
    """Print the verdict, write everything into the folder of an upgrade, and return the exit status."""
    from logitproof.upgrades.certificate import certify
    from logitproof.upgrades.comparison import exit_status, verdict_text, write_all, write_comment
    from logitproof.upgrades.materials import bill_of_materials
    from logitproof.upgrades.trial import locks_of
    from logitproof_reports.diff.report import report_of
    from logitproof_reports.runs.whole_files import write_text_atomically

    folder, files, today = trial.folder, trial.files(both), dt.datetime.now(tz=dt.UTC).date()
    report = report_of(found, policy.rule(found, today))
    echo(verdict_text(report), commands=True)
    write_all(report, page=folder / "diff.html", as_data=folder / "diff.json", summary=folder / "summary.md")
    write_comment(report, folder / "comment.md")
    locks = dict(zip(files, locks_of(both), strict=True))
    for name, side in zip(files, both, strict=True):
        if side.locked:
            write_text_atomically(folder / f"{name}.cdx.json", bill_of_materials(side.locked))
    write_text_atomically(folder / "certificate.json", certify(report, files=files, locks=locks, day=today, key=key))
    return exit_status(report)


@app.command(epilog=AS_IT_STANDS + "Example: logitproof bisect jax==0.4.35 jax==0.10.2 --cell CELL/REGIME")
def bisect(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The oldest release, such as jax==0.4.35.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The newest release, optionally with other packages.")],
    cell: Annotated[str, typer.Option(metavar="CELL[/REGIME]", help="The cell that changed, as the diff names it.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder for the run files.")] = Path("bisect"),
    by: Annotated[str, typer.Option(metavar="digest|verdict", help="Compare bits (digest) or verdicts.")] = "digest",
    *,
    patience: Patience = 300.0,
    memory_gib: Memory = None,
    target: Around = None,
    device: Device = None,
    torch_backend: TorchBackend = "cpu",
    python_version: PythonVersion = "",
    index: Index = None,
    pre: Pre = False,
) -> int:
    """Find the first release in which a cell changed. Binary search over the releases of the package index.

    Each release gets an environment of its own; with --target it runs on another CPU, in a container or on another
    machine.
    """
    from logitproof.environments.cache import hold_cache
    from logitproof.environments.channel import open_channel
    from logitproof.environments.interpreters import refuse_unknown_version
    from logitproof.environments.uv_command import UnbuildableEnvironment
    from logitproof.matrix.run import Interrupted
    from logitproof.upgrades.bisect import Bisection
    from logitproof.upgrades.building import building_at
    from logitproof.upgrades.sides import Settings

    if by not in {"digest", "verdict"}:
        raise UsageError(f'"{by}" is not a value of --by; use digest or verdict')
    refuse_unknown_version(python_version)
    building = building_at(target, python=python_version, torch_backend=torch_backend)
    hold_cache()
    open_channel(index or (), pre=pre)
    name, _, regime = cell.partition("/")
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(patience=patience, memory_gib=memory_gib, device=(device or "").lower())
    try:
        found = Bisection(old, new, name, regime, folder, complain, by, settings, building).run()
    except UnbuildableEnvironment as problem:
        echo(f"logitproof: an environment could not be built:\n{problem}", err=True)
        return ENVIRONMENT
    except (Interrupted, KeyboardInterrupt):
        complain(f"interrupted; {folder} keeps what was judged; the same command continues")
        return INTERRUPTED
    aside = f" (skipped: {', '.join(found.skipped)})" if found.skipped else ""
    if not found.after:
        echo(f"{cell} is the same in {old} and {new}")
        return EXPECTED
    echo(f"{cell} changed in {found.after}; {found.before} is still like {old}{aside}")
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof verify upgrade/certificate.json --key approver.pub.pem")
def verify(
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="The certificate.json of an upgrade.")],
    run_files: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run files that the certificate lists.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Public key (PEM, Ed25519) that must have signed it.")
    ] = None,
) -> int:
    """Check the certificate of an upgrade. Neither it nor the run files that it lists may have been altered."""
    from logitproof.upgrades.certificate import verify as verified

    for line in verified(certificate, run_files or (), key):
        echo(line)
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof cache --idle 30 --clear")
def cache(
    idle: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Only environments unused for this many days.")
    ] = 0.0,
    *,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove them; without --idle also all exact answers and compiled programs.")
    ] = False,
) -> int:
    """List or remove what is cached. Lists environments of upgrades and bisections: size, and when last used."""
    from logitproof.environments import cache as environment_cache

    for environment in environment_cache.kept(idle):
        echo(environment.line)
    if clear:
        environment_cache.clear(idle)
    echo(environment_cache.sentence())
    return EXPECTED
