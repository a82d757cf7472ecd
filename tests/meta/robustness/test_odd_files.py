"""Whatever file a command is handed besides run files: what is not a regular file, or no text, ends in one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from logitproof.errors import USAGE
from meta.robustness.commands_in_process import command
from meta.robustness.damaged_runs import sound_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLACES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a loop": lambda path: path.symlink_to(path),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "deep": lambda path: path.write_text("a = " + "[" * 5_000),
    "huge": lambda path: os.truncate(path.touch() or path, 3_000_000_000),
}
"""What stands where a file should."""

READERS = {
    "odd.toml": ("diff", "run.parquet", "run.parquet", "--policy", "odd.toml"),
    "logitproof.toml": ("diff", "run.parquet", "run.parquet"),
    "pyproject.toml": ("frameworks", "--target", "none"),
    "uv.lock": ("upgrade", "uv.lock", "scipy==1.17.1"),
    "requirements.txt": ("upgrade", "scipy==1.17.1", "--to", "requirements.txt"),
    "private.pem": ("upgrade", "scipy==1.17.1", "scipy==1.17.1", "--sign", "private.pem"),
    "certificate.json": ("verify", "certificate.json"),
}
"""A file, and what reads it."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_of_its_kind_ends_in_one_line(
    name: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGITPROOF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "run.parquet").write_bytes(sound_file())
    PLACES[place](tmp_path / name)
    ended = command(*READERS[name], folder=tmp_path)
    assert (ended.fault, ended.status) == ("", USAGE)
    assert name in ended.err
