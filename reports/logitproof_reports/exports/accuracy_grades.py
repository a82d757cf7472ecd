"""The accuracy grades of a run as JSON, one object per cell."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from logitproof_reference.bounds.half_precision import ACCURACY_GRADES
from logitproof_reports.counting.accuracy_grades import grades_of
from logitproof_reports.counting.run_table import prepare

if TYPE_CHECKING:
    from logitproof_reports.runs.schema import Run


def accuracy_grades(run: Run) -> str:
    """Return ``{"grades": {letter: meaning}, "cells": [...]}``; a number that JSON cannot hold is null."""
    cells = [
        {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in one.items()}
        for one in map(asdict, grades_of(prepare(run)))
    ]
    return json.dumps({"grades": ACCURACY_GRADES, "cells": cells}, indent=1) + "\n"
