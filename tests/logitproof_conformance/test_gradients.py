"""GRD, GLB: gradients of ordinary rows with respect to logits and labels lie within their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging.judging import judge_regime

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "gradients"


def test_gradient_lies_within_its_bound(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(judge_regime(evaluation, case))
