"""MOD: the compiled mode compared with eager mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks.registry import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "modes"


def test_mode_keeps_what_eager_gives(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
