"""A diff as JSON, for other programs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .classes import CLASSES, RANK
from .environment import versions
from .findings import findings_of, what_of
from .to_terminal import verdict_lines

if TYPE_CHECKING:
    from .causes import Cause
    from .compare import Diff
    from .report import DiffReport
    from .ruling import Ruling

FORMAT = 3
"""Number of the layout below; it is raised whenever a key is renamed, removed or means something else.

1. The first.
2. ``complaints`` became ``reasons``; ``word``, ``comparable``, ``policy`` and ``causes`` came.
3. ``standing`` of a cause became ``gate_status``; ``origins`` came.
"""

_WORDS = ("cell", "regime", "clause")
_SIDES = ("verdict", "ulps", "slack", "nats", "exact", "observed", "accuracy_class", "deviation", "digest")


def as_json(report: DiffReport) -> str:
    """Return a diff as JSON.

    ``format``, ``word``, ``safe``, ``comparable``, ``verdict`` (lines), ``policy``, ``reasons``, ``before`` and
    ``after`` (adapter to framework and version), ``origins`` (when and by which commands each side was made),
    ``case_set``, ``environment`` (what else differs), ``counts`` (judgements and cells by class), ``causes`` (what
    changed, those that block first), ``findings`` (worst first, with the row of their worst in ``changes``) and
    ``changes``: every judgement that is not identical, as columns, worst first; each of the measures has a ``before``
    and an ``after``. Infinite numbers are spelled ``"inf"``, missing ones null.
    """
    diff, ruling = report.diff, report.ruling
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
        "word": report.word,
        "safe": report.safe,
        "comparable": report.comparable,
        "verdict": verdict_lines(report),
        "policy": report.policy,
        "fail_on": list(ruling.fail_on),
        "reasons": report.reasons,
        "waived": [vars(waived) for waived in ruling.waived],
        "before": _side(diff.before),
        "after": _side(diff.after),
        "origins": {
            name: [origin.as_json() for origin in run.origins]
            for name, run in (("before", diff.before), ("after", diff.after))
        },
        "case_set": diff.after.case_set,
        "environment": [vars(one) for one in report.environment],
        "counts": {
            "judgements": {change.word: number for change, number in report.counts},
            "cells": {name.replace(" ", "_"): number for name, number in diff.cells_by_class().items()},
        },
        "causes": [_cause(cause) for cause in report.causes],
        "findings": findings,
        "changes": _changes(diff, ruling),
    }
    return json.dumps(told, indent=None, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"


def _cause(cause: Cause) -> dict[str, Any]:
    words = ("gate_status", "waiver", "what", "function", "hit", "cells", "formats", "modes", "machine", "worst")
    return {
        "class": cause.change.word,
        **{name: getattr(cause, name) for name in words},
        "example": vars(cause.example),
    }


def _side(run: Any) -> dict[str, Any]:
    return {adapter: {"framework": name, "version": version} for adapter, (name, version) in versions(run).items()}


def _changes(diff: Diff, ruling: Ruling) -> dict[str, list[Any]]:
    rows = np.flatnonzero(diff.rank < RANK["identical"])
    columns: dict[str, list[Any]] = {"class": [CLASSES[rank].word for rank in diff.rank[rows].tolist()]}
    columns |= {name: [diff.words(name).words[code] for code in diff.words(name).codes[rows]] for name in _WORDS}
    for name in _SIDES:
        for side, title in (("b", "before"), ("a", "after")):
            columns[f"{name}_{title}"] = [_finite_or_word(value) for value in diff.column(side, name, rows).to_pylist()]
    columns["fails"] = ruling.failing[rows].tolist()
    return columns


def _finite_or_word(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
