"""The page of a diff: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.html.render import ROW_TABLE, rendered
from logitproof_reports.runs.whole_files import write_text_atomically

from .page import diff_page, legend

if TYPE_CHECKING:
    import os

    from .report import DiffReport


def write_diff_page(report: DiffReport, path: str | os.PathLike[str]) -> None:
    """Write the page of a diff, whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    assets = ("style.css", "diff/diff.css"), (*ROW_TABLE, "diff/diff.js")
    text = rendered("diff/diff.html.j2", *assets, page=diff_page(report), legend=legend())
    write_text_atomically(path, text)
