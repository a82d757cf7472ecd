"""A few rows of every regime in one small batch, for which compilers generate other loops."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import ask
from logitproof_conformance.judging.judging import CellEvaluation, judge_rule
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import FAMILY, ComparedBatch, ComparedRows, rules_of
from logitproof_reference.specification.verdicts import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.judging.rules import Rule
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.judgement import Judgement

ROWS = 4
"""Rows of each regime: XLA fuses loops of up to 4,096 elements with their consumers, and recomputes them in each."""


def judge_few_rows(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate a few rows of every regime by themselves: what is right in the whole batch is right there too.

    Each clause is judged on all regimes, and the worst of them is reported.
    """
    whole, batch = evaluation.common_batch, few_rows(evaluation.common_batch)
    few = ask(evaluation.adapter, case.cell, batch)
    clause = f"{FAMILY[case.cell.quantity]}-1"
    if (failed := first_failure(case, clause, (evaluation.answer(whole), few))) is not None:
        yield failed
        return
    right = evaluation.seen(whole).must.conforms[_kept(whole)]
    seen = ComparedBatch(case.cell, batch, few.array, evaluation.truth(batch))
    worst: dict[str, Judgement] = {}
    for found in _of_every_regime(evaluation, case, seen, right):
        told = worst.setdefault(found.clause, found)
        if _badness(found) > _badness(told):
            worst[found.clause] = found
    yield from (_named(found, case) for found in worst.values())


def few_rows(batch: Batch) -> Batch:
    """Return the first rows of every regime of a batch."""
    ends = np.cumsum([min(part.stop - part.start, ROWS) for part in batch.slices.values()]).tolist()
    slices = {name: slice(start, end) for name, start, end in zip(batch.slices, [0, *ends], ends, strict=False)}
    return replace(batch, rows=batch.rows[_kept(batch)], slices=slices)


def _kept(batch: Batch) -> NDArray[np.intp]:
    parts = batch.slices.values()
    return np.concatenate([np.arange(part.start, min(part.stop, part.start + ROWS)) for part in parts])


def _of_every_regime(
    evaluation: CellEvaluation, case: Case, seen: ComparedBatch, right: NDArray[np.bool_]
) -> Iterator[Judgement]:
    """Judge every regime by its rules, where the answer to the whole batch was `right`."""
    for regime, rows in seen.batch.slices.items():
        part = ComparedRows(seen, rows)
        for rule in (_limited(rule, right) for rule in rules_of(case.cell, regime)):
            if (chosen := rule.chosen(part)).any():
                yield judge_rule(evaluation, replace(case, regime=regime), part, rule, chosen)


def _limited(rule: Rule, right: NDArray[np.bool_]) -> Rule:
    return replace(rule, chosen=lambda part: rule.chosen(part) & right[part.rows])


def _badness(found: Judgement) -> tuple[int, float]:
    return VERDICTS.index(found.verdict), found.slack


def _named(found: Judgement, case: Case) -> Judgement:
    """Give the judgement on a regime's few rows the check's name, and say which row it is."""
    where = f"{found.reason} (row {found.row} of {found.regime})" if found.reason else ""
    return replace(found, regime=case.regime, reason=where)
