"""The HTML report: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.html.render import ROW_TABLE, rendered
from logitproof_reports.runs.whole_files import write_text_atomically

from .build import page_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from logitproof_reports.runs.folder import StoredRun
    from logitproof_reports.runs.schema import Run

    from .model import Page


SCRIPTS = (
    *("exact", "algorithms", "explorer", "recorded", "alike", "compare", "pages"),
    *("sort_judgements", "judgements_table", "start"),
)
"""What the page's script is made of behind the table of rows, in order."""


def write_report(
    run: Run,
    path: str | os.PathLike[str],
    texts: Mapping[str, str] | None = None,
    stored: Sequence[StoredRun] = (),
) -> None:
    """Write the report on a run, whole or not at all; `texts` and `stored` as `page_of` takes them.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    text = render(page_of(run, texts, stored))
    write_text_atomically(path, text)


def render(page: Page) -> str:
    """Return the page as HTML; every string of the page is escaped."""
    return rendered(
        "report/report.html.j2",
        ("style.css",),
        (*ROW_TABLE, *(f"report/{name}.js" for name in SCRIPTS)),
        page=page,
    )
