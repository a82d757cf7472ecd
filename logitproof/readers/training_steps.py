"""The steps of a run's trainings for experiment trackers: one mapping per step."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from logitproof_reference.training.record import TrainingRecord

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run


def training_steps(run: Run) -> list[dict[str, float]]:
    """Return every finite number of every training by ``CELL/TASK/SERIES``, one mapping per step; may be empty."""
    told = run.table.filter(pc.not_equal(run.table["series"], "")).select(["cell", "series"]).to_pylist()
    records = [(one["cell"], TrainingRecord.from_json(one["series"])) for one in told]
    series = {
        f"{cell}/{record.task}/{name}": values for cell, record in records for name, values in record.series.items()
    }
    steps = zip_longest(*series.values(), fillvalue=math.nan)
    return [{name: v for name, v in zip(series, values, strict=True) if math.isfinite(v)} for values in steps]
