"""The regime without rows."""

from __future__ import annotations

import numpy as np

from logitproof_reference.cases.regime import Regime
from logitproof_reference.cases.regimes.ordinary import TEN

EMPTY_BATCH = Regime(
    "empty_batch",
    "No rows: the result must be empty with the right shape and format, without an error or a crash.",
    TEN,
    {"quick": 0, "full": 0},
    lambda _format, count: np.zeros((count, TEN)),
    clause="IO-3",
    source="https://github.com/tensorflow/tensorflow/issues/6766, https://github.com/pytorch/pytorch/issues/134431",
)
