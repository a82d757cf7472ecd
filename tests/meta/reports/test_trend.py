"""The trend beside a number: earlier runs of the same inputs, in the order of their versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof.commands.command_line import main
from logitproof.errors import EXPECTED
from logitproof_reports.report.build import page_of
from logitproof_reports.runs.folder import StoredRun
from logitproof_reports.runs.run_file import write_run
from meta.reports.synthetic_runs import run_of
from meta.reports.test_history import conforming_cells, versioned, with_deviations_in

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from logitproof_reports.report.trend import Trend
    from logitproof_reports.runs.schema import Run


def trends(run: Run, *earlier: Run) -> dict[str, Trend | None]:
    """Return the trends on the card of a run's framework, by outcome; the runs were made one day after the other."""
    stored = [StoredRun(f"{place}.parquet", 86_400.0 * place, one) for place, one in enumerate(earlier)]
    (card,) = page_of(run, stored=stored).frameworks
    return {count.outcome.name: count.trend for count in card.counts}


def test_a_number_is_shown_with_what_it_was() -> None:
    base = run_of("tensorflow")
    worse = with_deviations_in(base, conforming_cells(base, 2))
    found = trends(versioned(worse, "2.21.0"), versioned(base, "2.20.0"), versioned(base, "2.9.0"))
    assert found["deviates"] is not None
    assert found["deviates"].title.startswith("2.9.0: 0, 2.20.0: 0, 2.21.0: ")
    assert found["deviates"].words.endswith(" since 2.20.0")
    assert found["deviates"].words.startswith("+")
    assert found["known"] is not None
    assert found["known"].words == "as in 2.20.0"
    points = [tuple(map(float, point.split(","))) for point in found["deviates"].points.split(" ")]
    assert [x for x, _ in points] == [0.0, 28.0, 56.0]
    assert points[0][1] == points[1][1] > points[2][1]


def test_what_is_gone_is_shown_as_none() -> None:
    base = run_of("tensorflow")
    worse = with_deviations_in(base, conforming_cells(base, 2))
    found = trends(versioned(base, "2.21.0"), versioned(worse, "2.20.0"))
    assert found["deviates"] is not None
    assert found["deviates"].words.startswith("-")


def test_what_was_asked_otherwise_is_no_history() -> None:
    base = run_of("tensorflow")
    others = (
        replace(base, profile="full"),
        replace(base, case_set="f00d"),
        replace(base, complete=False),
        run_of("jax"),
    )
    assert set(trends(base, *others).values()) == {None}


def test_the_command_takes_a_folder_and_names_what_it_skips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = run_of("tensorflow")
    write_run(tmp_path / "runs" / "old.parquet", versioned(base, "2.20.0"))
    (tmp_path / "runs" / "bad.parquet").write_bytes(b"PAR1")
    write_run(tmp_path / "new.parquet", versioned(base, "2.21.0"))
    page = tmp_path / "report.html"
    asked = ["report", str(tmp_path / "new.parquet"), "-o", str(page), "--history", str(tmp_path / "runs")]
    assert main(asked) == EXPECTED
    assert "skipped: " in capsys.readouterr().err
    assert "as in 2.20.0" in page.read_text("utf-8")
