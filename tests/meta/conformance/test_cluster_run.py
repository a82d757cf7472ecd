"""A run that workers share: the judgements of one process, kept when interrupted, and one line when a shard fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, USAGE, UsageError
from logitproof.matrix import cluster_run as module
from logitproof.matrix.cluster_run import cluster_run
from logitproof.matrix.run import Interrupted, run
from logitproof.workers import Here
from logitproof_reports.runs.run_file import read_run

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof.matrix.cluster_run import Part
    from logitproof_reports.runs.schema import Run

CHOICE: dict[str, Any] = {"select": "softmax and value and float32 and eager and not sigmoid", "patience": 60.0}
COMPARED = ("cell", "regime", "clause", "verdict", "digest", "ulps", "slack")


def judged(run: Run) -> list[tuple[object, ...]]:
    """Return what was judged, whatever the order."""
    rows = run.table.select(COMPARED).to_pylist()
    return sorted(tuple(map(str, row.values())) for row in rows)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run of one process."""
    return run(["numpy"], output=tmp_path_factory.mktemp("whole") / "run.parquet", **CHOICE)


def test_shards_that_workers_took_are_the_run_of_one_process(whole: Run, tmp_path: Path) -> None:
    # More shards than cells: some have no case.
    found = cluster_run(Here(), ["numpy"], tmp_path / "run.parquet", shards=5, **CHOICE)
    assert judged(found) == judged(whole)
    assert judged(read_run(tmp_path / "run.parquet")) == judged(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["run.parquet"]


def test_an_interrupted_run_goes_on_with_the_shards_that_are_left(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, asked = tmp_path / "run.parquet", []
    judge = module.judge_part

    def once(part: Part) -> bytes:
        if asked:
            raise KeyboardInterrupt
        asked.append(part.number)
        return judge(part)

    monkeypatch.setattr(module, "judge_part", once)
    with pytest.raises(Interrupted) as interruption:
        cluster_run(Here(), ["numpy"], output, shards=2, **CHOICE)
    assert interruption.value.run is not None
    assert not read_run(output).complete
    monkeypatch.setattr(module, "judge_part", lambda part: asked.append(part.number) or judge(part))
    assert judged(cluster_run(Here(), ["numpy"], output, shards=2, resume=True, **CHOICE)) == judged(whole)
    assert asked == [1, 2]


def test_a_shard_that_fails_is_told_in_a_line_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(part: Part) -> bytes:
        del part
        raise OSError("no space left\non the worker")

    monkeypatch.setattr(module, "judge_part", fail)
    line = r"^shard 1/2 of numpy failed on a worker \(OSError: no space left\); .*: --resume continues the run$"
    with pytest.raises(UsageError, match=line):
        cluster_run(Here(), ["numpy"], tmp_path / "run.parquet", shards=2, **CHOICE)


def test_a_dask_cluster_takes_shards(whole: Run, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    output = str(tmp_path / "run.parquet")
    words = ["run", "--framework", "numpy", "-k", CHOICE["select"], "-o", output, "--dask", "local", "--shards", "2"]
    assert main(words) == EXPECTED
    assert judged(read_run(output)) == judged(whole)


def test_what_a_cluster_decides_itself_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dask", "local", "--shard", "1/2"]) == USAGE
    assert capsys.readouterr().err.strip().endswith("omit --shard and --evaluators")
