"""OPT: reductions, weights, ignored rows and smoothing mean what is documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.judging import judge_regime

if TYPE_CHECKING:
    from logitproof_conformance.conclusion import Conclude
    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case

CHAPTER = "options"


def test_option_means_what_is_documented(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(judge_regime(evaluation, case))
