"""Which clauses a cell of an adapter breaks, judged without pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.session.without_pytest import judge_regimes

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation

HARMLESS = {"conforms", "unsupported"}


def objecting_clauses(evaluation: CellEvaluation, profile: str) -> set[str]:
    """Return the clauses that a cell breaks."""
    return {found.clause for _, found in judge_regimes(evaluation, profile) if found.verdict not in HARMLESS}
