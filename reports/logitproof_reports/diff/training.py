"""Trainings before and after: the drift from the exact run in either release, as curves and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from logitproof_reference.training.record import SERIES, TrainingRecord
from logitproof_reports.report.training import Curve, Tick, chosen, name_of, points, ticks
from logitproof_reports.words.links import filter_link
from logitproof_reports.words.text import decimal, escape_control_chars

if TYPE_CHECKING:
    from .compare import Diff

SIDES = {"before": "dotted", "after": "drawn through"}
"""The two releases, and how their curves are drawn."""

DRAWN = {"drift": "the run itself", "drift_of_loss": "loss function alone"}
"""The series that are drawn of either side, and what a reader calls them."""

COLUMNS = ("loss", "loss_error", "gradient_error", "drift", "drift_of_loss")
"""The series of the table."""

SHOWN = 12
"""Trainings that are drawn; of more those whose drift changed most."""

TOLD_BY = "TRN-4"
"""The clause that tells a training as a whole."""


@dataclass(frozen=True)
class TrainingChange:
    """One training in both releases.

    Attributes
    ----------
    framework, what : str
        Who trained, and what.
    sentences : list of (side, str)
        What became of it before and after.
    curves : list of Curve
        The series that are drawn, before and after.
    rows : list of list of str
        A step number, then each column before and after, for some steps evenly apart and the last.
    ratio : float
        The larger of the two drifts over the smaller.
    link : str
        To its judgements.
    """

    framework: str
    what: str
    sentences: list[tuple[str, str]]
    curves: list[Curve]
    rows: list[list[str]]
    ratio: float
    link: str


@dataclass(frozen=True)
class TrainingChanges:
    """All trainings of a diff: those that differ, how many of them are not drawn, how many are the same in bits."""

    changed: list[TrainingChange]
    left_out: int
    identical: int
    ticks: list[Tick]
    columns: list[tuple[str, str]]


def training_changes(diff: Diff) -> TrainingChanges:
    """Return the trainings that are in both runs."""
    before, after = _told(diff, "b"), _told(diff, "a")
    pairs = [(before[key], after[key]) for key in before if key in after]
    differing = [_change(*pair) for pair in pairs if pair[0]["digest"] != pair[1]["digest"]]
    differing.sort(key=lambda one: -one.ratio)
    return TrainingChanges(
        changed=differing[:SHOWN],
        left_out=max(0, len(differing) - SHOWN),
        identical=len(pairs) - len(differing),
        ticks=ticks(),
        columns=[(name.replace("_", " "), SERIES[name]) for name in COLUMNS],
    )


def _told(diff: Diff, side: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the record of each training of a run, by cell and task."""
    table = (diff.before if side == "b" else diff.after).table
    found = table.filter(pc.and_(pc.equal(table["clause"], TOLD_BY), pc.not_equal(table["series"], ""))).to_pylist()
    return {(record["cell"], record["regime"]): record for record in found}


def _change(before: dict[str, Any], after: dict[str, Any]) -> TrainingChange:
    records = [TrainingRecord.from_json(side["series"]) for side in (before, after)]
    named = list(zip(SIDES, records, strict=True))
    drifts = [record.last("drift") for record in records]
    return TrainingChange(
        framework=escape_control_chars(after["adapter"]),
        what=name_of(after),
        sentences=[(side, escape_control_chars(record.sentence)) for side, record in named],
        curves=[
            Curve(f"{name} {side}", f"{label}, {side} ({SIDES[side]})", points(record.series.get(name, [])))
            for name, label in DRAWN.items()
            for side, record in named
        ],
        rows=[_row(records, step) for step in chosen(min(record.steps for record in records))],
        ratio=_ratio(*drifts),
        link=filter_link(framework=after["adapter"], clause="TRN", format=after["format"]),
    )


def _ratio(one: float, other: float) -> float:
    low, high = sorted((one, other))
    return high / low if low > 0.0 and math.isfinite(high) else math.inf


def _row(records: list[TrainingRecord], step: int) -> list[str]:
    numbers = [
        record.series[name][step] if name in record.series else math.nan for name in COLUMNS for record in records
    ]
    return [str(step + 1), *("" if math.isnan(number) else decimal(number) for number in numbers)]
