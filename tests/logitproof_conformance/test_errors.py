"""ERR, IO-6: invalid inputs, and labels in other formats, give an error, NaN or what is documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks.registry import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "errors"


def test_bad_input_is_refused(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
