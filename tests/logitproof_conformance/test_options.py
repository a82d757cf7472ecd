"""OPT: reductions, weights, ignored rows and smoothing mean what is documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging.judging import judge_regime

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "options"


def test_option_means_what_is_documented(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(judge_regime(evaluation, case))
