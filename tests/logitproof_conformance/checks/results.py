"""The result itself: its format, changes to the inputs, an empty batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_conformance.asking.ask import ask
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    failure,
    judgement,
    repro_of,
    verdict_on,
)
from logitproof_conformance.plan.layout import arrange, due_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_conformance.asking.ask import Answer
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.vocabulary.judgement import Judgement


def judge_result(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Look at the result itself: its format (IO-1), and whether the call left its inputs alone (IO-2)."""
    answer = evaluation.answer(evaluation.common_batch)
    if (failed := failure(case, answer, "IO-1")) is not None:
        yield replace(failed, repro=repro_of(evaluation, evaluation.common_batch, 0))
        return
    elements = 0 if answer.observed is None else answer.observed.size
    wrong = (
        "" if answer.dtype == case.cell.format else f"the result has format {answer.dtype}, expected {case.cell.format}"
    )
    modified = f"the call modified its {', '.join(answer.modified)}" if answer.modified else ""
    for clause, reason in (("IO-1", wrong), ("IO-2", modified)):
        found = judgement(case, clause, verdict_on(clause, good=not reason), reason=reason)
        repro = repro_of(evaluation, evaluation.common_batch, 0) if reason else ""
        yield replace(found, elements=elements, repro=repro)


def judge_empty_batch(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate with no rows at all: the answer has no rows either (IO-3)."""
    batch = evaluation.common_batch
    empty = batch.rows[:0]
    answer = ask(evaluation.adapter, case.cell, replace(batch, rows=empty))
    if wrong := _wrong_of_nothing(answer, case.cell.format):
        repro = evaluation.adapter.repro(case.cell, arrange(case.cell, empty))
        yield replace(judgement(case, "IO-3", "deviates", reason=wrong), repro=repro)
        return
    due = due_shape(case.cell, 0, batch.classes)
    yield replace(judgement(case, "IO-3", "conforms"), reason=f"shape {due}")


def _wrong_of_nothing(answer: Answer, format_: str) -> str:
    """Return what is wrong with the answer to an empty batch; empty if nothing is."""
    if answer.failure:
        return f"an empty batch raises {answer.failure}"
    if answer.misshapen:
        return f"with an empty batch, {answer.misshapen}"
    return "" if answer.dtype == format_ else f"an empty batch returns format {answer.dtype}, expected {format_}"
