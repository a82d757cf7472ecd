"""Every clause of the specification is judged somewhere in the matrix, and the matrix judges nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import logitproof_conformance
from logitproof.invariance.axes import CLAUSES as INVARIANCE_CLAUSES
from logitproof.kernels.families.derived_losses import CLAUSES as DERIVED_CLAUSES
from logitproof.kernels.families.functions import CLAUSES as FUNCTION_CLAUSES
from logitproof.kernels.families.heads import CLAUSES as HEAD_CLAUSES
from logitproof.kernels.families.probabilities import CLAUSES as PROBABILITY_CLAUSES
from logitproof.kernels.judging.masks import CLAUSES as MASK_CLAUSES
from logitproof_adapters.frameworks.numpy.adapter import NumpyAdapter
from logitproof_conformance.checks.registry import CHECK_JUDGES
from logitproof_conformance.judging.judging import CellEvaluation
from logitproof_conformance.plan.cases import Case, plan_cases, plan_cells
from logitproof_conformance.plan.checks import CHECKS
from logitproof_conformance.plan.training import CLAUSES as TRAINING_CLAUSES
from logitproof_conformance.session.clauses import CHECK_CLAUSES, clauses_of
from logitproof_conformance.session.without_pytest import judge_regimes
from logitproof_reference.specification.clauses import CLAUSES, FAMILIES
from meta.mutants.mutant import LOG_SUM_EXP, Mutant, MutantAdapter

BY_COMPARISON = {"MOD-1"}
"""Judged by no case of its own: compiled cells are judged by the other clauses."""

ELSEWHERE = {
    *TRAINING_CLAUSES,
    *INVARIANCE_CLAUSES,
    *HEAD_CLAUSES,
    *DERIVED_CLAUSES,
    *MASK_CLAUSES,
    *PROBABILITY_CLAUSES,
    *FUNCTION_CLAUSES,
}
"""Judged of trainings, by `logitproof invariance`, by `logitproof check` of fused kernels, other losses and masks."""

EAGER_ALONE = {
    "ACC-3": "one more call, of a gradient that is the same in every mode",
    "HVP-3": "one more program to compile, of derivatives that are the same in every mode",
    "ERR-1": "a compiled guard may end the process; MOD-3 asks it in one of its own",
    "OPT-1": "every option is one more compilation: a reduction is asked in combinations",
}
"""Clauses that are not asked of compiled modes, and why."""

MODULES = {
    module.TEST_MODULE: module.__doc__ or ""
    for path in Path(logitproof_conformance.__path__[0]).glob("test_*.py")
    for module in [import_module(f"logitproof_conformance.{path.stem}")]
}


class EverythingAdapter(MutantAdapter):
    """Offers every cell that can be planned, eager and compiled; nobody asks it."""

    def __init__(self) -> None:
        super().__init__(Mutant("any", "None.", "VAL-1", LOG_SUM_EXP, mode="compiled"))

    def unsupported(self, cell: object) -> None:
        """Refuse nothing."""
        del cell


@pytest.fixture(scope="module", params=["quick", "full"])
def cases(request: pytest.FixtureRequest) -> list[Case]:
    return plan_cases(EverythingAdapter(), request.param)


def judged(cases: list[Case]) -> set[str]:
    return set().union(*(clauses_of(case) for case in cases))


def test_matrix_judges_every_clause_and_no_other(cases: list[Case]) -> None:
    assert judged(cases) | BY_COMPARISON | ELSEWHERE == set(CLAUSES)


def test_every_case_is_judged_by_a_clause(cases: list[Case]) -> None:
    assert [case.id for case in cases if not clauses_of(case)] == []


def test_compiled_modes_are_judged_by_the_clauses_of_eager_mode() -> None:
    cases = plan_cases(EverythingAdapter(), "full")
    by_mode = {mode: judged([case for case in cases if case.cell.mode == mode]) for mode in ("eager", "compiled")}
    assert by_mode["eager"] - by_mode["compiled"] == set(EAGER_ALONE)
    assert by_mode["compiled"] - by_mode["eager"] == {"MOD-2", "MOD-3", "MOD-4"}


def test_every_check_has_a_judge_and_clauses() -> None:
    assert set(CHECK_CLAUSES) == set(CHECKS) == set(CHECK_JUDGES)


def test_every_test_names_what_its_cases_are_judged_by(cases: list[Case]) -> None:
    by_chapter = defaultdict(set)
    for case in cases:
        by_chapter[case.chapter] |= {part for id_ in clauses_of(case) for part in (id_, id_.split("-")[0])}
    assert set(by_chapter) == set(MODULES) - {"unsupported", "training"}
    for chapter, found in by_chapter.items():
        named = set(re.findall(rf"\b(?:{'|'.join(FAMILIES)})(?:-\d+)?\b", MODULES[chapter].partition(":")[0]))
        assert named, chapter
        assert named <= found, chapter


@pytest.fixture(scope="module")
def found_of_control() -> list[tuple[Case, str, str]]:
    """Judge the control, eager by all and compiled beside eager, in float32: cases with clauses and verdicts."""
    compiled = EverythingAdapter()
    asked = [(NumpyAdapter(), "eager"), (MutantAdapter(compiled.mutant), "compiled")]
    return [
        (case, found.clause, found.verdict)
        for adapter, mode in asked
        for cell in plan_cells(adapter, "quick")
        if (cell.mode, cell.format) == (mode, "float32") and adapter.unsupported(cell) is None
        for case, found in judge_regimes(CellEvaluation(adapter, cell, "quick"), "quick")
    ]


def test_judgements_cite_a_clause_of_their_case(found_of_control: list[tuple[Case, str, str]]) -> None:
    assert [(case.id, clause) for case, clause, _ in found_of_control if clause not in clauses_of(case)] == []


def test_control_meets_every_clause_by_a_judgement_of_its_own(found_of_control: list[tuple[Case, str, str]]) -> None:
    met = {clause for _, clause, verdict in found_of_control if verdict == "conforms"}
    assert met | BY_COMPARISON | ELSEWHERE == set(CLAUSES)
