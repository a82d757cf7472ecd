"""All calls beside the matrix: those that were written one by one, and those derived from tables.

An upgrade evaluates them on both sides and compares the two answers; each side is also compared with the one right
answer of a call that has one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from logitproof_adapters.catalogue.extra_calls.of_releases import OF_RELEASES
from logitproof_adapters.catalogue.extra_calls.of_reports import OF_REPORTS
from logitproof_adapters.catalogue.extra_calls.pairwise.packages import derived_calls

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall

CALLS = (*OF_RELEASES, *OF_REPORTS)
"""Those that were written one by one."""


@cache
def calls_of(package: str) -> tuple[ExtraCall, ...]:
    """Return all calls of a package; empty if there is none."""
    return (*(call for call in CALLS if call.package == package), *derived_calls(package))
