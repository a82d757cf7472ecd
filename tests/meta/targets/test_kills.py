"""A judge, an evaluator or both are killed in the middle of a run: resumed, it ends as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from logitproof.errors import EXPECTED, UNEXPECTED
from logitproof_reports.runs.run_file import read_run
from logitproof_reports.runs.schema import judgements

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("run", "--framework", "numpy", "-k", "eager-softmax-value", "-o")
MOMENTS = (0, 5)
"""How many cells are judged when the blow falls."""

EXTRA_MOMENTS = int(os.environ.get("LOGITPROOF_TEST_KILLS", "0"))
"""More moments than the suite has time for: this many cells, each in turn."""


def started(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "logitproof", *OPTIONS, "run.parquet", *more]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def found(path: Path) -> dict[str, list[str]]:
    """Return the judgements of a run file by cell, spelled out: NaN is equal to NaN then."""
    by_cell: dict[str, list[str]] = {}
    for one in judgements(read_run(path)):
        by_cell.setdefault(one.cell, []).append(repr(one))
    return by_cell


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert started(folder).wait() == EXPECTED
    return found(folder / "run.parquet")


def wait_for_cells(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until this many cells are judged, or all."""
    journal = folder / "run.parquet.parts" / "numpy.parquet.journal"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b'"done"') >= count):
        time.sleep(0.005)


@pytest.mark.parametrize("victim", ["judge", "evaluators", "both"])
@pytest.mark.parametrize("moment", [*MOMENTS, *range(EXTRA_MOMENTS)])
def test_a_kill_costs_at_most_the_cells_under_way(
    victim: str, moment: int, tmp_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    process = started(tmp_path)
    wait_for_cells(tmp_path, moment, process)
    evaluators = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if victim != "evaluators":
        process.kill()
    for evaluator in evaluators if victim != "judge" else []:
        evaluator.kill()
    ended = process.wait()
    _, left = psutil.wait_procs(evaluators, timeout=60)
    assert not left
    if victim == "evaluators":
        assert ended in {EXPECTED, UNEXPECTED}
        run = found(tmp_path / "run.parquet")
        crashed = {cell for cell, told in run.items() if any("verdict='crashed'" in one for one in told)}
        assert len(crashed) <= len(evaluators)
        untouched = [(cell, told) for cell, told in undisturbed.items() if cell not in crashed]
        assert [(cell, told) for cell, told in run.items() if cell not in crashed] == untouched
    elif (tmp_path / "run.parquet.parts").exists():
        assert started(tmp_path, "--resume").wait() == EXPECTED
        assert list(found(tmp_path / "run.parquet").items()) == list(undisturbed.items())
