"""A target that ends while a case is judged: the verdict on that case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_adapters.targets.link import TargetDied
from logitproof_conformance.judging.judging import judgement
from logitproof_conformance.programs.ending import program_that_ends
from logitproof_conformance.session.clauses import clauses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement


FEW = 16
"""Rows that are tried first where a check, and no regime, ended the process."""


def with_deaths(evaluation: CellEvaluation, case: Case, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
    """Yield judgements as they are made; where the target ends in between, ``crashed`` in place of the rest."""
    try:
        yield from judgements
    except TargetDied as error:
        yield crashed(evaluation, case, error, f"{type(error).__name__}: {error}")


def crashed(evaluation: CellEvaluation, case: Case, error: TargetDied, reason: str) -> Judgement:
    """Return the judgement on a case in which the target ended, with a program that ends so."""
    first = next(iter(clauses_of(case)), "")
    batch = next((one for one in evaluation.batches if case.regime in one.slices), evaluation.common_batch)
    own = batch.slices.get(case.regime, slice(0, FEW))
    fewer = [batch.rows[own.start : own.start + 1], batch.rows[own]]
    program = program_that_ends(evaluation.adapter, error, fewer)
    return replace(judgement(case, first, "crashed", reason=reason), repro=program)
