"""LAW: relations that answers must satisfy by themselves and among one another, whatever the exact ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks.registry import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "laws"


def test_law_holds(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
