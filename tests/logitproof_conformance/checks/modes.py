"""A compiled mode compared with eager mode: bits (MOD-2, reported), format, shape and refusals (MOD-3, MOD-4)."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof_adapters import contract
from logitproof_conformance.asking.ask import Answer, ask, ask_with, digest, same_bits
from logitproof_conformance.judging.judging import CellEvaluation, judgement, repro_of, verdict_on
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.plan.layout import arrange
from logitproof_conformance.programs.ending import SHELL_SIGNALED

STRAY_ROW = 0
"""The row of the common batch, one of ``typical``, whose label is made no class."""

ROWS_ALONE = 128
"""Enough that a compiler makes their loop parallel, few enough to keep the program."""

RAISED, IS_NAN, ANSWERED, ENDED = "raised", "NaN", "answered", "ended"
"""The handling of a label that is no class: an error, NaN in its row, a number, or the end of the process."""

SECONDS = 300
"""How much CPU time a program that runs alone may take: it imports a framework and compiles."""

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logitproof_adapters.contract import Adapter
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell, Inputs
    from logitproof_reference.vocabulary.judgement import Judgement


def judge_eager_answer(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate in eager mode too: compare format and shape (MOD-3), and count equal bits (MOD-2)."""
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
    """Describe how the compiled mode changed eager mode's format and shape; empty if it kept both or there is none."""
    if eager.failure:
        return ""
    if compiled.failure:
        return f"this mode fails, eager mode does not: {compiled.failure}"
    if compiled.misshapen != eager.misshapen:
        shape, eager_shape = (answer.misshapen or "as expected" for answer in (compiled, eager))
        return f"shape differs from eager: {shape} in this mode, {eager_shape} in eager mode"
    if compiled.dtype != eager.dtype:
        return f"the result has format {compiled.dtype} in this mode, {eager.dtype} in eager mode"
    return ""


def _compared_bits(case: Case, eager: Answer, compiled: Answer) -> Judgement:
    """Report how many elements have eager's bits."""
    same = same_bits(eager.array, compiled.array)
    told = f"{int(same.sum())} of {same.size} elements have the same bits as in eager mode"
    found = judgement(case, "MOD-2", "conforms", reason="" if same.all() else told)
    return replace(found, elements=same.size, digest=digest(compiled.array))


def judge_eager_refusal(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Hand in a label that is no class: what eager mode refuses, this mode refuses too (MOD-4), or gives NaN (MOD-3).

    This mode is asked by its repro in a process of its own, for a guard that is compiled may end the process.
    """
    cell = case.cell
    batch = replace(evaluation.common_batch, rows=evaluation.common_batch.rows[:ROWS_ALONE])
    indices = batch.rows.indices.copy()
    indices[STRAY_ROW] = batch.classes
    inputs = arrange(cell, replace(batch.rows, indices=indices))
    eager = ask_with(evaluation.adapter, replace(cell, mode="eager"), inputs, batch)
    refused = bool(eager.failure) or bool(np.isnan(eager.array[STRAY_ROW].astype(np.float64)).all())
    program = evaluation.adapter.repro(cell, inputs)
    if not refused or not program:
        reason = "eager mode accepts this label" if program else "the adapter has no repro to run in a separate process"
        yield judgement(case, "MOD-3", "unsupported", reason=reason)
        return
    outcome, seen = run_alone(evaluation.adapter, program)
    said = f"label {batch.classes} of {batch.classes} classes: eager mode: {eager.failure or 'NaN'}; this mode {seen}"
    holds = {"MOD-3": outcome in {RAISED, IS_NAN}}
    if eager.failure and holds["MOD-3"]:
        holds["MOD-4"] = outcome == RAISED
    for clause, good in holds.items():
        found = judgement(case, clause, verdict_on(clause, good=good), reason=said)
        yield replace(found, elements=1, row=STRAY_ROW, repro="" if good else program)


def judge_kept_refusal(
    evaluation: CellEvaluation, case: Case, asked: tuple[Cell, Inputs, Batch], answer: Answer
) -> Iterator[Judgement]:
    """Hand in a bad input in eager mode too: where that raises, this mode, whose answer is given, should (MOD-4)."""
    cell, inputs, batch = asked
    eager_cell = replace(cell, mode="eager")
    if cell.mode == "eager" or evaluation.adapter.unsupported(eager_cell) is not None:
        return
    eager = ask_with(evaluation.adapter, eager_cell, inputs, batch)
    if not eager.failure:
        return
    found = judgement(case, "MOD-4", verdict_on("MOD-4", good=bool(answer.failure)))
    if answer.failure:
        yield found
        return
    given = answer.misshapen or ("NaN" if np.isnan(answer.array.astype(np.float64)).all() else "a result")
    reason = f"eager mode raises {eager.failure}; this mode returns {given}"
    yield replace(found, reason=reason, repro=evaluation.adapter.repro(cell, inputs))


def run_alone(adapter: Adapter, program: str) -> tuple[str, str]:
    """Run a repro in a process of its own: what became of the stray label, and what was seen.

    With two threads, so that loops are made parallel or not whatever the machine.
    """
    try:
        done = contract.run_alone(adapter, program, {"OMP_NUM_THREADS": "2"}, SECONDS)
    except subprocess.TimeoutExpired as error:
        return ENDED, f"does not finish in {error.timeout:g} s, waiting"
    last_words = (done.stderr.strip().splitlines() or [""])[-1][:200]
    killed_by = max(-done.returncode, done.returncode - SHELL_SIGNALED)
    if killed_by == signal.SIGXCPU:
        return ENDED, f"does not finish in {SECONDS} s of processor time"
    if killed_by > 0:
        return ENDED, f"kills the process with signal {killed_by}: {last_words}"
    if done.returncode > 0:
        return RAISED, f"raises {last_words}"
    _, numbers = done.stdout.strip().splitlines()[-1].split(" ", 1)
    stray = json.loads(numbers.replace("nan", "NaN").replace("inf", "Infinity"))[STRAY_ROW]
    return IS_NAN if np.isnan(stray).all() else ANSWERED, f"returns {stray}"
