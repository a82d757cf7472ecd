"""EXT: extreme logits give the limit in the extended reals, or NaN if there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging.judging import judge_regime

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "extremes"


def test_extreme_row_gives_the_limit(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(judge_regime(evaluation, case))
