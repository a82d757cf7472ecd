"""Rows are independent: of their neighbours, position and number, and of earlier calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import ask, digest, same_bits
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    failure,
    judgement,
    repro_of,
    spell_inputs,
    verdict_on,
)
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import FAMILY
from logitproof_reference.cases.catalogue import poisoned
from logitproof_reference.judging.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.regime import Rows
    from logitproof_reference.vocabulary.judgement import Judgement


@dataclass(frozen=True)
class RepeatedAnswer:
    """The answers to two calls that should agree bit for bit on some rows of the common batch.

    Attributes
    ----------
    before, after : arrays of one shape
        The answers on the rows compared.
    rows : int array
        Where those rows lie in the batch.
    """

    before: NDArray[Any]
    after: NDArray[Any]
    rows: NDArray[np.intp]

    @cached_property
    def changed(self) -> NDArray[np.bool_]:
        """Where the bits differ."""
        return ~same_bits(self.before, self.after)


def judge_poisoned_neighbours(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Replace some rows by NaN and infinities; the others must keep their bits (ROW-1)."""
    rows, untouched = poisoned(evaluation.common_batch.rows)
    yield _ask_again(evaluation, case, "ROW-1", rows, np.flatnonzero(untouched))


def judge_another_place(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Hand in the same rows in reverse order: each should give the bits it gave before (ROW-2)."""
    backwards = np.arange(len(evaluation.common_batch.rows))[::-1]
    yield _ask_again(evaluation, case, "ROW-2", evaluation.common_batch.rows[backwards], backwards)


def judge_row_alone(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate the first row alone: it must be as accurate (VAL-1 and others), with the same bits (ROW-2)."""
    batch, cell = evaluation.common_batch, case.cell
    clause = f"{FAMILY[cell.quantity]}-1"
    alone = ask(evaluation.adapter, cell, replace(batch, rows=batch.rows[:1]))
    if (failed := first_failure(case, clause, (evaluation.answer(batch), alone))) is not None:
        yield failed
        return
    truth = evaluation.truth(batch)
    comparison = compare(alone.array, truth.exact[:1], truth.must[:1], batch.format)
    worst = comparison.worst()
    reason = (
        ""
        if comparison.conforms.all()
        else f"row 0 evaluated alone: error is {comparison.slack.flat[worst]:.3g}x the bound"
    )
    found = judgement(case, clause, verdict_on(clause, good=not reason), reason=reason)
    yield replace(
        found,
        elements=alone.array.size,
        slack=float(comparison.slack.flat[worst]),
        ulps=float(comparison.ulps.flat[worst]),
        repro=repro_of(evaluation, batch, 0) if reason else "",
    )
    twice = RepeatedAnswer(evaluation.answer(batch).array[:1], alone.array, np.arange(1))
    same = replace(judgement(case, "ROW-2", "conforms"), elements=alone.array.size, digest=digest(alone.array))
    yield describe_change(evaluation, same, twice) if twice.changed.any() else same


def judge_repeated_call(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate the same twice more, because two kernels may alternate: the bits should be the same (LAW-5)."""
    rows = evaluation.common_batch.rows
    found = _ask_again(evaluation, case, "LAW-5", rows, np.arange(len(rows)))
    if found.verdict == "conforms":
        found = _ask_again(evaluation, case, "LAW-5", rows, np.arange(len(rows)))
    yield found


def _ask_again(evaluation: CellEvaluation, case: Case, clause: str, rows: Rows, origin: NDArray[np.intp]) -> Judgement:
    """Evaluate `rows` and compare bits with the first answer; `origin` gives the source of each compared row."""
    batch = evaluation.common_batch
    first = evaluation.answer(batch)
    again = ask(evaluation.adapter, case.cell, replace(batch, rows=rows))
    for answer in (first, again):
        if (failed := failure(case, answer, clause)) is not None:
            return replace(failed, repro=repro_of(evaluation, batch, 0))
    before, after = first.array[origin], again.array
    twice = RepeatedAnswer(before, after if len(after) == len(origin) else after[origin], origin)
    found = replace(judgement(case, clause, "conforms"), elements=twice.before.size, digest=digest(twice.after))
    return describe_change(evaluation, found, twice) if twice.changed.any() else found


def describe_change(evaluation: CellEvaluation, found: Judgement, twice: RepeatedAnswer) -> Judgement:
    """Describe the first element whose bits changed."""
    place = np.unravel_index(int(np.argmax(twice.changed)), twice.changed.shape)
    row = int(twice.rows[place[0]])
    batch = evaluation.common_batch
    regime, number = batch.locate(row)
    count = int(twice.changed.reshape(len(twice.rows), -1).any(axis=1).sum())
    before, after = float(twice.before[place]).hex(), float(twice.after[place]).hex()
    return replace(
        found,
        verdict=verdict_on(found.clause, good=False),
        reason=f"{count} of {len(twice.rows)} rows changed bits; first: row {number} of {regime}, "
        f"{before} became {after}",
        row=number,
        element=int(place[1]) if len(place) > 1 else -1,
        exact=before,
        observed=after,
        inputs=spell_inputs(evaluation.cell, batch, regime, number),
        repro=repro_of(evaluation, batch, row),
    )
