"""A project's lock file: found, read whichever tool wrote it, and evaluated for one Python version."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

import yaml
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from logitproof.environments.interpreters import PYTHONS, preferred
from logitproof.environments.lock_formats import format_of
from logitproof.environments.package_adapters import is_framework
from logitproof.environments.pins import Pins, Python
from logitproof.errors import UsageError
from logitproof_reports.runs.input_files import read_text

NAMES = (
    "uv.lock",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "Pipfile.lock",
    "conda-lock.yml",
    "requirements.txt",
    "environment.yml",
)
"""What a project's lock file is called, the one first that says most."""

GIT = "git:"
"""How a side begins that stands in a commit: ``git:main`` or ``git:main:FILE``."""

MOST_BYTES = 20_000_000
"""Largest size of a lock file; that of a large project has two million bytes."""

_INCLUDES = re.compile(r"^(?:-r|--requirement)[= ]\s*(\S+)\s*$", flags=re.MULTILINE)


def is_lock(side: str) -> bool:
    """Return whether a side of an upgrade names a lock file, here or in a commit."""
    return side.startswith(GIT) or Path(side).suffix in {".lock", ".toml", ".txt", ".yml", ".yaml"}


def read_lock(side: str, python: str = "") -> Pins:
    """Read the lock file that a side names.

    Where it pins other packages for other versions of Python, it is read for one: of those for which it pins the most
    frameworks the first that `interpreters.preferred` has.

    Parameters
    ----------
    side : str
        Its path, or ``git:COMMIT[:FILE]``.
    python : str
        The version of Python to read it for, such as ``3.8``; empty for the one described above.

    Raises
    ------
    UsageError
        There is none, it is not understood, or it is for other versions of Python.
    """
    name, text = _content(side)
    try:
        pins = _checked(_pinned(name, text, python))
    except RecursionError as error:
        raise UsageError(f"{side} is not understood as a lock file (too many levels)") from error
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ValueError) as error:  # of TOML and JSON too
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{side} is not understood as a lock file ({type(error).__name__}: {reason})") from error
    if not pins.packages:
        raise UsageError(f"{side} pins no package: pass a lock file, with an exact version of each package")
    return pins


def _pinned(name: str, text: str, python: str) -> Pins:
    form = format_of(name, text)
    content = form.parse(text)
    pythons = form.pythons(content)
    if python:
        if pythons and python not in pythons:
            raise UsageError(f"{name} is for Python {', '.join(pythons)}, not for {python}")
        pythons = (python,)
    found = {python: form.pins(content, Python(python)) for python in pythons or PYTHONS}
    first, *others = found.values()
    if all(one == first for one in others):
        return Pins(first.packages, pythons or first.pythons, first.left_out)
    numbers = {python: _judged(pins) for python, pins in found.items()}
    most = tuple(python for python, number in numbers.items() if number == max(numbers.values()))
    chosen = found[preferred(most)[0].version]
    alike = tuple(python for python in most if found[python] == chosen)
    return Pins(chosen.packages, alike, chosen.left_out)


def _judged(pins: Pins) -> int:
    """Return how many of the packages are frameworks, or NumPy."""
    return sum(is_framework(name) or name == "numpy" for name in pins.packages)


def _checked(pins: Pins) -> Pins:
    """Return pins whose names and versions are such: they become lines of what a resolver reads."""
    found, left_out = dict[str, str](), dict(pins.left_out)
    for name, version in pins.packages.items():
        try:
            canonicalize_name(name, validate=True)
            Version(version)
        except (InvalidName, InvalidVersion):
            left_out[name] = f"no release: {version!r:.40}"
        else:
            found[name] = version
    return Pins(found, pins.pythons, left_out)


def _content(side: str) -> tuple[str, str]:
    """Return name and text of a lock file."""
    if side.startswith(GIT):
        commit, _, file = side.removeprefix(GIT).partition(":")
        return _from_git(commit, file)
    path = Path(side)
    text = read_text(path, MOST_BYTES)
    return path.name, _included(text, path, (Path(os.path.realpath(path)),)) if path.suffix == ".txt" else text


def _from_git(commit: str, file: str) -> tuple[str, str]:
    listed = _git("ls-tree", "--name-only", "--end-of-options", commit, "./").split("\n")
    name = file or next((name for name in NAMES if name in listed), "")
    if not name:
        raise UsageError(f"{GIT}{commit} has none of {', '.join(NAMES)} in this folder: write {GIT}{commit}:FILE")
    return PurePosixPath(name).name, _git("show", "--end-of-options", f"{commit}:./{name}")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  the user's git
    except (OSError, ValueError) as error:  # no git, or a name that no argument can be
        raise UsageError(f"git cannot be run ({getattr(error, 'strerror', None) or error})") from error
    if ended.returncode:
        words = ended.stderr.decode(errors="replace").strip().splitlines() or ["failed"]
        raise UsageError(f"{' '.join(command)}: {words[-1]}")
    try:
        return ended.stdout.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{' '.join(command)}: its output is not UTF-8 text") from error


def lock_here() -> str:
    """Return the lock file of the project in this folder.

    Raises
    ------
    UsageError
        There is none.
    """
    found = next((name for name in NAMES if Path(name).is_file()), "")
    if not found:
        raise UsageError(f"there is none of {', '.join(NAMES)} in this folder: name the lock file with --to")
    return found


def _included(text: str, path: Path, within: tuple[Path, ...]) -> str:
    """Return a requirements file with the files that it names by ``-r`` in their place.

    Parameters
    ----------
    within : tuple of Path
        The files that it is a part of, itself the last.
    """

    def included(match: re.Match[str]) -> str:
        inner = path.parent / match[1]
        place = Path(os.path.realpath(inner))
        if place in within:
            raise UsageError(f"{path} includes itself (-r {match[1]}): remove that line")
        return _included(read_text(inner, MOST_BYTES), inner, (*within, place))

    whole = _INCLUDES.sub(included, text)
    if len(whole) > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES / 1e6:g} MB with what it includes")
    return whole
