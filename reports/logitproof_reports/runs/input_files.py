"""Input files: read whole, only regular files, within a limit; every refusal is one line."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    StrPath = str | os.PathLike[str]

MOST_BYTES = 60_000_000
"""Largest file that is read at once: ten times the largest run file seen."""

_KINDS = {
    stat.S_IFDIR: "is a directory: pass the path of a file in it",
    stat.S_IFIFO: "is a pipe: pass the path of a file",
    stat.S_IFSOCK: "is a socket: pass the path of a file",
    stat.S_IFCHR: "is a device: pass the path of a file",
    stat.S_IFBLK: "is a device: pass the path of a file",
}

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def stat_of(path: StrPath) -> os.stat_result | None:
    """Return what the system says of a path; None if nothing is there.

    Raises
    ------
    RunFileError
        The path cannot be followed: too long, a loop of links, a folder that may not be searched.
    """
    try:
        return Path(path).stat()
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise _cannot_be_read(path, error) from error
    except ValueError as error:  # a path with a null character
        raise RunFileError(f"{path} cannot be read ({error}): check the path") from error


def read_whole(path: StrPath, limit: int = MOST_BYTES) -> bytes:
    """Return a regular file's bytes, all from the same file even where another takes its place meanwhile.

    Raises
    ------
    RunFileError
        It cannot be read, is not a regular file, or is larger than `limit`.
    """
    with opened(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise too_large(path, limit)
    return content


def too_large(path: StrPath, limit: int) -> RunFileError:
    """Return what is raised of a file that is larger than `limit`."""
    return RunFileError(f"{path} is larger than {limit / 1e6:g} MB: it is not such a file, or cut it into parts")


def read_text(path: StrPath, limit: int = MOST_BYTES) -> str:
    """Return a regular file's text.

    Raises
    ------
    RunFileError
        As `read_whole`, or it is not UTF-8.
    """
    try:
        return read_whole(path, limit).decode()
    except UnicodeDecodeError as error:
        raise RunFileError(f"{path} is not UTF-8 text: pass the path of a text file") from error


@contextmanager
def opened(path: StrPath) -> Iterator[BinaryIO]:
    """Open a regular file to read it.

    Raises
    ------
    RunFileError
        It cannot be read, or is not a regular file.
    """
    try:
        with open(path, "rb", opener=opener_of_regular_files) as file:
            yield file
    except OSError as error:
        raise _cannot_be_read(path, error) from error
    except ValueError as error:  # a path with a null character
        raise RunFileError(f"{path} cannot be read ({error}): check the path") from error


def opener_of_regular_files(path: str, flags: int) -> int:
    """Open a regular file, and nothing else: to open a pipe whose other end is not open waits for that."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    kind = stat.S_IFMT(os.fstat(handle).st_mode)
    if kind == stat.S_IFREG:
        return handle
    os.close(handle)
    raise RunFileError(f"{path} {_KINDS.get(kind, 'is not a regular file: pass the path of a file')}")


def _cannot_be_read(path: StrPath, error: OSError) -> RunFileError:
    return RunFileError(f"{path} cannot be read ({error.strerror or error}): check the path")
