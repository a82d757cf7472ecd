"""Planted faults of which the tests take one in three, and `nox -s planted` all: each is a whole check of a head."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE = "LOGITPROOF_TEST_FAULTS"
LEFT_OUT = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"one in three is tested; set {VARIABLE} for all")


def one_in_three(planted: Sequence[Any]) -> list[Any]:
    """Return the parameters of a test, two of three of them skipped."""
    return [pytest.param(one, id=one.fault, marks=[LEFT_OUT] if place % 3 else []) for place, one in enumerate(planted)]
