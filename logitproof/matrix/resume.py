"""How an interrupted run is resumed: the folder of its parts, locked by one run, and the journals in it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from logitproof.errors import UsageError
from logitproof.matrix.requests import REQUEST, keep_request, refuse_another_request
from logitproof_conformance.session.framework_run import identity_of
from logitproof_reports.runs.journal import is_begun, resume_point
from logitproof_reports.runs.run_file import journal_of
from logitproof_reports.runs.whole_files import remove

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from logitproof_conformance.session.framework_run import FrameworkRun
    from logitproof_reports.runs.journal import ResumePoint

LOCK = "lock"
"""The file, beside its parts, that a run holds while it is in progress."""


@contextmanager
def parts_beside(target: Path, request: dict[str, Any], *, resume: bool) -> Iterator[Path]:
    """Yield the folder for the parts of a run file, which no other run uses meanwhile."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder: pass the path of the run file with -o")
    parts = parts_of(target)
    if resume and not (parts / REQUEST).is_file():
        raise UsageError(f"there is no interrupted run at {parts}: omit --resume")
    try:
        parts.mkdir(parents=True, exist_ok=True)
        lock = os.open(parts / LOCK, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}): choose another path with -o") from error
    try:
        _hold(lock, target)
        if resume:
            refuse_another_request(parts, request, "run")
        else:
            _empty(parts)
            keep_request(parts, request)
        yield parts
    finally:
        os.close(lock)


def _hold(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        raise UsageError(
            f"another run (process {owner}) is writing {target}: wait for it, or pass another -o"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode("ascii"), 0)


def _empty(parts: Path) -> None:
    for old in parts.iterdir():
        if old.name != LOCK:
            remove(old)


def parts_of(target: Path) -> Path:
    """Return the folder in which the parts of a run file lie while it is made."""
    return target.with_name(target.name + ".parts")


def left_behind(framework: str, part: Path, run: FrameworkRun) -> ResumePoint | None:
    """Return where an earlier process stopped in this run of a framework; None if it had not begun."""
    if not is_begun(journal_of(part)):
        return None
    before = resume_point(journal_of(part))
    if identity_of(before.header) != run.identity:
        raise UsageError(
            f"the interrupted run judged another release, profile or case set of {framework}: omit --resume"
        )
    return before
