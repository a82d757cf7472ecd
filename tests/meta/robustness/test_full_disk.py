"""A disk that is full or read-only, and files that change while they are read: what was there stays."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof.errors import EXPECTED, UNEXPECTED, USAGE, UsageError
from logitproof.parity.files import stored_array
from logitproof_reports.runs.run_file import read_run
from meta.robustness.commands_in_process import command
from meta.robustness.damaged_records import LOGITS, SOUND
from meta.robustness.damaged_runs import sound_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL, LARGE = "96k", "64m"
CELLS = ("--cells", "numpy-eager-softmax-value-float32")


@contextmanager
def disk(place: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a file system of a size; give what changes its options."""
    place.mkdir()
    made = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=False)
    if made.returncode:
        pytest.skip("only root may mount a file system of a few kilobytes")
    try:
        yield lambda options: subprocess.run(["/bin/mount", "-o", f"remount,{options}", place], check=True) and None
    finally:
        subprocess.run(["/bin/umount", place], check=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """Give a folder on a disk of `SMALL`, and what changes the disk."""
    with disk(tmp_path / "small", SMALL) as changed:
        yield tmp_path / "small", changed


WRITERS = {
    "report": ("report", "run.parquet", "-o", "small/out"),
    "merge": ("merge", "run.parquet", "-o", "small/out"),
    "diff": ("diff", "run.parquet", "other.parquet", "-o", "small/out"),
    "history": ("history", ".", "-o", "small/out"),
    "upgrade": ("upgrade", "run.parquet", "other.parquet", "-o", "small/up"),
    "atlas": ("atlas", "record.sweep", "-o", "small/out"),
    "merge of sweeps": ("merge", "record.sweep", "-o", "small/out"),
    "sweep": ("sweep", "numpy", "--op", "softmax", "--range", "0x41000000:0x41000010", "-o", "small/out"),
    "parity": ("parity", "a.npy", "a.npy", "-o", "small/out"),
    "worst": ("worst", "numpy", "softmax", "float32", "--seconds", "0.1", "-o", "small/out"),
}
"""Commands that write a file into a full disk."""


def fill(folder: Path) -> None:
    """Take the last byte of a disk."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError:
            return


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("name", WRITERS)
def test_what_does_not_fit_is_named_and_what_was_there_stays(
    name: str, state: str, tmp_path: Path, small: tuple[Path, Callable[[str], None]]
) -> None:
    folder, changed = small
    for place in ("run.parquet", "other.parquet"):
        (tmp_path / place).write_bytes(sound_file())
    (tmp_path / "record.sweep").write_bytes(SOUND[".sweep"]())
    (tmp_path / "a.npy").write_bytes(SOUND[".npy"]())
    (folder / "out").write_text("what was there")
    fill(folder)
    if state == "read-only":
        changed("ro")
    ended = command(*WRITERS[name], folder=tmp_path)
    assert (ended.broke, ended.status) == ("", USAGE)
    last = ended.err.splitlines()[-1]  # what takes a while says before how far it is
    assert re.match("logitproof: small/", last), ended.err
    assert ("No space left on device" if state == "full" else "Read-only file system") in last, ended.err
    assert (folder / "out").read_text() == "what was there"
    assert {one.name for one in folder.iterdir()} <= {"filler", "out", "out.units", "up"}


def test_a_run_on_a_full_disk_is_completed_where_there_is_room(
    tmp_path: Path, small: tuple[Path, Callable[[str], None]]
) -> None:
    folder, changed = small
    words = ("run", "--framework", "numpy", *CELLS, "--evaluators", "1", "-o")
    first = command(*words, "small/run.parquet", folder=tmp_path)
    assert (first.broke, first.status) == ("", USAGE)  # its progress is on stderr too
    last = first.err.splitlines()[-1]
    told = r"cannot be (completed|written) \(No space left on device\).*; [1-9]\d* of \d+ cases are judged and kept"
    assert re.search(told, last), first.err
    changed(f"size={LARGE}")
    assert command(*words, "small/run.parquet", "--resume", folder=tmp_path).status == EXPECTED
    assert command(*words, "plain.parquet", folder=tmp_path).status in {EXPECTED, UNEXPECTED}
    found, plain = (read_run(place).table.to_pylist() for place in (folder / "run.parquet", tmp_path / "plain.parquet"))
    assert [*map(repr, found)] == [*map(repr, plain)]


@pytest.mark.parametrize("change", ["cut short", "emptied", "replaced"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".parquet"])
def test_an_array_that_changes_while_it_is_read_is_right_or_refused(suffix: str, change: str, tmp_path: Path) -> None:
    place = tmp_path / f"logits{suffix}"
    place.write_bytes(SOUND[suffix]())
    blocks = stored_array(str(place)).blocks(1)
    found = [next(blocks)]
    if change == "replaced":
        (tmp_path / "other").write_bytes(b"\0" * 100)
        (tmp_path / "other").rename(place)
    else:
        os.truncate(place, 0 if change == "emptied" else place.stat().st_size - 20)
    try:
        found += list(blocks)
    except UsageError as error:
        found, told = [LOGITS], str(error)
    else:
        told = str(place)
    assert str(place) in told
    np.testing.assert_array_equal(np.concatenate(found), LOGITS)
