"""A compiled mode beside eager mode: its bits (MOD-2, reported), its format, shape and refusals (MOD-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from logitproof_conformance.evaluation import Answer, ask, digest, same_bits
from logitproof_conformance.judging import CellEvaluation, judgement, repro_of
from logitproof_conformance.related import first_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_conformance.plan import Case
    from logitproof_reference.judgements import Judgement


def judge_eager_answer(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Ask in eager mode too: format and shape are the same (MOD-3), and how many bits are (MOD-2)."""
    eager_cell, batch = replace(case.cell, mode="eager"), evaluation.common_batch
    if (reason := evaluation.adapter.unsupported(eager_cell)) is not None:
        yield judgement(case, "MOD-3", "unsupported", reason=reason)
        return
    eager, compiled = ask(evaluation.adapter, eager_cell, batch), evaluation.answer(batch)
    fault = _changed_form(eager, compiled)
    found = judgement(case, "MOD-3", "deviates" if fault else "conforms", reason=fault)
    yield replace(found, elements=len(batch.rows), repro=repro_of(evaluation, batch, 0) if fault else "")
    if not fault and first_failure(case, "MOD-2", (eager, compiled)) is None:
        yield _compared_bits(case, eager, compiled)


def _changed_form(eager: Answer, compiled: Answer) -> str:
    """Say what the compiled mode made of eager's format and shape; empty where it kept both or eager gave none."""
    if eager.failure:
        return ""
    if compiled.failure or compiled.misshapen != eager.misshapen:
        trouble = compiled.failure or compiled.misshapen or "the shape is right"
        return f"in this mode {trouble}; in eager mode it is not so"
    if compiled.dtype != eager.dtype:
        return f"the result has format {compiled.dtype} in this mode, {eager.dtype} in eager mode"
    return ""


def _compared_bits(case: Case, eager: Answer, compiled: Answer) -> Judgement:
    """Report how many elements have eager's bits."""
    same = same_bits(eager.array, compiled.array)
    told = f"{int(same.sum())} of {same.size} elements have the bits of eager mode"
    found = judgement(case, "MOD-2", "conforms", reason="" if same.all() else told)
    return replace(found, elements=same.size, digest=digest(compiled.array))
