"""A project's settings: ``logitproof.toml``, or ``pyproject.toml`` under ``[tool.logitproof]``."""

from __future__ import annotations

import os
import stat
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

OWN, PROJECT = "logitproof.toml", "pyproject.toml"

MOST_BYTES = 1_000_000
"""Largest size of a settings file."""


class SettingsError(ValueError):
    """A file of settings cannot be read, or is no TOML; the message is one line."""


def settings_of(path: Path) -> dict[str, Any]:
    """Return what a file of settings says.

    Raises
    ------
    SettingsError
        It cannot be read, is not a regular file, is too large, is no TOML, or has no table where ours should be.
    """
    found = _parsed(path)
    for name in ("tool", "logitproof") if path.name == PROJECT else ():
        found = found.get(name, {}) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: [tool.logitproof] is not a table")
    return found


def files_in(folder: Path) -> list[Path]:
    """Return the files of settings that a folder has; a link that leads nowhere is one, which cannot be read."""
    return [path for name in (OWN, PROJECT) if os.path.lexists(path := folder / name)]


def _parsed(path: Path) -> Any:
    try:
        return tomllib.loads(_content(path).decode())
    except FileNotFoundError as error:
        raise SettingsError(f"{path} does not exist: pass a TOML file") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror or error}): check the path") from error
    except RecursionError as error:
        raise SettingsError(f"{path} is not valid TOML (too many levels)") from error
    except ValueError as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{path} is not valid TOML ({str(error).partition(chr(10))[0]})") from error


def _content(path: Path) -> bytes:
    with open(path, "rb", opener=_regular) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{path} is larger than {MOST_BYTES / 1e6:g} MB: it is not a settings file")
    return content


def _regular(path: str, flags: int) -> int:
    """Open a regular file, and nothing else: to open a pipe waits for its other end."""
    handle = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    raise SettingsError(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}: pass a TOML file")
