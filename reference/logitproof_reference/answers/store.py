"""Arrays on disk by name: bounded in size, safe under concurrent writers, and verified by digest.

A file is one array as NumPy writes it (`numpy.load` reads it), followed by a digest of its name and of all before. It
is written beside its place and moved there, so that nobody sees half of it; a damaged, cut or misplaced one counts as
missing. Where the folder cannot be written nothing is kept: a store saves time and decides nothing.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import tempfile
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .content import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_reference.vocabulary.formats import F64

LARGEST = 1 << 30
"""Bytes that a store takes by default."""

_KEPT_SHARE = 0.75
"""How full a store is once the oldest are gone: less often than at every write."""

_SUFFIX = ".npy"
_UNFINISHED = ".part"


class Store:
    """A folder of arrays.

    Parameters
    ----------
    folder : Path
        Made at the first write.
    largest : int
        Bytes to hold at most; past them those used longest ago are removed.
    """

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self.folder = folder
        self.largest = largest
        self._held: int | None = None

    def read(self, name: str) -> F64 | None:
        """Return the array of a name, or None if there is none or it is damaged."""
        path = self._path(name)
        with suppress(OSError, ValueError):
            content = self._content(path)
            if _digest(name, memoryview(content)[:-BYTES]) != content[-BYTES:]:
                return None
            os.utime(path)
            return _array_of(content)
        return None

    def write(self, name: str, array: F64) -> None:
        """Keep an array under a name, and remove the oldest where that is too much."""
        array, header = np.asarray(array, order="C"), BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
        parts = (header.getvalue(), array.data)
        with suppress(OSError):
            size = self._put(self._path(name), *parts, _digest(name, *parts))
            self._held = self.size() if self._held is None else self._held + size
            if self._held > self.largest:
                self._held = self._shrink()

    def size(self) -> int:
        """Return how many bytes are held."""
        return sum(size for _, size, _ in self._entries())

    def _content(self, path: Path) -> bytes:
        """Return the bytes of a regular file that is no larger than the store may be."""
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > self.largest:
                raise OSError(errno.EINVAL, "no file of a store", str(path))
            return file.read()

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / (name + _SUFFIX)

    @staticmethod
    def _put(path: Path, *parts: bytes | memoryview) -> int:
        """Write a file whole or not at all; return its size."""
        path.parent.mkdir(parents=True, exist_ok=True)
        number, unfinished = tempfile.mkstemp(suffix=_UNFINISHED, dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.writelines(parts)
                size = file.tell()
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        return size

    def _entries(self) -> Iterator[tuple[int, int, str]]:
        """Yield when each file was last used, its size and its path, those of writers that died included."""
        parts = list(_scanned(self.folder)) if self.folder.is_dir() else []
        for entry in (entry for part in parts if part.is_dir() for entry in _scanned(part.path)):
            with suppress(FileNotFoundError):  # another process shrinks as well
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield status.st_mtime_ns, status.st_size, entry.path

    def _shrink(self) -> int:
        """Remove the files used longest ago until `_KEPT_SHARE` is left; return how many bytes are."""
        found = sorted(self._entries())
        left = sum(size for _, size, _ in found)
        for _, size, path in found:
            if left <= self.largest * _KEPT_SHARE:
                break
            Path(path).unlink(missing_ok=True)
            left -= size
        return left


def _scanned(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds; nothing if it may not be read, or is gone."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _digest(name: str, *parts: bytes | memoryview) -> bytes:
    digest = blake2b(name.encode(), digest_size=BYTES)
    for part in parts:
        digest.update(part)
    return digest.digest()


def _array_of(content: bytes) -> F64:
    """Return the array at the start of a file, without copying it."""
    file = BytesIO(content)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content, dtype, math.prod(shape), file.tell()).reshape(shape)
