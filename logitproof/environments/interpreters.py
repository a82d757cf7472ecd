"""Interpreters for environments: installed ones are preferred to downloads."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from logitproof.environments import uv_command
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof_reports.runs.input_files import read_text
from logitproof_reports.runs.schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHONS = tuple(f"3.{minor}" for minor in range(8, 15))
"""Versions of Python in which a framework can be evaluated, oldest first; Logitproof itself runs elsewhere."""

MOST_BYTES_OF_A_LIST = 1_000_000

_VERSION = re.compile(r"(\d+\.\d+)\.\d+$")
_MINOR = re.compile(r"python-(\d+\.\d+)\.\d+-")


@dataclass(frozen=True)
class Interpreter:
    """A version of Python, and where it is; `path` is empty where uv would have to fetch it."""

    version: str
    path: str = ""

    @property
    def selector(self) -> str:
        """The argument for uv."""
        return self.path or self.version


def preferred(versions: tuple[str, ...] = PYTHONS) -> list[Interpreter]:
    """Return an interpreter for each version: the own one, then those that are here, then those to be fetched.

    Among equals older ones come first, the newest of them before the others: what a release needs is more often an
    older Python than a newer one.
    """
    own, here = own_version(), installed()
    order = sorted(versions, key=lambda version: (version != own, version not in here, *_distance(version, own)))
    return [Interpreter(version, here.get(version, "")) for version in order]


def refuse_unknown_version(version: str) -> None:
    """Refuse a version of Python in which no framework can be evaluated; an empty one is none.

    Raises
    ------
    UsageError
        It is not of `PYTHONS`.
    """
    if version and version not in PYTHONS:
        raise UsageError(f'"{version}" is not a Python version that is tested: {PYTHONS[0]} to {PYTHONS[-1]}')


def own_version() -> str:
    """Return the version of the Python that runs this process, e.g. ``3.11``."""
    return "{}.{}".format(*sys.version_info[:2])


def _distance(version: str, own: str) -> tuple[bool, int]:
    minor, mine = (int(text.partition(".")[2]) for text in (version, own))
    return minor > mine, abs(minor - mine)


@cache
def installed() -> dict[str, str]:
    """Return the path of an interpreter for each version that is here; the own one before others of its version."""
    found = {own_version(): sys.executable}
    for version, path in (*_known_to_uv(), *_of_pyenv(), *_of_conda()):
        found.setdefault(version, path)
    return found


def _known_to_uv() -> Iterator[tuple[str, str]]:
    try:
        listed = json.loads(uv_command.call("python", "list", "--only-installed", "--output-format", "json"))
    except (UnbuildableEnvironment, ValueError):
        return
    for one in listed:
        match = _VERSION.match(str(one.get("version", "")))
        if match and one.get("implementation") == "cpython" and one.get("variant", "default") == "default":
            yield match[1], str(one["path"])


def _of_pyenv() -> Iterator[tuple[str, str]]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted(root.glob("versions/*"), reverse=True):
        match = _VERSION.match(folder.name)
        if match and (folder / "bin/python").is_file():
            yield match[1], str(folder / "bin/python")


def _of_conda() -> Iterator[tuple[str, str]]:
    """Yield the interpreters of conda's environments, of which it keeps a list."""
    try:
        folders = read_text(Path.home() / ".conda/environments.txt", MOST_BYTES_OF_A_LIST).split("\n")
    except RunFileError:
        return
    for folder in filter(None, folders):
        for record in sorted(Path(folder).glob("conda-meta/python-[23].*.json")):
            match = _MINOR.match(record.name)
            if match and (Path(folder) / "bin/python").is_file():
                yield match[1], str(Path(folder) / "bin/python")
