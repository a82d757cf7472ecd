"""Faults that happened elsewhere have mutants that stand for them, one at least for every category."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from meta.mutants.catalogue import MUTANTS

FAULTS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "known_faults.toml").read_text(encoding="utf-8"))[
    "fault"
]
CATEGORIES = defaultdict(set)
for fault in FAULTS:
    CATEGORIES[fault["category"]].update(fault["mutants"])


def test_every_fault_that_happened_is_listed_once() -> None:
    assert len({fault["id"] for fault in FAULTS}) == len(FAULTS) >= 80


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_a_mutant_and_each_mutant_exists(category: str) -> None:
    assert CATEGORIES[category]
    assert CATEGORIES[category] <= set(MUTANTS)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["id"] for fault in FAULTS])
def test_fault_is_told_with_source_or_none_and_mutants_or_a_reason(fault: dict[str, Any]) -> None:
    assert set(fault) <= {"id", "project", "category", "url", "mutants", "note"}
    assert fault["category"]
    assert fault.get("url", "https://github.com/").startswith("https://github.com/")
    assert fault["mutants"] or fault.get("note")
    assert fault.get("note", ".").endswith(".")
