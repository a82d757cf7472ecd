"""VAL-3: the accuracy class that the outputs show; reported, never judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.conclusion import Conclude
    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case

CHAPTER = "classes"


def test_accuracy_class_is_told(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
