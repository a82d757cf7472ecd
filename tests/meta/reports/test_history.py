"""The history of a folder: what is counted, what is compared with what, and what is said of files that are no runs."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED, UNEXPECTED, USAGE
from logitproof_reports.history.compute import history_of
from logitproof_reports.history.page import history_page, write_history_page
from logitproof_reports.history.text import DASH, SHORT, as_json, release_words
from logitproof_reports.runs.folder import StoredRun, runs_within
from logitproof_reports.runs.run_file import write_run
from logitproof_reports.runs.schema import Run, RunFileError
from meta.reports.synthetic_runs import environment_of, hostile, run_of, three_frameworks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from logitproof_reports.history.compute import History


def versioned(run: Run, version: str, **facts: Any) -> Run:
    """Return a run of one framework as if another version of it had been asked."""
    (framework,) = set(run.table["adapter"].to_pylist())
    return replace(run, environments=[environment_of(framework, version)], **facts)


def changed(run: Run, column: str, change: Callable[[dict[str, Any]], Any]) -> Run:
    """Return a run in which a column holds what `change` makes of each row."""
    values = pa.array([change(record) for record in run.table.to_pylist()], run.table.schema.field(column).type)
    return replace(run, table=run.table.set_column(run.table.schema.get_field_index(column), column, values))


def with_bits_in(run: Run, cells: set[str]) -> Run:
    return changed(run, "digest", lambda row: row["digest"] + ("'" if row["cell"] in cells else ""))


def with_deviations_in(run: Run, cells: set[str]) -> Run:
    return changed(run, "verdict", lambda row: "deviates" if row["cell"] in cells else row["verdict"])


def conforming_cells(run: Run, number: int) -> set[str]:
    records = run.table.to_pylist()
    bad = {record["cell"] for record in records if record["verdict"] != "conforms"}
    return set(sorted({record["cell"] for record in records} - bad)[:number])


def told(*runs: Run) -> History:
    return history_of([StoredRun(f"{i:02d}.parquet", 86_400.0 * i, run) for i, run in enumerate(runs)])


def test_each_release_counts_its_cells_and_what_changed_since_the_one_before() -> None:
    base = run_of("jax")
    moved, failing = conforming_cells(base, 5), conforming_cells(base, 2)
    history = told(
        versioned(base, "0.9.0"),
        versioned(with_bits_in(base, moved), "0.10.0"),
        versioned(with_deviations_in(with_bits_in(base, moved), failing), "0.11.0"),
    )
    first, second, third = history.releases
    assert [release.version for release in history.releases] == ["0.9.0", "0.10.0", "0.11.0"]
    assert (first.since, first.verdicts, first.bits) == ("", 0, 0)
    assert (second.since, second.verdicts, second.bits) == ("0.9.0", 0, 5)
    assert (third.since, third.verdicts, third.bits) == ("0.10.0", 2, 0)
    offered = {row["cell"] for row in base.table.to_pylist() if row["verdict"] != "unsupported"}
    assert first.cells == len(offered) == first.conforming + first.known + first.unexpected
    assert third.unexpected == first.unexpected + 2
    assert third.conforming == first.conforming - 2


def test_what_the_ledger_knows_is_counted_apart_and_its_slack_is_left_aside() -> None:
    (release,) = told(run_of("tensorflow")).releases
    records = run_of("tensorflow").table.to_pylist()
    assert release.known == len({record["cell"] for record in records if record["deviation"]})
    assert release.unexpected == 0
    plain = [r["slack"] for r in records if r["verdict"] == "conforms"]
    assert release.slack == max(plain)


def test_releases_come_by_version_not_by_text_and_then_by_time() -> None:
    base = run_of("jax")
    other = with_bits_in(base, conforming_cells(base, 1))
    runs = [versioned(base, "0.10.0"), versioned(other, "0.9.1"), versioned(base, "0.9.1"), versioned(base, "nightly")]
    assert [(release.version, release.files) for release in told(*runs).releases] == [
        ("nightly", ["03.parquet"]),
        ("0.9.1", ["01.parquet"]),
        ("0.9.1", ["02.parquet"]),
        ("0.10.0", ["00.parquet"]),
    ]


def test_runs_that_agree_in_every_bit_are_one_release_with_all_their_files() -> None:
    merged = three_frameworks()
    history = told(run_of("jax"), merged)
    jax = history.by_framework()["jax"]
    assert [release.files for release in jax] == [["00.parquet", "01.parquet"]]
    assert list(history.by_framework()) == ["jax", "tensorflow", "torch"]


def test_only_releases_that_were_asked_the_same_are_compared() -> None:
    base = run_of("jax")
    other = with_bits_in(base, conforming_cells(base, 3))
    history = told(
        versioned(base, "1.0"),
        versioned(base, "1.1", case_set="f" * 64),
        versioned(other, "1.2"),
    )
    assert [(release.since, release.bits) for release in history.releases] == [("", 0), ("", 0), ("1.0", 3)]
    (note,) = history_page(history).notes
    assert note == "jax has runs of 2 case sets: only runs of the same case set are compared."


def test_a_part_of_the_matrix_is_compared_with_a_part_in_the_cells_that_both_judged() -> None:
    base = run_of("jax")
    cells = list(dict.fromkeys(base.table["cell"].to_pylist()))

    def part(run: Run, count: int) -> Run:
        kept = pa.array([cell in cells[:count] for cell in run.table["cell"].to_pylist()])
        return replace(run, table=run.table.filter(kept), complete=False)

    (first,) = conforming_cells(base, 1)
    half, other = part(base, cells.index(first) + 1), part(with_bits_in(base, [first]), len(cells))
    history = told(versioned(base, "1.0"), versioned(half, "1.1"), versioned(base, "1.2"), versioned(other, "1.3"))
    assert [release.since for release in history.releases] == ["", "", "1.0", "1.1"]
    assert [(release.verdicts, release.bits) for release in history.releases] == [(0, 0), (0, 0), (0, 0), (0, 1)]
    assert release_words(history.releases[1])["version"] == "1.1 (partly)"
    assert history.releases[3].sentence.startswith("1.3 (a part of the matrix): since 1.1 ")


def test_a_cell_that_appears_or_vanishes_has_moved_and_its_story_says_where() -> None:
    base = run_of("jax")
    (gone,) = conforming_cells(base, 1)
    rest = replace(base, table=base.table.filter(pa.array([cell != gone for cell in base.table["cell"].to_pylist()])))
    history = told(versioned(base, "1.0"), versioned(rest, "1.1"), versioned(base, "1.2"))
    assert [release.verdicts for release in history.releases] == [0, 1, 1]
    moved = json.loads(as_json(history))["moved"]
    assert moved == [
        {
            "framework": "jax",
            "cell": gone,
            "outcomes": ["conforms", None, "conforms"],
            "moves": [[], ["verdict", "bits"], ["verdict", "bits"]],
        }
    ]


def test_json_spells_what_no_json_number_is() -> None:
    history = told(changed(run_of("jax"), "slack", lambda row: float("inf") if row["verdict"] == "deviates" else 0.5))
    nothing = told(changed(run_of("jax"), "slack", lambda _row: float("nan")))
    assert json.loads(as_json(history))["releases"][0]["slack"] == "inf"
    assert json.loads(as_json(nothing))["releases"][0]["slack"] is None


def test_the_page_draws_what_its_table_says() -> None:
    base = run_of("jax")
    history = told(versioned(base, "1.0"), versioned(with_bits_in(base, conforming_cells(base, 4)), "1.1"))
    (framework,) = history_page(history).frameworks
    *_, bits = framework.drawings
    assert [column.total for column in bits.columns] == [DASH, "4"]
    assert [line.words["bits"] for line in framework.lines] == [DASH, "4"]
    assert [block.height for column in bits.columns for block in column.blocks] == [0.0, 90.0]


def stored(folder: Path, **runs: Run) -> Path:
    for place, (name, run) in enumerate(runs.items()):
        write_run(folder / f"{name}.parquet", run)
        os.utime(folder / f"{name}.parquet", (86_400 * place,) * 2)
    return folder


def test_the_command_prints_a_line_a_release_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path, old=versioned(run_of("jax"), "0.9.0"), new=versioned(run_of("jax"), "0.10.0"))
    page = tmp_path / "history.html"
    assert main(["history", str(tmp_path), "-o", str(page)]) == EXPECTED
    head, first, second, sentence, path = capsys.readouterr().out.splitlines()
    assert head.split() == list(SHORT.values())
    assert first.split()[:2] == ["jax", "0.9.0"]
    assert second.split()[-4:-1] == ["0.9.0", "0", "0"]
    assert sentence == "jax 0.10.0: verdicts and bits identical to 0.9.0."
    assert path == str(page)
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_an_unreadable_file_among_good_ones_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path, good=run_of("jax"))
    (tmp_path / "bad.parquet").write_text("junk")
    page = tmp_path / "history.html"
    assert main(["history", str(tmp_path), "-o", str(page), "--json"]) == UNEXPECTED
    printed = capsys.readouterr()
    reason = f"{tmp_path / 'bad.parquet'} is not a run file (not Parquet): pass a file written by `logitproof run -o`"
    assert printed.err == f"logitproof: skipped: {reason}\n"
    assert json.loads(printed.out)["left_out"] == [reason]
    assert "bad.parquet is not a run file" in page.read_text()


def test_the_command_refuses_in_one_line_with_exit_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "nowhere"
    assert main(["history", str(folder)]) == USAGE
    assert capsys.readouterr().err == f"logitproof: {folder} does not exist: pass a folder that contains run files\n"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _place: None, "does not exist: pass a folder that contains run files"),
        (lambda place: place.write_text(""), "is a file: pass a folder that contains run files"),
        (
            lambda place: place.mkdir(),
            "holds no run file that can be read, which `logitproof run -o NAME.parquet` writes",
        ),
        (
            lambda place: (place.mkdir(), (place / "a.parquet").write_text("junk")),
            "a.parquet is not a run file (not Parquet)",
        ),
    ],
    ids=["missing", "file", "empty", "unreadable"],
)
def test_a_folder_without_runs_is_refused_in_one_line(make: Callable[[Path], Any], said: str, tmp_path: Path) -> None:
    make(tmp_path / "runs")
    with pytest.raises(RunFileError) as caught:
        runs_within(tmp_path / "runs")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folders_within_count_and_parts_of_runs_under_way_do_not(tmp_path: Path) -> None:
    for name in ("may", "run.parquet.parts"):
        (tmp_path / name).mkdir()
        stored(tmp_path / name, jax=run_of("jax"))
    assert [one.name for one in runs_within(tmp_path)[0]] == ["may/jax.parquet"]


def twenty_runs() -> list[Run]:
    """Return twenty runs of more than 10,000 judgements each."""
    base = three_frameworks()
    table = pa.concat_tables(changed(base, "regime", lambda row, i=i: f"{row['regime']}_{i}").table for i in range(11))
    assert table.num_rows > 10_000
    return [replace(base, table=table, case_set=f"case set {number % 10}") for number in range(20)]


def test_twenty_runs_of_ten_thousand_judgements_make_one_megabyte(tmp_path: Path) -> None:
    for number, run in enumerate(twenty_runs()):
        write_run(tmp_path / f"{number:02d}.parquet", run)
    history = history_of(*runs_within(tmp_path))
    write_history_page(history, tmp_path / "history.html")
    assert (tmp_path / "history.html").stat().st_size < 1_000_000
    assert len(history.releases) == 30


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    write_history_page(told(hostile()), tmp_path / "history.html")
    text = (tmp_path / "history.html").read_text()
    assert text.count("<script") == 2
    assert "window.harmed = true</script>" not in text
