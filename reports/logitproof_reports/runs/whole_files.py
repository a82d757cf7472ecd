"""Atomic writing of files: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .input_files import stat_of
from .schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def write_atomically(target: Path) -> Iterator[Path]:
    """Yield a temporary place that becomes `target` at the end, and vanishes where writing fails.

    Where `target` is a link, the file that it leads to is written.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    with _unwritable_in_one_line(target):
        place = _place_of(target)
        temporary = _beside(place)
        try:
            yield temporary
            temporary.replace(place)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_text_atomically(target: str | os.PathLike[str], text: str) -> None:
    """Write a text with line feeds, whole or not at all; raises as `write_atomically`."""
    with write_atomically(Path(target)) as place:
        place.write_text(text, encoding="utf-8", newline="\n")


def refuse_unwritable(targets: Iterable[Path | None]) -> None:
    """Find out before anything is computed whether files can be written; None among them is none.

    Raises
    ------
    RunFileError
        One cannot.
    """
    for target in filter(None, targets):
        with _unwritable_in_one_line(target):
            temporary = _beside(_place_of(target))
            temporary.touch()
            temporary.unlink()


def append(target: Path, text: str) -> None:
    """Append text to a file, such as the summary of a CI job; it is made where it is not there.

    Raises
    ------
    RunFileError
        It cannot be written, or is not a regular file.
    """
    with _unwritable_in_one_line(target):
        _place_of(target)
        with target.open("a", encoding="utf-8") as file:
            file.write(text)


def remove(path: Path) -> None:
    """Remove a file, a folder with all in it, or a link and not what it leads to; nothing is fine too.

    Raises
    ------
    OSError
        It cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _place_of(target: Path) -> Path:
    """Return where `target` leads to; its folder is made. A file takes the place of no folder, device or pipe."""
    place = Path(os.path.realpath(target))
    found = stat_of(place)
    if found and not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise RunFileError(f"{target} cannot be written (it is {what}): pass the path of a file")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _beside(place: Path) -> Path:
    """Return a temporary place in the same folder, of a name that is short however long the other's is."""
    return place.with_name(f".{hashlib.sha256(place.name.encode(errors='replace')).hexdigest()[:12]}.{os.getpid()}.tmp")


@contextmanager
def _unwritable_in_one_line(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise RunFileError(f"{target} cannot be written ({why}): choose another path") from error
