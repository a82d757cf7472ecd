"""The severity of a failing judgement: by the level of its clause, its verdict, and its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_reference.specification.verdicts import LEVELS, VERDICT_RANKS
from logitproof_reference.vocabulary.severity import MOST_SEVERE_FIRST, severity_of
from logitproof_reports.words.outcomes import BY_RANK, UNEXPECTED

if TYPE_CHECKING:
    from .run_table import Judged

_RANKS = [outcome.rank for outcome in BY_RANK if outcome.name in UNEXPECTED]
_READ = ("grade", "verdict", "clause", "exact", "observed")


def most_severe_of(judged: Judged, framework: str) -> dict[str, Any]:
    """Return the most severe unexpected judgement of a framework that has one; of equals the one furthest off."""
    mine = judged.framework.is_word(framework) & np.isin(judged.rank, _RANKS)
    rows = judged.worst_first[mine[judged.worst_first]]
    records = judged.table.select(_READ).take(rows).to_pylist()
    return judged.record(int(min(zip(map(severity_rank, records), range(len(rows)), rows, strict=True))[-1]))


def severity_rank(record: dict[str, Any]) -> tuple[int, int, int]:
    """Return the sort key of a judgement that does not conform, the most severe first."""
    level = LEVELS.index(record["grade"]) if record["grade"] in LEVELS else len(LEVELS)
    return level, -VERDICT_RANKS[record["verdict"]], MOST_SEVERE_FIRST.index(severity_of(record))
