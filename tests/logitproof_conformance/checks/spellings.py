"""The same rows by an alternative call: as accurate as the usual one (IO-5); and scalar logits (IO-4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from logitproof_conformance.asking.ask import ask_with, digest
from logitproof_conformance.judging.judging import judgement, spell, verdict_on
from logitproof_conformance.judging.related import first_failure
from logitproof_conformance.judging.rules import ComparedBatch
from logitproof_conformance.judging.second_answer import SecondAnswer, judge_as_good
from logitproof_conformance.plan.spellings import SPELLINGS
from logitproof_reference.vocabulary.cells import Inputs
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from logitproof_conformance.judging.judging import CellEvaluation
    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

CLAUSE = "IO-5"

NUMBERS = (1.5, -20.0, 0.0)
"""Logits without an axis, each the only class; exact in every format."""

OF_ONE_CLASS = {"softmax": 1.0, "log_softmax": 0.0}
"""What is answered to one class, where it is not its logit."""


def judge_spelling(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate the common batch by another call: what is right by the usual one is right by it too (IO-5)."""
    cell, batch, spelling = replace(case.cell, entry=case.regime), evaluation.common_batch, SPELLINGS[case.regime]

    def restored(cell: Cell, answer: NDArray[Any], batch: Batch) -> NDArray[Any]:
        return spelling.restore(cell, answer, len(batch.rows), batch.classes)

    usual = evaluation.answer(batch)
    answer = ask_with(evaluation.adapter, cell, spelling.arrange(cell, batch.rows), batch, restored)
    if (failed := first_failure(case, CLAUSE, (usual, answer))) is not None:
        yield failed
        return
    first, second = (ComparedBatch(cell, batch, one.array, evaluation.truth(batch)) for one in (usual, answer))
    asked = SecondAnswer(CLAUSE, spelling.says, first, second, cell, partial(spelling.arrange, cell))
    yield judge_as_good(evaluation.adapter, case, asked)


def judge_zero_dimensions(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Evaluate logits of no axis, one number each: its class is certain, as one of one is (IO-4)."""
    batch, dtype = replace(evaluation.common_batch, classes=1), FORMATS[case.cell.format].dtype
    asked = [Inputs(logits=np.array(number, dtype), axis=0) for number in NUMBERS]
    answers = [ask_with(evaluation.adapter, case.cell, inputs, batch, _of_no_axis) for inputs in asked]
    if (failed := first_failure(case, "IO-4", answers)) is not None:
        yield failed
        return
    observed = [float(answer.array) for answer in answers]
    due = [OF_ONE_CLASS.get(case.cell.op, number) for number in NUMBERS]
    wrong = next((place for place in range(len(NUMBERS)) if observed[place] != due[place]), None)
    found = replace(
        judgement(case, "IO-4", verdict_on("IO-4", good=wrong is None)),
        elements=len(NUMBERS),
        digest=digest(np.array([answer.array for answer in answers])),
    )
    if wrong is None:
        yield found
        return
    reason = f"the logit {NUMBERS[wrong]:.9g} without an axis gives {observed[wrong]:.9g}, expected {due[wrong]:.9g}"
    program = evaluation.adapter.repro(case.cell, asked[wrong])
    yield replace(found, reason=reason, inputs=spell(asked[wrong].arrays()), repro=program)


def _of_no_axis(_cell: Cell, answer: NDArray[Any], _batch: Batch) -> NDArray[Any]:
    if answer.shape:
        raise ValueError(f"the result has shape {answer.shape}, expected ()")
    return answer
