"""The accuracy grades on the accuracy page: per format, a table of functions by framework and mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_reference.bounds.half_precision import ACCURACY_GRADES
from logitproof_reports.counting.accuracy_grades import CLAUSE, Grade, grades_of
from logitproof_reports.words.links import filter_terms
from logitproof_reports.words.outcomes import OUTCOMES
from logitproof_reports.words.terms import question, question_place
from logitproof_reports.words.text import decimal, escape_control_chars

from .model import GradeCell, GradeColumn, GradeRow, GradeTable

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged

OUTCOME_OF = {"A": "conforms", "B": "concern", "C": "concern", "D": "deviates"}
"""The colour of each grade."""

_NOTHING = GradeCell(None, "", "")


def grade_tables(judged: Judged) -> list[GradeTable]:
    """Return a table for each format in which something was graded."""
    grades = grades_of(judged)
    formats = [name for name in judged.format.words if any(one.format == name for one in grades)]
    return [_table(name, [one for one in grades if one.format == name]) for name in formats]


def _table(format_: str, grades: list[Grade]) -> GradeTable:
    places = sorted({(one.framework, one.mode) for one in grades})
    asked = sorted(
        {(one.op, one.labels, one.quantity, one.entry) for one in grades},
        key=lambda key: (question_place(key[:3]), key[3]),
    )
    by_cell = {(one.framework, one.mode, one.op, one.labels, one.quantity, one.entry): one for one in grades}
    return GradeTable(
        escape_control_chars(format_),
        filter_terms(format=format_, clause=CLAUSE),
        [
            GradeColumn(escape_control_chars(f"{name} {mode}"), filter_terms(framework=name, mode=mode))
            for name, mode in places
        ],
        [_row(key, [by_cell.get((*place, *key)) for place in places]) for key in asked],
    )


def _row(key: tuple[str, str, str, str], grades: list[Grade | None]) -> GradeRow:
    words = dict(zip(("op", "labels", "quantity", "entry"), key, strict=True))
    terms = filter_terms(**{name: word for name, word in words.items() if word})
    return GradeRow(question(words), terms, [_cell(one) if one else _NOTHING for one in grades])


def _cell(grade: Grade) -> GradeCell:
    words = f"{ACCURACY_GRADES[grade.grade]}; error up to {decimal(grade.ratio)} of the bound of A"
    return GradeCell(OUTCOMES[OUTCOME_OF[grade.grade]], grade.grade, words)
