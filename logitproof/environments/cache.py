"""The cache of environments: its location, its size, and how it is cleared."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.filesize import decimal

from logitproof.errors import UsageError
from logitproof_reference.answers.cache_folder import ANSWERS, CACHE_VARIABLE, COMPILED, cache_folder
from logitproof_reports.runs.whole_files import remove
from logitproof_reports.words.text import plural

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "lock.txt"
"""File of an environment with its packages; its first line says what was asked for, its date when it was last used."""

_DAY = 86_400.0


@dataclass(frozen=True)
class Kept:
    """An environment that is kept: its folder, what was asked for, its size in bytes, and days since it was used."""

    folder: Path
    title: str
    size: int
    idle: float

    @property
    def line(self) -> str:
        """All of it in a line, e.g. ``  1.2 GB   3 days  jax 0.10.2  FOLDER``."""
        return f"{decimal(self.size):>9}  {plural(int(self.idle), 'day'):>8}  {self.title}  {self.folder}"


def environments_folder() -> Path:
    """Return where in it environments are."""
    return cache_folder() / "environments"


def hold_cache() -> None:
    """Let no other process clear the cache until this one ends, and find out whether it can be written.

    Raises
    ------
    UsageError
        It cannot be written, or is being cleared.
    """
    with _unusable_cache_in_one_line("written"):
        environments_folder().mkdir(parents=True, exist_ok=True)
        _lock(shared=True)


def kept(idle: float = 0.0) -> list[Kept]:
    """Return the environments that were not used for `idle` days or longer, the one used last first.

    Those that are being made are not among them.

    Raises
    ------
    UsageError
        The cache cannot be read.
    """
    with _unusable_cache_in_one_line("read"):
        found = [
            Kept(path.parent, _title(path), size_of(path.parent), (time.time() - path.lstat().st_mtime) / _DAY)
            for path in _locks()
        ]
    return sorted((one for one in found if one.idle >= idle), key=lambda one: one.idle)


def clear(idle: float = 0.0) -> None:
    """Remove what `kept` returns; with 0 days also exact answers, compiled programs, and what was left half made.

    Raises
    ------
    UsageError
        Another process uses the cache, or something cannot be removed.
    """
    if not cache_folder().exists():
        return
    with _unusable_cache_in_one_line("cleared"):
        _lock(shared=False)
        everything = [environments_folder(), cache_folder() / COMPILED, cache_folder() / ANSWERS]
        for folder in [one.folder for one in kept(idle)] if idle else everything:
            with suppress(FileNotFoundError):  # another process removes what it replaces
                remove(folder)
        _release()


def sentence() -> str:
    """Return how much is kept where, and how it goes, in a line."""
    with _unusable_cache_in_one_line("read"):
        number = plural(len(_locks()), "environment")
    return f"{cache_folder()} holds {number}, {decimal(size_of(cache_folder()))}; logitproof cache --clear removes them"


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, each counted once: environments share theirs by hard links."""
    found = [status for place, _, names in os.walk(folder) for name in names if (status := _status(Path(place, name)))]
    return sum({(one.st_dev, one.st_ino): one.st_size for one in found}.values())


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # it went just now
        return None


def _locks() -> list[Path]:
    """Return the file `LOCK` of every environment that was made to its end."""
    folder = environments_folder()
    return [path for path in folder.glob(f"[!.]*/{LOCK}") if path.is_file()] if folder.exists() else []


_HELD: dict[Path, int] = {}
"""The caches that this process holds, each with a handle of the file that is locked."""


def _lock(*, shared: bool) -> None:
    """Lock the cache: shared by all that use it, or for whoever clears it alone."""
    folder = cache_folder()
    if folder not in _HELD:
        place = folder / "in-use.lock"
        if place.is_dir() or place.is_symlink():  # no file of ours
            remove(place)
        _HELD[folder] = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if fcntl is not None:
            fcntl.flock(_HELD[folder], (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        _release()
        doing = "cleared" if shared else "used"
        raise UsageError(f"{folder} is being {doing} by another process: wait for it") from None
    except OSError:  # a file system without locks
        pass


def _release() -> None:
    os.close(_HELD.pop(cache_folder()))


@contextmanager
def _unusable_cache_in_one_line(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise UsageError(
            f"{cache_folder()} cannot be {doing} ({why}): set {CACHE_VARIABLE} to another folder"
        ) from error


def _title(path: Path) -> str:
    first, *_ = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    return first.removeprefix("# ")[:200]
