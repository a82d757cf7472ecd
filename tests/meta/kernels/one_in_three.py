"""Heads of which the tests take one in three, and `nox -s planted` all: a check of one takes seconds."""

from __future__ import annotations

import os
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VARIABLE = "LOGITPROOF_TEST_FAULTS"
LEFT_OUT = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"one in three is tested; set {VARIABLE} for all")


def one_in_three(heads: Sequence[Any], name: Callable[[Any], str] = attrgetter("fault")) -> list[Any]:
    """Return the parameters of a test, two of three of them skipped."""
    return [pytest.param(one, id=name(one), marks=[LEFT_OUT] if place % 3 else []) for place, one in enumerate(heads)]
