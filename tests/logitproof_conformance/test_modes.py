"""MOD: the compiled mode beside eager mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.conclusion import Conclude
    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case

CHAPTER = "modes"


def test_mode_keeps_what_eager_gives(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
