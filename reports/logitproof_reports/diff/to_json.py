"""A diff as JSON, for other programs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .classes import CLASSES, RANK
from .environment import differences, versions
from .findings import findings_of, what_of
from .verdict import verdict_lines

if TYPE_CHECKING:
    from .compare import Diff
    from .ruling import Ruling

FORMAT = 1
"""Number of the layout below."""

_WORDS = ("cell", "regime", "clause")
_SIDES = ("verdict", "ulps", "slack", "nats", "exact", "observed", "accuracy_class", "deviation", "digest")


def as_json(diff: Diff, ruling: Ruling) -> str:
    """Return a diff as JSON.

    ``format``, ``safe``, ``verdict`` (lines), ``before`` and ``after`` (adapter to framework and version),
    ``case_set``, ``environment`` (what else differs), ``counts`` (judgements and cells by class), ``findings`` (worst
    first, with the row of their worst in ``changes``) and ``changes``: every judgement that is not identical, as
    columns, worst first; each of the measures has a ``before`` and an ``after``. Infinite numbers are spelled
    ``"inf"``, missing ones null.
    """
    findings = [
        {
            "class": finding.change.word,
            "what": what_of(diff, finding),
            "judgements": len(finding.rows),
            "worst": finding.worst,
        }
        for finding in findings_of(diff)
    ]
    told = {
        "format": FORMAT,
        "safe": ruling.safe,
        "verdict": verdict_lines(diff, ruling),
        "fail_on": list(ruling.fail_on),
        "complaints": ruling.complaints,
        "waived": [vars(waived) for waived in ruling.waived],
        "before": _side(diff.before),
        "after": _side(diff.after),
        "case_set": diff.after.case_set,
        "environment": [vars(one) for one in differences(diff.before, diff.after)],
        "counts": {
            "judgements": {change.word: number for change, number in diff.by_class()},
            "cells": {name.replace(" ", "_"): number for name, number in diff.cells_by_class().items()},
        },
        "findings": findings,
        "changes": _changes(diff, ruling),
    }
    return json.dumps(told, indent=None, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"


def _side(run: Any) -> dict[str, Any]:
    return {adapter: {"framework": name, "version": version} for adapter, (name, version) in versions(run).items()}


def _changes(diff: Diff, ruling: Ruling) -> dict[str, list[Any]]:
    rows = np.flatnonzero(diff.rank < RANK["identical"])
    columns: dict[str, list[Any]] = {"class": [CLASSES[rank].word for rank in diff.rank[rows].tolist()]}
    columns |= {name: [diff.words(name).words[code] for code in diff.words(name).codes[rows]] for name in _WORDS}
    for name in _SIDES:
        for side, title in (("b", "before"), ("a", "after")):
            columns[f"{name}_{title}"] = [_spelled(value) for value in diff.column(side, name).take(rows).to_pylist()]
    columns["fails"] = ruling.failing[rows].tolist()
    return columns


def _spelled(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
