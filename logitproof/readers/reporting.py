"""From run files to one page: read, merge, write the HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.ledger import REPORTS, report_files
from logitproof_reports.report.write import write_report
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.shards import merge_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from logitproof_reports.runs.folder import StoredRun
    from logitproof_reports.runs.schema import Run

    StrPath = str | os.PathLike[str]


def merged(run_files: Sequence[StrPath]) -> Run:
    """Read run files and join them into one run.

    Raises
    ------
    RunFileError
        One cannot be read, or they do not fit together.
    """
    runs = [read_run(path) for path in run_files]
    return runs[0] if len(runs) == 1 else merge_whole(runs)


def report(run_files: Sequence[StrPath], page: StrPath = "report.html", earlier: Sequence[StoredRun] = ()) -> Run:
    """Write one self-contained HTML page about one or several run files.

    Parameters
    ----------
    run_files : sequence of paths
        Run files, or journals of interrupted runs.
    page : path
        The HTML file to write.
    earlier : sequence of StoredRun
        Earlier runs, as `runs.folder.runs_within` returns them: each framework's counts get a trend.

    Returns
    -------
    Run
        All of them as one run.

    Raises
    ------
    RunFileError
        A run file cannot be read, they do not fit together, or the page cannot be written.
    """
    run = merged(run_files)
    texts = {f"{REPORTS}/{path.name}": path.read_text(encoding="utf-8") for path in report_files()}
    write_report(run, page, texts, earlier)
    return run
