"""A Dask cluster works on a sweep: the same record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, USAGE

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["sweep", "numpy", "--op", "softmax", "--quantity", "value", "--range", "0x40fff000:0x41001000", "-o"]


def test_a_local_cluster_makes_the_same_record(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    assert main([*WORDS, str(tmp_path / "here.sweep")]) == EXPECTED
    assert main([*WORDS, str(tmp_path / "dask.sweep"), "--dask", "local", "--workers", "2"]) == EXPECTED
    assert (tmp_path / "here.sweep").read_bytes() == (tmp_path / "dask.sweep").read_bytes()


def test_the_threads_of_a_worker_have_an_evaluator_each(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    assert main([*WORDS, str(tmp_path / "here.sweep")]) == EXPECTED
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert main([*WORDS, str(tmp_path / "threads.sweep"), "--dask", address]) == EXPECTED
    assert (tmp_path / "here.sweep").read_bytes() == (tmp_path / "threads.sweep").read_bytes()


def test_a_cluster_that_is_not_there_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, str(tmp_path / "x.sweep"), "--dask", "nowhere"]) == USAGE
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("logitproof: ")
    assert "Dask" in line
