"""From a folder of run files to their history: read, compare, write the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.history.compute import history_of
from logitproof_reports.history.page import write_history_page
from logitproof_reports.runs.folder import runs_within

if TYPE_CHECKING:
    import os

    from logitproof_reports.history.compute import History

    StrPath = str | os.PathLike[str]


def history(folder: StrPath, page: StrPath = "history.html") -> History:
    """Compute how each framework's cells changed from release to release, and write the page.

    Parameters
    ----------
    folder : path
        Holds run files, in itself or in folders within it.
    page : path
        The HTML file to write.

    Returns
    -------
    History
        Releases by framework, oldest first.

    Raises
    ------
    RunFileError
        It is no folder, no run file in it can be read, or the page cannot be written.
    """
    found = history_of(*runs_within(folder))
    write_history_page(found, page)
    return found
