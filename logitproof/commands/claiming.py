"""The command that checks claims of tutorials: claims."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import Annotated

import typer

from logitproof.commands.app import AS_IT_STANDS, Frameworks, app
from logitproof.errors import EXPECTED
from logitproof.output import complain, echo, echo_json


@app.command(epilog=AS_IT_STANDS + "Example: logitproof claims --framework torch")
def claims(
    framework: Frameworks = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write the claims as a Markdown page.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results of the frameworks as JSON.")] = False,
) -> int:
    """Check common claims of tutorials. Prints for each whether it is true, with the numbers."""
    from logitproof.readers.claims import ask_all, installed_frameworks
    from logitproof.readers.claims_text import text_of_claims
    from logitproof_adapters.catalogue.registry import left_out
    from logitproof_reference.claims.catalogue import CATALOGUE
    from logitproof_reports.report.claims_markdown import markdown_of_claims
    from logitproof_reports.runs.whole_files import refuse_unwritable, write_text_atomically

    refuse_unwritable([output])
    for line in () if framework else left_out():
        complain(line)
    answers = list(ask_all(framework or installed_frameworks()))
    if as_json:
        echo_json({one.framework: one.to_data() for one in answers}, indent=1)
    else:
        echo(text_of_claims(CATALOGUE, answers))
    if output is not None:
        write_text_atomically(output, markdown_of_claims(CATALOGUE, answers))
    return EXPECTED
