"""The matrix without pytest: every judgement on a cell, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import judge_regime
from logitproof_conformance.plan.cases import cases_of
from logitproof_conformance.session.deaths import with_deaths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement


def sweep(evaluation: CellEvaluation, profile: str) -> Iterator[tuple[Case, Judgement]]:
    """Judge a cell by every regime and check that makes sense for it; none where the adapter does not offer it."""
    for case in cases_of(evaluation.adapter, evaluation.cell, profile):
        if case.chapter != "unsupported":
            judgements = CHECK_JUDGES.get(case.regime, judge_regime)(evaluation, case)
            for found in with_deaths(case, judgements):
                yield case, found
