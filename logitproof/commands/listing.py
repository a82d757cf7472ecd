"""Commands that list recorded facts without running a framework: findings, dialects."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, app
from logitproof.errors import EXPECTED, UsageError
from logitproof.output import echo, echo_json

Frameworks = Annotated[
    list[str] | None, typer.Option("--framework", metavar="NAME", help="A known framework; repeatable. Default: all.")
]

EFFECTS = (
    AS_IT_STANDS
    + """Sorted by effect, the most severe first:
  undefined   memory outside the arrays is read or written; the result may be anything
  silent      a wrong finite number, or invalid input accepted, with no indication
  not-finite  NaN or infinity where a finite number is expected, or NaN instead of infinity and vice versa
  no-answer   an error, a hang or a crash (including one from corrupted memory) where a result is expected
  inaccurate  a larger error than rounding explains; at least two digits are right
  form        wrong number format or shape; the numbers are right

"""
    + AS_IT_STANDS
    + """Examples:
  logitproof findings --framework torch
  logitproof findings run.parquet --markdown
  logitproof findings --text mlx-log-softmax-one-class"""
)


@app.command(epilog=EFFECTS)
def findings(
    run_files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="Run files. Default: the ledgers of known deviations."),
    ] = None,
    framework: Frameworks = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Print each finding in full. Default: one line per finding.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    text: Annotated[str, typer.Option(metavar="NAME", help="Print the bug report of a finding, ready to file.")] = "",
) -> int:
    """List known deviations by their effect. They come from the ledgers, or from run files."""
    from logitproof.commands.tables import console
    from logitproof.readers.findings import findings_of_ledgers, findings_of_run
    from logitproof.readers.findings_text import (
        brief_table,
        headline,
        left_out,
        markdown_of_findings,
        tables_of_findings,
    )
    from logitproof.readers.gate import exit_code
    from logitproof.readers.reporting import merged

    if text:
        echo(_text_to_file(text))
        return EXPECTED
    run = merged(run_files) if run_files else None
    found = findings_of_run(run, framework or ()) if run else findings_of_ledgers(framework or ())
    if as_json:
        echo_json([asdict(one) for one in found])
    elif markdown:
        echo(markdown_of_findings(found))
    else:
        echo(headline(found))
        for table in tables_of_findings(found) if full else [brief_table(found)] if found else []:
            console().print(table)
        if found and not full:
            echo(left_out(found))
    return exit_code(run) if run else EXPECTED


def _text_to_file(name: str) -> str:
    from logitproof_adapters.catalogue.ledger import REPORTS, report_file, report_files

    place = report_file(f"{REPORTS}/{name.removeprefix(f'{REPORTS}/').removesuffix('.md')}.md")
    if place is None:
        known = [path.stem for path in report_files()]
        near = get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"logitproof findings lists all {len(known)}"
        raise UsageError(f'there is no bug report "{name}"; {hint}')
    return place.read_text(encoding="utf-8").rstrip()


@app.command(epilog=AS_IT_STANDS + "Example: logitproof dialects --framework torch --framework optax")
def dialects(
    framework: Frameworks = None,
    *,
    brief: Annotated[
        bool, typer.Option("--brief", help="Only class indices, and the options that differ most often.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare what the options of losses mean. Prints them side by side, as the frameworks document them."""
    from logitproof.commands.tables import console
    from logitproof.readers.dialects import (
        for_terminal,
        markdown_of_dialects,
        stated_dialects,
        table_in_brief,
        tables_of_dialects,
    )

    stated = stated_dialects(framework or ())
    if framework and not stated:
        raise UsageError(
            f"no dialect is documented for {' and '.join(framework)}: only frameworks with losses have one"
        )
    tables = [table_in_brief(stated)] if brief else tables_of_dialects(stated)
    if as_json:
        echo_json(stated)
    elif markdown:
        echo(markdown_of_dialects(tables))
    else:
        for table in tables:
            console().print(for_terminal(table))
    return EXPECTED
