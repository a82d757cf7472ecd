"""The run files of a folder, for a history or a trend."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .input_files import stat_of
from .run_file import read_run
from .schema import RunFileError

if TYPE_CHECKING:
    import os

    from .schema import Run

PARTS = ".parts"
"""How the folders end in which runs under way keep what they have so far."""


@dataclass(frozen=True)
class StoredRun:
    """A run, the name of its file within the folder, and when it was made, in seconds since 1970.

    Of a run that does not record it, that is when its file was last written.
    """

    name: str
    written: float
    run: Run


def runs_within(folder: str | os.PathLike[str]) -> tuple[list[StoredRun], list[str]]:
    """Read every run file of a folder and the folders within it; return them, and why others could not be read.

    Raises
    ------
    RunFileError
        It is no folder, or no run file in it can be read.
    """
    place = Path(folder)
    found = stat_of(place)
    if not found or not stat.S_ISDIR(found.st_mode):
        what = "is a file" if found else "does not exist"
        raise RunFileError(f"{place} {what}: pass a folder that contains run files")
    stored: list[StoredRun] = []
    skipped: list[str] = []
    for path in sorted(place.rglob("*.parquet")):
        if any(parent.name.endswith(PARTS) for parent in path.parents):
            continue
        try:
            written = stat_of(path)
            if written and not stat.S_ISDIR(written.st_mode):
                run = read_run(path)
                stored.append(StoredRun(str(path.relative_to(place)), _made(run, written.st_mtime), run))
        except RunFileError as error:
            skipped.append(str(error))
    if not stored:
        why = f"; {skipped[0]}" if skipped else ", which `logitproof run -o NAME.parquet` writes"
        raise RunFileError(f"{place} holds no run file that can be read{why}")
    return stored, skipped


def _made(run: Run, written: float) -> float:
    return min((origin.began for origin in run.origins), default=written)
