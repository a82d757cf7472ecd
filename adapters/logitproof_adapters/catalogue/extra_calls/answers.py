"""All calls beside the matrix, and a framework's answers to them.

An upgrade evaluates them on both sides and compares the two answers; each side is also compared with the one right
answer of a call that has one. The module travels to targets.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from logitproof_adapters.catalogue.extra_calls.of_releases import OF_RELEASES
from logitproof_adapters.catalogue.extra_calls.of_reports import OF_REPORTS

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.extra_calls.call import ExtraCall

CALLS = (*OF_RELEASES, *OF_REPORTS)


def answers() -> list[dict[str, Any]]:
    """Return the position of each call whose package is loaded, with its value or with what it raised."""
    return [{"call": place, **_answer(call)} for place, call in enumerate(CALLS) if call.package in sys.modules]


def _answer(call: ExtraCall) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": __name__}  # some look up the module of a function
    try:
        exec(call.imports, namespace)  # noqa: S102  the text above
        return {"value": float(eval(call.source, namespace)).hex()}  # noqa: S307  likewise
    except Exception as error:  # noqa: BLE001  whatever a framework raises is its answer
        first_line = next(iter(str(error).strip().splitlines()), "")
        return {"raised": f"{type(error).__name__}: {first_line[:200]}"}
