"""Cells that a framework does not offer: recorded with the reason, never omitted silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof_conformance.judging.judging import judgement

if TYPE_CHECKING:
    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case

TEST_MODULE = "unsupported"


def test_cell_is_offered(case: Case, evaluation: CellEvaluation, conclude: Conclude) -> None:
    reason = evaluation.adapter.unsupported(case.cell) or ""
    conclude([judgement(case, "IO-1", "unsupported", reason=reason)])
    pytest.skip(reason)
