"""The HTML report: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .page import page_of
from .render import rendered
from .writing import written_whole

if TYPE_CHECKING:
    import os

    from .page_model import Page
    from .schema import Run


def write_report(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the report on a run, whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    text = render(page_of(run))
    with written_whole(Path(path)) as place:
        place.write_text(text, encoding="utf-8", newline="\n")


def render(page: Page) -> str:
    """Return the page as HTML; every string of the page is escaped."""
    return rendered(
        "report.html.j2", ("style.css",), ("table.js", "exact.js", "explorer.js", "pages.js", "script.js"), page=page
    )
