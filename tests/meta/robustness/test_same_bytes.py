"""A run gives the same judgements, to the byte, wherever and however it is run; a full disk costs what did not fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from logitproof.errors import EXPECTED, USAGE
from logitproof.matrix import run as matrix_run
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from pathlib import Path

EXPRESSION = "eager-softmax-value-float32"
OTHER = "meta.targets.planted_faults:Sound"
"""The control by another name, so that there are two frameworks."""


def run(folder: Path, *options: str, limit: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the control in a folder; its run file is ``run.parquet`` unless the options say otherwise."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)} | variables
    words = [sys.executable, "-m", "logitproof", "run", "--framework", "numpy", "-k", EXPRESSION, *options]
    command = ["bash", "-c", f'{limit} exec "$@"', "bash", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def judgements_of(*paths: Path) -> list[str]:
    """Return the judgements of run files, spelled out: NaN is equal to NaN then."""
    return [repr(one) for path in paths for one in read_run(path).table.to_pylist()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("plain")
    assert run(folder, "--evaluators", "1", PYTHONHASHSEED="0", LC_ALL="C.UTF-8", TZ="UTC").returncode == EXPECTED
    return judgements_of(folder / "run.parquet")


def turkish(folder: Path) -> dict[str, str]:
    """Return the variables of a Turkish locale, which is made here, as few systems have it; where it cannot, of C."""
    compiler = shutil.which("localedef")
    line = [compiler or "true", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")]
    if subprocess.run(line, check=False, capture_output=True).returncode or compiler is None:
        return {"LC_ALL": "C"}
    return {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(folder)}


def test_nothing_around_a_run_changes_a_byte_of_it(plain: list[str], tmp_path: Path) -> None:
    around = {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu", "COLUMNS": "20", **turkish(tmp_path)}
    folder = tmp_path / "a folder of another name"
    ended = run(folder, "--framework", OTHER, "--evaluators", "2", "--no-cache", **around)
    assert ended.returncode == EXPECTED, ended.stderr
    found = judgements_of(folder / "run.parquet")
    assert [one for one in found if "'adapter': 'numpy'" in one] == plain
    assert [one.replace("planted", "numpy") for one in found if "'adapter': 'planted'" in one] == [
        one.replace("planted", "numpy") for one in plain
    ]


def test_frameworks_that_wait_for_each_other_give_the_same_bytes(
    plain: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_run, "processors", lambda: 1)
    matrix_run.run(["numpy", OTHER], output=tmp_path / "run.parquet", select=EXPRESSION)
    found = judgements_of(tmp_path / "run.parquet")
    assert [one for one in found if "'adapter': 'numpy'" in one] == plain
    assert len(found) == 2 * len(plain)


def test_shards_hold_the_bytes_of_the_whole(plain: list[str], tmp_path: Path) -> None:
    for number in (1, 2, 3):
        ended = run(tmp_path, "--shard", f"{number}/3", "--evaluators", "1", "-o", f"{number}.parquet")
        assert ended.returncode == EXPECTED, ended.stderr
    assert sorted(judgements_of(*tmp_path.glob("*.parquet"))) == sorted(plain)


def test_more_shards_than_chosen_cells_are_refused_in_a_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "--cells", "numpy-eager-softmax-value-float32", "--shard", "2/2")
    assert ended.returncode == USAGE
    assert ended.stderr.splitlines()[-1].endswith("numpy-eager-softmax-value-float32 matches: 2 shards are too many")


def test_a_full_disk_costs_what_did_not_fit(plain: list[str], tmp_path: Path) -> None:
    ended = run(tmp_path, "--evaluators", "1", limit="ulimit -f 64;", PYTHONDONTWRITEBYTECODE="1")
    assert ended.returncode == USAGE
    told = (
        r"run\.parquet cannot be completed \(File too large\); [1-9]\d* of \d+ cases are judged and kept in .*--resume$"
    )
    assert re.search(told, ended.stderr, flags=re.MULTILINE), ended.stderr
    again = run(tmp_path, "--evaluators", "1", "--resume")
    assert again.returncode == EXPECTED, again.stderr
    assert judgements_of(tmp_path / "run.parquet") == plain
