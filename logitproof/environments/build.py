"""Isolated environments that hold frameworks alone, made by uv and kept for the next time."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.environments import uv_command as uv_tool
from logitproof.environments.cache import LOCK, environments_folder
from logitproof.environments.locks import build_options
from logitproof.environments.uv_command import UnbuildableEnvironment

if TYPE_CHECKING:
    from logitproof.environments.locks import Locked


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
    """Make the environment of a lock, or return it where it is there from before.

    It is made beside its place and put there whole, so that no other process ever finds half of it.

    Raises
    ------
    UnbuildableEnvironment
        uv cannot make it.
    """
    folder = environments_folder() / locked.key
    built = BuiltEnvironment(locked, folder)
    if (folder / LOCK).exists():
        (folder / LOCK).touch()
        return built
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".", ignore_cleanup_errors=True) as place:
        made = Path(place) / locked.key
        _make(BuiltEnvironment(locked, made))
        if not folder.exists():
            made.rename(folder)
    return built


def _make(environment: BuiltEnvironment) -> None:
    locked = environment.locked
    _make_empty(environment)
    options = ["--no-deps", "--python", str(environment.python)]
    options += build_options(locked.torch_backend, locked.only_binary)
    uv_tool.call("pip", "install", *options, "-r", "-", text="\n".join(locked.lines))
    (environment.folder / LOCK).write_text("\n".join([f"# {locked.title}", *locked.lines, ""]), encoding="utf-8")


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
