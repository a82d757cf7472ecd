"""EXT: extreme logits give the limit in the extended reals, or NaN where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging import judge_regime

if TYPE_CHECKING:
    from logitproof_conformance.conclusion import Conclude
    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case

CHAPTER = "extremes"


def test_extreme_row_gives_the_limit(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(judge_regime(evaluation, case))
