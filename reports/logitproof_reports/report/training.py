"""Trainings on the page: the drift of each from the exact run, and its source, as curves and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from logitproof_reference.training.record import SERIES, TrainingRecord
from logitproof_reports.words.links import filter_link
from logitproof_reports.words.text import decimal, escape_control_chars

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged

WIDTH, HEIGHT = 560, 200
"""Size of the field that curves are drawn in, in the units of the drawing."""

CURVES = {"drift": "the run itself", "drift_of_loss": "loss function alone", "drift_of_products": "products alone"}
"""The series that are drawn, and what a reader calls them."""

COLUMNS = ("loss", "exact_loss", "loss_error", "gradient_error", *CURVES)
"""The series of the table."""

_LOWEST, _HIGHEST = -9.0, 1.0
"""Powers of ten at the foot and the top of the field; what lies beyond is drawn there."""

_ROWS = 8


@dataclass(frozen=True)
class Curve:
    """One series as the points of a polyline."""

    name: str
    label: str
    points: str


@dataclass(frozen=True)
class Tick:
    """A power of ten and its height."""

    y: float
    text: str


@dataclass(frozen=True)
class Training:
    """One training: what was trained, what became of it, its curves and its numbers.

    `rows` holds a step number and the columns' numbers, for some steps evenly apart and the last.
    """

    framework: str
    what: str
    sentence: str
    curves: list[Curve]
    rows: list[list[str]]
    link: str


@dataclass(frozen=True)
class Trainings:
    """All trainings of a run, and what their tables' columns mean."""

    trainings: list[Training]
    ticks: list[Tick]
    columns: list[tuple[str, str]]


def trainings_of(judged: Judged) -> Trainings:
    """Return the trainings of a run, in its order."""
    told = judged.table.filter(pc.not_equal(judged.table["series"], ""))
    words = told.select(["adapter", "mode", "op", "labels", "format", "entry", "regime", "series"]).to_pylist()
    columns = [(name.replace("_", " "), SERIES[name]) for name in COLUMNS]
    return Trainings([_training(record) for record in words], ticks(), columns)


def ticks() -> list[Tick]:
    """Return the powers of ten at the side of the field."""
    return [Tick(height(10.0**power), f"1e{power}") for power in range(int(_LOWEST), int(_HIGHEST) + 1, 2)]


def name_of(words: dict[str, str]) -> str:
    """Return what was trained, in words: task, format, mode, labels and function."""
    return escape_control_chars(
        ", ".join(words[name] for name in ("regime", "format", "mode", "labels", "entry") if words[name])
    )


def _training(words: dict[str, str]) -> Training:
    record = TrainingRecord.from_json(words["series"])
    return Training(
        framework=escape_control_chars(words["adapter"]),
        what=name_of(words),
        sentence=escape_control_chars(record.sentence[:1].upper() + record.sentence[1:]) + ".",
        curves=[Curve(name, label, points(record.series.get(name, []))) for name, label in CURVES.items()],
        rows=[_row(record, step) for step in chosen(record.steps)],
        link=filter_link(framework=words["adapter"], clause="TRN-4", format=words["format"]),
    )


def points(values: list[float]) -> str:
    """Return a series as the points of a polyline, from the first step at the left to the last at the right."""
    step = WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{place * step:.1f},{height(value):.1f}" for place, value in enumerate(values))


def height(value: float) -> float:
    """Return where a positive number stands in the field; what is not finite at the top."""
    power = _HIGHEST if not math.isfinite(value) else math.log10(value) if value > 0.0 else _LOWEST
    share = (min(max(power, _LOWEST), _HIGHEST) - _LOWEST) / (_HIGHEST - _LOWEST)
    return round((1.0 - share) * HEIGHT, 1)


def chosen(steps: int) -> list[int]:
    """Return some steps, from 0, evenly apart; the last is among them."""
    return sorted({round(place * (steps - 1) / _ROWS) for place in range(_ROWS + 1)}) if steps else []


def _row(record: TrainingRecord, step: int) -> list[str]:
    numbers = [record.series[name][step] if name in record.series else math.nan for name in COLUMNS]
    return [str(step + 1), *("" if math.isnan(number) else decimal(number) for number in numbers)]
