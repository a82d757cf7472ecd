"""Isolated environments that contain only frameworks, made by uv and kept for reuse."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.environments import uv_command as uv_tool
from logitproof.environments.cache import LOCK, environments_folder, hold_cache
from logitproof.environments.resolver import build_options
from logitproof.environments.uv_command import UnbuildableEnvironment, uv_environment

if TYPE_CHECKING:
    from logitproof.environments.resolver import Locked


@dataclass(frozen=True)
class BuiltEnvironment:
    """An environment that is there."""

    locked: Locked
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def build(locked: Locked) -> BuiltEnvironment:
    """Make the environment of a lock, or return it where it is there from before and whole.

    It is made beside its place and put there whole, so that no other process ever finds half of it.

    Raises
    ------
    UnbuildableEnvironment
        uv cannot make it, or the disk is full.
    UsageError
        The cache cannot be written.
    """
    hold_cache()
    folder = environments_folder() / locked.key
    built = BuiltEnvironment(locked, folder)
    if is_whole(built):
        with suppress(OSError):
            (folder / LOCK).touch()
        return built
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", ignore_cleanup_errors=True) as place:
            made = Path(place) / locked.key
            _make(BuiltEnvironment(locked, made))
            _put(made, built, Path(place) / "damaged")
    except OSError as error:
        raise UnbuildableEnvironment(f"{folder}: {error.strerror or error}") from error
    return built


def is_whole(environment: BuiltEnvironment) -> bool:
    """Return whether an environment is there and runs, and no file of its packages is missing or cut short."""
    lock = environment.folder / LOCK
    try:
        if lock.read_text(encoding="utf-8") != _lock_of(environment.locked):
            return False
        asked = [str(environment.python), "-I", "-c", _COUNT_DAMAGED]
        ended = subprocess.run(  # noqa: S603  our own interpreter
            asked, capture_output=True, text=True, errors="replace", check=False, env=uv_environment()
        )
    except (OSError, ValueError):
        return False
    # The build, such as +cpu, is uv's choice.
    found = {line.partition("+")[0] for line in ended.stdout.split()}
    return ended.returncode == 0 and found.issuperset(line.partition("+")[0] for line in environment.locked.lines)


_COUNT_DAMAGED = """
import re, sys
from importlib.metadata import distributions
for one in distributions():
    files = [file for file in one.files or () if file.size is not None]
    if any(not file.locate().is_file() or file.locate().stat().st_size < file.size for file in files):
        sys.exit(1)
    print(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower() + "==" + one.version)
"""
"""Prints every package of an interpreter with its version, and fails where a file of one is missing or cut short."""


def _put(made: Path, environment: BuiltEnvironment, aside: Path) -> None:
    """Put an environment into its place; what stands there is left where another process has put it there meanwhile."""
    if is_whole(environment):
        return
    if environment.folder.is_symlink() or environment.folder.exists():
        environment.folder.rename(aside)
    made.rename(environment.folder)


def _make(environment: BuiltEnvironment) -> None:
    locked = environment.locked
    _make_empty(environment)
    options = ["--no-deps", "--python", str(environment.python)]
    options += build_options(locked.torch_backend, locked.only_binary)
    uv_tool.call("pip", "install", *options, "-r", "-", text="\n".join(locked.lines))
    (environment.folder / LOCK).write_text(_lock_of(locked), encoding="utf-8")


def _lock_of(locked: Locked) -> str:
    return "\n".join([f"# {locked.title}", *locked.lines, ""])


def _make_empty(environment: BuiltEnvironment) -> None:
    """Make an environment without packages; uv fetches the Python where it is not here.

    Raises
    ------
    UnbuildableEnvironment
        It cannot be made.
    """
    interpreter = environment.locked.interpreter
    try:
        uv_tool.call("venv", "--relocatable", "--python", interpreter.selector, str(environment.folder))
    except UnbuildableEnvironment as problem:
        if interpreter.path:
            raise
        raise UnbuildableEnvironment(
            f"Python {interpreter.version} is not installed (nothing of uv's, pyenv's or conda's), and could not be "
            f"fetched: install it, e.g. with uv python install {interpreter.version}\n{problem}"
        ) from problem
