"""ROW, LAW-5: rows do not depend on their neighbours, their position, or repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks.registry import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "rows"


def test_row_keeps_its_bits(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
