"""The page of a diff: one self-contained file that opens from disk, without network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .diff_page import diff_page, legend
from .render import rendered
from .writing import written_whole

if TYPE_CHECKING:
    import os

    from .diff import Diff
    from .diff_ruling import Ruling


def write_diff_page(diff: Diff, ruling: Ruling, path: str | os.PathLike[str]) -> None:
    """Write the page of a diff, whole or not at all.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    assets = ("style.css", "diff.css"), ("table.js", "diff.js")
    text = rendered("diff.html.j2", *assets, page=diff_page(diff, ruling), legend=legend())
    with written_whole(Path(path)) as place:
        place.write_text(text, encoding="utf-8", newline="\n")
