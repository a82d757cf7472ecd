"""The accuracy grades of a run: read from its records, shown in the report, the summaries and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from logitproof_reports.counting.accuracy_grades import counted, grades_of
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.exports.summary import grade_table, markdown
from logitproof_reports.exports.write import write_files
from logitproof_reports.report.accuracy_grades import grade_tables
from logitproof_reports.report.write import write_report
from logitproof_reports.runs.run_file import Run, table_of
from meta.reports.synthetic_runs import QUESTIONS, environment_of, judgement

if TYPE_CHECKING:
    from pathlib import Path

    from logitproof_reference.vocabulary.judgement import Judgement

GRADES = {("float16", "eager"): "C", ("float16", "compiled"): "A", ("float32", "eager"): "A"}


def graded(format_: str, mode: str, grade: str) -> Judgement:
    made = judgement("torch", mode, format_, QUESTIONS[0], "accuracy_grade")
    verdict, reason = ("conforms", "") if grade == "A" else ("concern", f"grade {grade}; of 9 numbers 9 {grade}")
    return replace(
        made, clause="ACC-1", grade="SHOULD", verdict=verdict, reason=reason, accuracy_class=f"grade {grade}"
    )


@pytest.fixture(scope="module")
def run() -> Run:
    made = [graded(*place, grade) for place, grade in GRADES.items()]
    ungraded = replace(made[0], cell="torch-eager-x", verdict="unsupported", accuracy_class="")
    return Run(table_of([*made, ungraded]), [environment_of("PyTorch", "2.13.0")], "quick", "digest")


def test_a_grade_a_cell_is_read_and_what_was_not_graded_is_none(run: Run) -> None:
    found = grades_of(prepare(run))
    assert {(one.format, one.mode): one.grade for one in found} == GRADES
    assert counted(found, "torch", "float16") == "1 A, 1 C"
    assert counted(found, "torch", "float64") == ""


def test_report_has_a_table_a_format_with_a_column_a_mode(run: Run, tmp_path: Path) -> None:
    half, single = grade_tables(prepare(run))
    assert (half.format, [column.name for column in half.columns]) == ("float16", ["torch compiled", "torch eager"])
    assert [[cell.grade for cell in row.cells] for row in half.rows] == [["A", "C"]]
    assert [[cell.grade for cell in row.cells] for row in single.rows] == [["A"]]
    write_report(run, tmp_path / "report.html", {})
    assert 'id="accuracy-grades"' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_summaries_count_the_grades(run: Run) -> None:
    table = grade_table(run)
    assert table is not None
    assert table.row_count == 2
    assert "| float16 | 1 A, 1 C |" in markdown(run)


def test_grades_are_written_as_json(run: Run, tmp_path: Path) -> None:
    write_files(run, {"grades": tmp_path / "grades.json"})
    found = json.loads((tmp_path / "grades.json").read_text(encoding="utf-8"))
    assert set(found["grades"]) == set("ABCD")
    assert [one["grade"] for one in found["cells"] if one["format"] == "float32"] == ["A"]


def test_a_run_without_grades_shows_none(run: Run) -> None:
    older = replace(run, table=run.table.slice(0, 0))
    assert (grade_tables(prepare(older)), grade_table(older)) == ([], None)
    assert "Accuracy grades" not in markdown(older)
