"""Commands that approve an upgrade: diff, upgrade, bisect, verify, cache."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, app, complain
from logitproof.errors import ENVIRONMENT, EXPECTED, UNEXPECTED, UsageError

FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="regression|class|change|never",
        help="Changes that fail. Default: fail_on of the policy, or regression.",
    ),
]

PolicyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Policy file. Default: logitproof.toml or pyproject.toml in this folder."),
]


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
    """Compare two runs, judged against the exact answer. Prints the verdict in at most ten lines."""
    from logitproof.upgrades.comparison import compare_files, policy_of, told, write_all

    asked = policy_of(policy, fail_on)
    found = compare_files(baseline, candidate, repeat or ())
    ruling = asked.rule(found, dt.datetime.now(tz=dt.UTC).date())
    typer.echo(told(found, ruling))
    write_all(found, ruling, page=output, as_data=as_data, summary=summary)
    return EXPECTED if ruling.safe else UNEXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof upgrade jax==0.9.2 jax==0.10.2")
def upgrade(  # noqa: PLR0917  likewise
    old: Annotated[str, typer.Argument(metavar="OLD", help="Packages such as jax==0.9.2,optax==0.2.5, or a run file.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Packages such as jax==0.10.2,optax==0.2.6, or a run file.")
    ],
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("upgrade"),
    framework: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Adapter to run; repeatable. Default: those of the named packages."),
    ] = None,
    profile: Annotated[str, typer.Option(metavar="quick|full", help="Number of cases.")] = "quick",
    fail_on: FailOn = None,
    policy: PolicyFile = None,
) -> int:
    """Test an upgrade. Builds two isolated environments, runs the same matrix in each and compares the results."""
    from logitproof.upgrades.certificate import certify
    from logitproof.upgrades.comparison import policy_of, told, write_all, write_text
    from logitproof.upgrades.trial import Trial, locks_of

    asked = policy_of(policy, fail_on)
    trial = Trial(old, new, folder, tuple(framework or ()), ("--profile", profile), complain)
    both, found = trial.run()
    for side in both:
        if side.problem:
            typer.echo(f"logitproof: the environment of {side.asked} could not be built:\n{side.problem}", err=True)
    if found is None:
        return ENVIRONMENT
    today = dt.datetime.now(tz=dt.UTC).date()
    ruling = asked.rule(found, today)
    typer.echo(told(found, ruling))
    write_all(found, ruling, page=folder / "diff.html", as_data=folder / "diff.json", summary=folder / "summary.md")
    certificate = certify(
        found, ruling, files=trial.files, locks=dict(zip(trial.files, locks_of(both), strict=True)), day=today
    )
    write_text(folder / "certificate.json", certificate)
    return EXPECTED if ruling.safe else UNEXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof bisect jax==0.4.35 jax==0.10.2 --cell CELL/REGIME")
def bisect(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The oldest release, such as jax==0.4.35.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The newest release, optionally with other packages.")],
    cell: Annotated[str, typer.Option(metavar="CELL[/REGIME]", help="The cell that changed, as the diff names it.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="Folder for the run files.")] = Path("bisect"),
    by: Annotated[str, typer.Option(metavar="digest|verdict", help="Compare bits (digest) or verdicts.")] = "digest",
) -> int:
    """Find the first release in which a cell changed. Binary search over the releases of the package index."""
    from logitproof.environments.uv_command import UnbuildableEnvironment
    from logitproof.upgrades.bisect import Bisection

    if by not in {"digest", "verdict"}:
        raise UsageError(f'"{by}" is not a value of --by; use digest or verdict')
    name, _, regime = cell.partition("/")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = Bisection(old, new, name, regime, folder, complain, by).run()
    except UnbuildableEnvironment as problem:
        typer.echo(f"logitproof: an environment could not be built:\n{problem}", err=True)
        return ENVIRONMENT
    aside = f" (skipped: {', '.join(found.skipped)})" if found.skipped else ""
    if not found.after:
        typer.echo(f"{cell} is the same in {old} and {new}")
        return EXPECTED
    typer.echo(f"{cell} changed in {found.after}; {found.before} is still like {old}{aside}")
    return EXPECTED


@app.command()
def verify(
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="The certificate.json of an upgrade.")],
    run_files: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run files that the certificate lists.")
    ] = None,
) -> int:
    """Verify a certificate. Checks that neither it nor the run files it lists were altered."""
    from logitproof.upgrades.certificate import verify as verified

    typer.echo(f"verified: {verified(certificate, run_files or ())}")
    return EXPECTED


@app.command(epilog=AS_IT_STANDS + "Example: logitproof cache --idle 30 --clear")
def cache(
    idle: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Only environments unused for this many days.")
    ] = 0.0,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Remove them; without --idle the exact answers too.")] = False,
) -> int:
    """List the cached environments of upgrades and bisections. With their sizes and when each was last used."""
    from logitproof.environments import cache as environment_cache

    for environment in environment_cache.kept(idle):
        typer.echo(environment.line)
    if clear:
        environment_cache.clear(idle)
    typer.echo(environment_cache.sentence())
    return EXPECTED
