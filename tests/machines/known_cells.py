"""A pytest plugin that keeps the cases that the ledger of the framework names, on whatever machine; all without one.

``logitproof run --framework tensorflow -- -p machines.known_cells``, with the folder ``tests`` on PYTHONPATH. Emulation
is slow, and what no entry names has no reason to differ.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from logitproof_adapters.catalogue import ledger
from logitproof_conformance.plan.cases import Case

if TYPE_CHECKING:
    from logitproof_adapters.catalogue.ledger import Deviation


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what no ledger entry names."""
    kept = [item for item in items if _is_named(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _is_named(item)])
    items[:] = kept


def _is_named(item: pytest.Item) -> bool:
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    if not isinstance(case, Case):
        return False
    entries = ledger.load(case.cell.adapter).deviations
    return not entries or any(_names(entry, case) for entry in entries)


def _names(entry: Deviation, case: Case) -> bool:
    return any(fnmatchcase(case.cell.id, glob) for glob in entry.cells) and any(
        fnmatchcase(case.regime, glob) for glob in entry.regimes
    )
