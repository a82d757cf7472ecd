"""Shards deal out whole cells, merge into what one run would give, and tell of gaps and overlaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.plan.cases import plan_cases
from logitproof_conformance.plan.shard import Shard
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.runs.run_file import read_run, write_run
from logitproof_reports.runs.schema import Run, RunFileError, table_of
from logitproof_reports.runs.shards import merge_whole

if TYPE_CHECKING:
    from pathlib import Path

CASES = plan_cases(NumpyAdapter(), "quick")


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_are_disjoint_complete_balanced_and_of_whole_cells(of: int) -> None:
    parts = [Shard(number, of).part(CASES) for number in range(1, of + 1)]
    assert sorted(case.id for part in parts for case in part) == sorted(case.id for case in CASES)
    cells = [{case.cell.id for case in part} for part in parts]
    assert sum(map(len, cells)) == len(set().union(*cells))
    assert max(map(len, cells)) - min(map(len, cells)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_names_no_shard_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write I/N"):
        Shard.read(text)


def part(number: int, of: int, *, version: str = "1.0", complete: bool = True, deviation: str = "") -> Run:
    words = dict.fromkeys(("mode", "op", "labels", "quantity", "format", "axis", "layout"), "")
    found = Judgement(  # type: ignore[arg-type]  the words are all text
        cell=f"planted-{number}",
        adapter="planted",
        regime="typical",
        clause="VAL-1",
        grade="MUST",
        verdict="deviates" if deviation else "conforms",
        deviation=deviation,
        **words,
    )
    environment = {
        "framework": {"framework": "Planted", "version": version, "build": {}},
        "ledger": [{"id": "known", "clause": "VAL-1", "reason": "", "upstream": "", "applies": True}],
        "shard": f"{number}/{of}",
    }
    return Run(table_of([found]), [environment], "quick", "digest", complete)


def test_all_shards_merge_into_one_run() -> None:
    whole = merge_whole([part(2, 2), part(1, 2, deviation="known")])
    assert whole.complete
    assert sorted(whole.table["cell"].to_pylist()) == ["planted-1", "planted-2"]


GAPS = {
    "one is missing": ([part(1, 3), part(3, 3)], "shard 2/3 of planted is missing"),
    "cut in two ways": ([part(1, 2), part(2, 3)], "cut in different ways"),
    "one of another version": ([part(1, 2), part(2, 2, version="2.0")], "different versions"),
    "one twice": ([part(1, 2), part(2, 2), part(2, 2)], "same judgement"),
    "one of another case set": ([part(1, 2), replace(part(2, 2), case_set="other")], "different case_set"),
}


@pytest.mark.parametrize("name", GAPS)
def test_shards_that_make_no_whole_are_told_in_one_line(name: str) -> None:
    runs, message = GAPS[name]
    with pytest.raises(RunFileError, match=message):
        merge_whole(runs)


def test_a_ledger_entry_that_no_shard_used_is_found_when_they_merge() -> None:
    runs = [part(1, 2), part(2, 2)]
    problems = [one for one in merge_whole(runs).table.to_pylist() if one["verdict"] == "stale"]
    (problem,) = problems
    assert problem["reason"].startswith('the ledger entry "known" matches nothing in this run')
    cut_short = [part(1, 2), part(2, 2, complete=False)]
    assert "stale" not in merge_whole(cut_short).table["verdict"].to_pylist()


def test_a_shard_is_told_in_its_run_file(tmp_path: Path) -> None:
    write_run(tmp_path / "run.parquet", part(1, 2))
    assert read_run(tmp_path / "run.parquet").environments[0]["shard"] == "1/2"
