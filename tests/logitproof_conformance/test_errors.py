"""ERR, IO-6: inputs that cannot be right, and labels in other formats, give an error, NaN or what is documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logitproof_conformance.checks import CHECK_JUDGES

if TYPE_CHECKING:
    from logitproof_conformance.conclusion import Conclude
    from logitproof_conformance.judging import CellEvaluation
    from logitproof_conformance.plan import Case

CHAPTER = "errors"


def test_bad_input_is_refused(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    conclude(CHECK_JUDGES[case.regime](evaluation, case))
