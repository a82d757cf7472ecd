"""Files are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .schema import RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def write_atomically(target: Path) -> Iterator[Path]:
    """Yield a temporary place that becomes `target` at the end, and vanishes where writing fails.

    Raises
    ------
    RunFileError
        The place cannot be written.
    """
    if target.is_dir():
        raise RunFileError(f"{target} cannot be written (it is a folder): pass the path of a file")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise RunFileError(f"{target} cannot be written ({error.strerror or error}): choose another path") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
