"""Trainings and claims on the page and in trackers: every number that a run file holds, escaped, with a table twin."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from logitproof.readers.training_steps import training_steps
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.plan.training import training_cases
from logitproof_conformance.training.judging import judge_training
from logitproof_reference.claims.catalogue import CATALOGUE
from logitproof_reference.training.record import SERIES, TrainingRecord
from logitproof_reference.vocabulary.judgement import Judgement
from logitproof_reports.counting.run_table import prepare
from logitproof_reports.diff.compare import diff
from logitproof_reports.diff.training import DRAWN, SIDES, training_changes
from logitproof_reports.html.render import _templates
from logitproof_reports.report.claims import claims_of_release
from logitproof_reports.report.training import COLUMNS, CURVES, HEIGHT, WIDTH, trainings_of
from logitproof_reports.runs.schema import Run, table_of


@pytest.fixture(scope="module")
def run() -> Run:
    adapter = NumpyAdapter()
    (case,) = training_cases(adapter, "quick")
    found = judge_training(adapter, case, "quick")
    return Run(table_of(found), [{}], "quick", "x" * 64)


def rendered(part: str, **page: object) -> str:
    return _templates().get_template(part).render(page=SimpleNamespace(**page))


def test_curves_stay_in_their_field_and_have_a_point_a_step(run: Run) -> None:
    (training,) = trainings_of(prepare(run)).trainings
    assert [curve.name for curve in training.curves] == list(CURVES)
    for curve in training.curves:
        points = [tuple(map(float, point.split(","))) for point in curve.points.split()]
        assert len(points) == 8
        assert all(0.0 <= x <= WIDTH and 0.0 <= y <= HEIGHT for x, y in points)


def test_the_table_twin_holds_the_first_and_the_last_step(run: Run) -> None:
    found = trainings_of(prepare(run))
    (training,) = found.trainings
    assert [row[0] for row in training.rows] == [str(step) for step in range(1, 9)]
    assert all(len(row) == len(COLUMNS) + 1 for row in training.rows)
    record = TrainingRecord.from_json(run.table["series"].to_pylist()[-1])
    assert math.isclose(float(training.rows[-1][1]), record.last("loss"), rel_tol=1e-2)


def test_the_part_on_training_is_well_formed_and_says_what_came_of_it(run: Run) -> None:
    text = rendered("report/training.html.j2", training=trainings_of(prepare(run)))
    assert "drifted by" in text
    (picture,) = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(ET.fromstring(picture).findall("polyline")) == len(CURVES)  # noqa: S314 - our own text


def test_a_run_without_training_says_so(run: Run) -> None:
    empty = Run(run.table.slice(0, 1), run.environments, run.profile, run.case_set)
    assert "This run contains no training." in rendered(
        "report/training.html.j2", training=trainings_of(prepare(empty))
    )
    assert training_steps(empty) == []


def worse(run: Run, factor: float) -> Run:
    """Return a run whose training drifted `factor` times as far."""
    records = run.table.to_pylist()
    for record in records:
        if record["series"]:
            told = TrainingRecord.from_json(record["series"])
            told.series["drift"] = [factor * value for value in told.series["drift"]]
            record |= {"series": told.to_json(), "digest": "feed" * 4}
    return Run(table_of([Judgement(**record) for record in records]), run.environments, run.profile, run.case_set)


def test_a_diff_shows_a_training_before_and_after_where_it_differs(run: Run) -> None:
    found = training_changes(diff(run, worse(run, 100.0)))
    (change,) = found.changed
    assert change.ratio == pytest.approx(100.0)
    (before, after) = (next(c.points for c in change.curves if c.name == f"drift {side}") for side in SIDES)
    assert all(
        float(one.split(",")[1]) > float(other.split(",")[1])
        for one, other in zip(before.split(), after.split(), strict=True)
    )
    text = rendered("diff/diff_training.html.j2", training=found)
    (picture,) = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(ET.fromstring(picture).findall("polyline")) == 2 * len(DRAWN)  # noqa: S314 - our own text
    assert [row[0] for row in change.rows] == [str(step) for step in range(1, 9)]
    assert float(change.rows[-1][8]) == pytest.approx(100.0 * float(change.rows[-1][7]), rel=0.02)


def test_a_diff_says_where_trainings_are_the_same_in_bits(run: Run) -> None:
    text = rendered("diff/diff_training.html.j2", training=training_changes(diff(run, run)))
    assert "Identical in bits at every step: 1 of 1." in text
    assert "<svg" not in text
    empty = Run(run.table.slice(0, 1), run.environments, run.profile, run.case_set)
    assert "No training is in both runs." in rendered(
        "diff/diff_training.html.j2", training=training_changes(diff(empty, empty))
    )


def test_every_claim_is_on_the_page() -> None:
    text = rendered("report/claims.html.j2", claims=claims_of_release())
    assert text.count('<details class="situation claim">') == len(CATALOGUE)
    assert "0.425557" in text


def test_trackers_get_every_step_and_series(run: Run) -> None:
    steps = training_steps(run)
    assert len(steps) == 8
    assert all({name.rpartition("/")[2] for name in step} == set(SERIES) for step in steps)
