"""The files that `logitproof report` writes besides the page: for CI, code scanning and a README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reports.exports.accuracy_grades import accuracy_grades
from logitproof_reports.exports.badge import badge
from logitproof_reports.exports.junit import junit
from logitproof_reports.exports.sarif import sarif
from logitproof_reports.exports.summary import markdown
from logitproof_reports.runs.whole_files import write_text_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from logitproof_reports.runs.schema import Run

WRITERS: dict[str, Callable[[Run], str]] = {
    "junit": junit,
    "summary": markdown,
    "sarif": sarif,
    "badge": badge,
    "grades": accuracy_grades,
}
"""What each kind of file holds."""


def write_files(run: Run, places: Mapping[str, Path | None]) -> None:
    """Write each kind of file that has a place.

    Raises
    ------
    RunFileError
        A place cannot be written.
    """
    for kind, place in places.items():
        if place is not None:
            write_text_atomically(place, WRITERS[kind](run))
