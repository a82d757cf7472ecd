"""Every mutant is killed by the clause that names its fault; the control and other correct code never are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from logitproof_adapters.control import softmax as control
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import plan_cells
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.formats import FORMATS
from meta.mutants.catalogue import MUTANTS
from meta.mutants.findings import objecting_clauses
from meta.mutants.mutant import (
    GRAD_INDEX_LOSS,
    GRAD_SOFTMAX,
    INDEX_LOSS,
    LOG_SOFTMAX,
    MODULES,
    SOFTMAX,
    Mutant,
    MutantAdapter,
    without_fault,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    Array = NDArray[Any]


def killers(mutant: Mutant) -> set[str]:
    """Return the clauses that object to the mutant in its own cell."""
    return objecting_clauses(CellEvaluation(MutantAdapter(mutant), mutant.cell, mutant.profile), mutant.profile)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_mutant_is_killed_by_the_clause_that_names_its_fault(mutant: Mutant) -> None:
    assert mutant.clause in killers(mutant)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_mutants_own_cells_are_asked(profile: str) -> None:
    own = [mutant for mutant in MUTANTS.values() if mutant.profile == profile]
    assert all(mutant.cell in plan_cells(MutantAdapter(mutant), profile) for mutant in own)


CELLS = {mutant.cell: without_fault(mutant) for mutant in MUTANTS.values() if mutant.profile == "quick"}


@pytest.mark.parametrize("harmless", CELLS.values(), ids=[cell.id for cell in CELLS])
def test_control_is_never_killed_in_the_cells_of_mutants(harmless: Mutant) -> None:
    assert killers(harmless) == set()


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


def log_softmax_in_base_2(x: Array) -> Array:
    t = control.shifted(x) * x.dtype.type(np.log2(np.e))
    in_base_2 = (t - np.log2(control.total(np.exp2(t)))) * x.dtype.type(np.log(2))
    # Past this a product of base 2 overflows where the answer does not.
    return np.where(np.abs(x).max(axis=-1, keepdims=True) < x.dtype.type(1e30), in_base_2, LOG_SOFTMAX_OF(x))


def gradient_by_the_others(x: Array, labels: Array, cotangent: Array) -> Array:
    p = control.softmax(x)
    at_label = control.one_hot(labels, x) == 1
    others = control.total(np.where(at_label, 0, p))
    return np.asarray(cotangent[..., None] * np.where(at_label, -others, p))


LOG_SOFTMAX_OF = control.log_softmax

ALTERNATIVES = {
    "base_2": {"log_softmax": log_softmax_in_base_2},
    "gradient_by_the_others": {"grad_cross_entropy": gradient_by_the_others},
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
    alternative = Mutant("alternative", "None.", "VAL-1", question, parts, format=format_)
    assert {clause for clause in killers(alternative) if CLAUSES[clause].level == "MUST"} == set()


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_mutant_says_its_fault_and_changes_the_control_only(mutant: Mutant) -> None:
    assert mutant.fault.endswith(".")
    assert mutant.clause in CLAUSES
    assert all(any(hasattr(module, part) for module in MODULES) for part in mutant.parts)
    assert mutant.parts or mutant.program or mutant.ask is not Mutant.__dataclass_fields__["ask"].default


def test_there_are_enough_mutants_under_names_of_their_own() -> None:
    assert len(MUTANTS) >= 60


def test_every_clause_that_judges_is_the_one_that_names_some_fault() -> None:
    # Compiled modes are judged by the other clauses; what training does to its numbers, and what makes a row depend on
    # its batch, is planted where that is judged (tests/meta/conformance, tests/meta/invariance).
    elsewhere = {"TRN", "INV", "KIN", "LIN", "MSK", "PRB", "FUN"}
    judging = {id_ for id_, one in CLAUSES.items() if one.level != "MAY" and one.family not in elsewhere} - {"MOD-1"}
    assert judging - {mutant.clause for mutant in MUTANTS.values()} == set()
