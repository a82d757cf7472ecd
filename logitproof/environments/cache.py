"""Where environments are kept, how much they take, and how they go."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from logitproof_reference.answers.place import ANSWERS, cache_folder
from logitproof_reports.counting.verdict import plural

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


def kept(idle: float = 0.0) -> list[Kept]:
    """Return the environments that were not used for `idle` days or longer, the one used last first.

    Those that are being made are not among them.
    """
    found = [
        Kept(path.parent, _title(path), size_of(path.parent), (time.time() - path.stat().st_mtime) / _DAY)
        for path in environments_folder().glob(f"[!.]*/{LOCK}")
    ]
    return sorted((one for one in found if one.idle >= idle), key=lambda one: one.idle)


def clear(idle: float = 0.0) -> None:
    """Remove what `kept` returns; with 0 days also Logitproof's own wheels, exact answers, and what is half made."""
    everything = [environments_folder(), cache_folder() / "wheels", cache_folder() / ANSWERS]
    for folder in [one.folder for one in kept(idle)] if idle else everything:
        shutil.rmtree(folder, ignore_errors=True)


def sentence() -> str:
    """Return how much is kept where, and how it goes, in a line."""
    number = plural(len(list(environments_folder().glob(f"[!.]*/{LOCK}"))), "environment")
    return f"{cache_folder()} holds {number}, {decimal(size_of(cache_folder()))}; logitproof cache --clear removes them"


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, each counted once: environments share theirs by hard links."""
    found = [Path(place, name).lstat() for place, _, names in os.walk(folder) for name in names]
    return sum({(one.st_dev, one.st_ino): one.st_size for one in found}.values())


def _title(path: Path) -> str:
    first, *_ = path.read_text(encoding="utf-8").splitlines() or [""]
    return first.removeprefix("# ")
