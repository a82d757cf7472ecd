"""Caches that are damaged somewhere: an environment, exact answers; whatever is there, what is made of it is sound."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st

from logitproof.environments import uv_command
from logitproof.environments.build import build, is_whole
from logitproof.environments.interpreters import Interpreter
from logitproof.environments.resolver import Locked
from logitproof.environments.uv_command import UnbuildableEnvironment
from logitproof.errors import UsageError
from logitproof_reference.answers.answers import Answers
from logitproof_reference.answers.cache_folder import ANSWERS, CACHE_VARIABLE
from logitproof_reference.answers.store import Store
from logitproof_reference.oracle.request import checked_request
from meta.robustness.commands_in_process import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy

    from logitproof_reference.vocabulary.formats import F64

LOCKED = Locked(("numpy",), Interpreter("3.11"), {"numpy": np.__version__})
LOGITS = np.array([[1.0, 2.0, 30.0], [-4.0, 5.5, 0.25]], np.float32)


def fake_uv(*arguments: str, text: str = "") -> str:
    """Make an environment whose interpreter starts this one."""
    del text
    if arguments[0] == "venv":
        python = Path(arguments[-1]) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    return ""


def exact(folder: Path) -> list[F64]:
    """Return exact answers, from a store where it has them."""
    answers = Answers(Store(folder))
    requests = [checked_request(op, "value", LOGITS) for op in ("softmax", "log_softmax", "log_sum_exp")]
    return [part for request in requests for part in answers.exact(request).parts]


def _removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        _removed(path)
        make(path)

    return damage


def _written(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        if path.is_file():
            path.write_bytes(change(path.read_bytes()))

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": _removed,
    "empty": _written(lambda _: b""),
    "cut": _written(lambda content: content[: len(content) // 2]),
    "longer": _written(lambda content: content + b"\0" * 100),
    "one bit": _written(lambda content: bytes([content[0] ^ 1]) + content[1:] if content else b""),
    "last bit": _written(lambda content: content[:-1] + bytes([content[-1] ^ 1]) if content else b""),
    "noise": _written(lambda content: bytes(range(256)) * (1 + len(content) // 256)),
    "a folder": _replaced(Path.mkdir),
    "a full folder": _replaced(lambda path: (path / "a" / "b").mkdir(parents=True)),
    "a pipe": _replaced(os.mkfifo),
    "a device": _replaced(lambda path: path.symlink_to("/dev/zero")),
    "a link to nowhere": _replaced(lambda path: path.symlink_to("nowhere")),
    "a link to itself": _replaced(lambda path: path.symlink_to(path)),
    "a link to the root": _replaced(lambda path: path.symlink_to("/")),
    "closed": lambda path: path.chmod(0) if path.exists() else None,
    "no program": lambda path: path.chmod(0o644) if path.is_file() else None,
    "old": lambda path: os.utime(path, (0, 0)) if path.exists() else None,
    "of tomorrow": lambda path: os.utime(path, (2**33, 2**33)) if path.exists() else None,
}
"""What befalls a file or folder of a cache."""


def damages() -> SearchStrategy[list[tuple[float, str]]]:
    """Return a strategy of damages: where, as a share of all paths, and what."""
    return st.lists(st.tuples(st.floats(0, 0.999), st.sampled_from(sorted(DAMAGES))), min_size=1, max_size=3)


def faults_of(damaged: list[tuple[float, str]]) -> Iterator[str]:
    """Yield what is wrong with what is made of a cache that was damaged."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "cache"
        variables = {CACHE_VARIABLE: str(folder), "COLUMNS": "100"}
        with patch.dict(os.environ, variables), patch.object(uv_command, "call", fake_uv):
            build(LOCKED)
            before = exact(folder / ANSWERS)
            for share, name in damaged:
                paths = sorted(folder.rglob("*"))
                if paths:
                    DAMAGES[name](paths[int(share * len(paths))])
            yield from _faults(folder, before)


def _faults(folder: Path, before: list[F64]) -> Iterator[str]:
    listed = command("cache", folder=folder.parent)
    if listed.fault or listed.status:
        yield f"cache: {listed.fault or listed.err}"
    again = exact(folder / ANSWERS)
    if [one.tobytes() for one in again] != [one.tobytes() for one in before]:
        yield "other exact answers"
    with suppress(UsageError, UnbuildableEnvironment):  # where a folder of the cache is none, a line says so
        if not is_whole(build(LOCKED)):
            yield "an environment that is not whole"
    for words in (("cache", "--idle", "1", "--clear"), ("cache", "--clear"), ("cache",)):
        ended = command(*words, folder=folder.parent)
        if ended.fault or ended.status:
            yield f"{' '.join(words)}: {ended.fault or ended.err}"
    try:
        if not is_whole(build(LOCKED)):
            yield "no environment in a cache that was cleared"
    except (UsageError, UnbuildableEnvironment) as error:
        yield f"a cache that was cleared: {error}"
