"""TRN: small models, trained as each framework's documentation does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.sources.trainer import NO_TRAINER, trainer_of
from logitproof_conformance.training.judging import judge_training

if TYPE_CHECKING:
    from logitproof_conformance.judging.ledger_verdict import Conclude
    from logitproof_conformance.plan.cases import Case
    from logitproof_conformance.plugin import Suite

TEST_MODULE = "training"


def test_training_follows_the_exact_steps(case: Case, suite: Suite, conclude: Conclude) -> None:
    run = suite.runs[case.cell.adapter]
    conclude(judge_training(run.adapter, case, run.profile))
    if trainer_of(run.adapter) is None:
        pytest.skip(NO_TRAINER)
