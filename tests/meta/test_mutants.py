"""Every mutant is killed by the clause that names its fault; the control and other correct code never are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_adapters import control
from logitproof_conformance.checks import CHECK_JUDGES
from logitproof_conformance.judging import CellEvaluation, judge_regime
from logitproof_conformance.plan import plan_cases
from logitproof_reference.formats import FORMATS
from logitproof_reference.specification import CLAUSES
from meta.mutant import (
    GRAD_INDEX_LOSS,
    GRAD_SOFTMAX,
    INDEX_LOSS,
    LOG_SOFTMAX,
    SOFTMAX,
    Mutant,
    MutantAdapter,
    ask_control,
)
from meta.mutants import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from numpy.typing import NDArray

    from logitproof_reference.judgements import Judgement

    Array = NDArray[Any]

HARMLESS = {"conforms", "unsupported"}


def judgements(mutant: Mutant) -> Iterator[Judgement]:
    """Judge the mutant's cell by the whole matrix."""
    adapter, cell = MutantAdapter(mutant), mutant.cell
    evaluation = CellEvaluation(adapter, cell, mutant.profile)
    for case in plan_cases(adapter, mutant.profile):
        if case.cell == cell:
            yield from CHECK_JUDGES.get(case.regime, judge_regime)(evaluation, case)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_mutant_is_killed_by_the_clause_that_names_its_fault(mutant: Mutant) -> None:
    killers = {found.clause for found in judgements(mutant) if found.verdict not in HARMLESS}
    assert mutant.clause in killers


def without_fault(mutant: Mutant) -> Mutant:
    return replace(mutant, name="control", fault="None.", parts={}, ask=ask_control)


CELLS = {mutant.cell: without_fault(mutant) for mutant in MUTANTS.values() if mutant.profile == "quick"}


def deviating(mutant: Mutant) -> set[tuple[str, str]]:
    return {(found.clause, found.regime) for found in judgements(mutant) if found.verdict == "deviates"}


@pytest.mark.parametrize("harmless", CELLS.values(), ids=[cell.id for cell in CELLS])
def test_control_is_never_killed_in_the_cells_of_mutants(harmless: Mutant) -> None:
    assert deviating(harmless) == set()


def one_by_one(x: Array) -> Array:
    return np.cumsum(x, axis=-1)[..., -1:]


def in_float64(x: Array) -> Array:
    wide: Array = x.sum(axis=-1, keepdims=True, dtype=np.float64)
    return wide.astype(x.dtype)


def division_free(x: Array) -> Array:
    t = control.shifted(x)
    return np.exp(t - np.log(control.total(np.exp(t))))


def by_reciprocal(x: Array) -> Array:
    exponentials = np.exp(control.shifted(x))
    return exponentials * (1 / control.total(exponentials))


ALTERNATIVES = {
    "one_by_one": {"total": one_by_one},
    "float64_sum": {"total": in_float64},
    "division_free": {"shares": division_free},
    "reciprocal": {"shares": by_reciprocal},
    "division_free_one_by_one": {"shares": division_free, "total": one_by_one},
}
"""Other ways to write it, as correct as the control."""


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("question", [SOFTMAX, LOG_SOFTMAX, INDEX_LOSS, GRAD_INDEX_LOSS, GRAD_SOFTMAX], ids="-".join)
@pytest.mark.parametrize("parts", ALTERNATIVES.values(), ids=list(ALTERNATIVES))
def test_other_correct_code_is_never_killed(
    parts: dict[str, Callable[..., Array]], question: tuple[str, str, str], format_: str
) -> None:
    assert deviating(Mutant("alternative", "None.", "VAL-1", question, parts, format=format_)) == set()


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_mutant_says_its_fault_and_changes_the_control_only(mutant: Mutant) -> None:
    assert mutant.fault.endswith(".")
    assert mutant.clause in CLAUSES
    assert all(hasattr(control, part) for part in mutant.parts)
    assert mutant.parts or mutant.ask is not Mutant.__dataclass_fields__["ask"].default


def test_there_are_enough_mutants_under_names_of_their_own() -> None:
    assert len(MUTANTS) >= 60
