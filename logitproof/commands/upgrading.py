"""Commands that approve an upgrade: diff, upgrade, bisect, verify."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.application import AS_IT_STANDS, app
from logitproof.exit_codes import EXPECTED, UNEXPECTED

FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="regression|class|change|never", help="What fails. Default: as the policy says, or regression."
    ),
]


@app.command(epilog=AS_IT_STANDS + "Example: logitproof diff old.parquet new.parquet --json diff.json")
def diff(  # noqa: PLR0917  typer passes by name
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="The run to compare with.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="The run to judge.")],
    as_data: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the diff as JSON.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the summary as Markdown.")] = None,
    repeat: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="Another run of the baseline or candidate; tells noise from change."),
    ] = None,
    fail_on: FailOn = None,
) -> int:
    """Tell what changed between two runs, judged against the exact answer. Prints the verdict in ten lines."""
    from logitproof.comparison import compare_files, write_all
    from logitproof_reports.diff_ruling import rule
    from logitproof_reports.diff_verdict import verdict_lines

    found = compare_files(baseline, candidate, repeat or ())
    ruling = rule(found, fail_on or "regression")
    typer.echo("\n".join(verdict_lines(found, ruling)))
    write_all(found, ruling, as_data=as_data, summary=summary)
    return EXPECTED if ruling.safe else UNEXPECTED
