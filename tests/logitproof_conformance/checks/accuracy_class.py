"""The accuracy class of exact-looking answers (VAL-3, ACC-2), and certain classes (ACC-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_conformance.asking.ask import ask
from logitproof_conformance.asking.truth import arguments_of
from logitproof_conformance.judging.judging import (
    CellEvaluation,
    failure,
    finite_rows,
    judgement,
    repro_of,
    spell_exact,
    spell_inputs,
    verdict_on,
)
from logitproof_conformance.programs.repro import program_of
from logitproof_reference.judging.accuracy_classes import (
    CLASSES,
    DECISIVE,
    Outputs,
    classes,
    label_gradients,
    sigmoid_gradients,
)
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from logitproof_conformance.plan.cases import Case
    from logitproof_reference.cases.catalogue import Batch
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

    F64 = NDArray[np.float64]
    Mask = NDArray[np.bool_]

KEEPS_DIGITS, LOSES_DIGITS = CLASSES["label gradient"]


def judge_accuracy_class(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Return which kind of algorithm is at work (VAL-3), and whether the gradient at the label cancels (ACC-2)."""
    batch = evaluation.common_batch
    answer = evaluation.answer(batch)
    if (failed := failure(case, answer, "VAL-3")) is not None:
        yield failed
        return
    cell = case.cell
    finite = finite_rows(batch.rows.logits)
    arguments = arguments_of(cell, batch.rows[finite])
    outputs = Outputs(
        logits=batch.rows.logits[finite],
        observed=answer.array[finite],
        exact=evaluation.truth(batch).exact[finite],
        format=batch.format,
        labels=arguments.get("labels"),
        cotangent=arguments.get("cotangent"),
    )
    told = classes(cell.op, cell.quantity, outputs)
    elements = int(answer.array[finite].size)
    yield replace(judgement(case, "VAL-3", "conforms"), elements=elements, accuracy_class=", ".join(told))
    if {KEEPS_DIGITS, LOSES_DIGITS} & set(told):
        yield _judge_label_gradients(evaluation, case, outputs, np.flatnonzero(finite))


def _judge_label_gradients(
    evaluation: CellEvaluation, case: Case, outputs: Outputs, rows: NDArray[np.intp]
) -> Judgement:
    """Judge the gradients at the label of the rows that decide; the worst is described."""
    measured = label_gradients(outputs)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(measured.decisive, measured.error / measured.granted, -1.0)
    worst = int(np.argmax(ratio))
    batch, row, at = evaluation.common_batch, int(rows[worst]), int(outputs.indices[worst, 0])
    regime, number = batch.locate(row)
    exact, observed = outputs.exact[worst : worst + 1], float(outputs.observed[worst, at])
    found = replace(
        judgement(case, "ACC-2", verdict_on("ACC-2", good=bool(ratio[worst] <= 1.0))),
        elements=int(measured.decisive.sum()),
        slack=float(ratio[worst]),
        nats=float(measured.error[measured.decisive].max()),
        accuracy_class=KEEPS_DIGITS if ratio[worst] <= 1.0 else LOSES_DIGITS,
        row=number,
        element=at,
        exact=spell_exact(exact.value[0, at], exact.tail[0, at]),
        observed=observed.hex(),
        bound=f"{measured.granted[worst]:.6g}",
        inputs=spell_inputs(evaluation.cell, batch, regime, number),
    )
    if found.verdict == "conforms":
        return found
    reason = (
        f"{LOSES_DIGITS}: row {number} of {regime}, class {at}: observed {observed:.9g}, "
        f"exact {exact.value[0, at]:.9g}, {ratio[worst]:.3g} times what the sum of the other classes allows"
    )
    return replace(found, reason=reason, repro=repro_of(evaluation, batch, row))


def judge_certain_class(evaluation: CellEvaluation, case: Case) -> Iterator[Judgement]:
    """Judge the gradient of a logit whose class, or label, is all but certain: it is small, and not 0 (ACC-3)."""
    elementwise = OPS[case.cell.op].elementwise
    batch = evaluation.common_batch if elementwise else _with_certain_class(case.cell, evaluation.common_batch)
    answer = evaluation.answer(batch) if elementwise else ask(evaluation.adapter, case.cell, batch)
    if (failed := failure(case, answer, "ACC-3")) is not None:
        yield failed
        return
    finite = np.flatnonzero(finite_rows(batch.rows.logits))
    exact = evaluation.truth(batch).exact[finite]
    rows = batch.rows[finite]
    outputs = Outputs(
        logits=rows.logits,
        observed=answer.array[finite],
        exact=exact,
        format=batch.format,
        labels=rows.distributions if elementwise else _top(rows.logits),
        cotangent=arguments_of(case.cell, rows).get("cotangent") if OPS[case.cell.op].takes_labels else None,
    )
    times_share = case.cell.op == "softmax"
    measured = sigmoid_gradients(outputs) if elementwise else label_gradients(outputs, times_share=times_share)
    # What loses less than a quarter of what the difference may lose is inexact, and no difference.
    allowed = np.maximum(measured.granted, measured.otherwise / DECISIVE)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(measured.decisive, measured.error / allowed, -1.0)
        rank = np.where(ratio > 1.0, 1.0 + measured.error / measured.granted, ratio)
    if not measured.decisive.any():
        yield judgement(case, "ACC-3", "unsupported", reason="no row decides: the answers there are not finite")
        return
    worst = np.unravel_index(int(np.argmax(rank)), ratio.shape)
    row, at = int(worst[0]), int(worst[1] if elementwise else outputs.indices[worst[0], 0])
    regime, number = batch.locate(int(finite[row]))
    observed = float(outputs.observed[row, at])
    found = replace(
        judgement(case, "ACC-3", verdict_on("ACC-3", good=bool(ratio[worst] <= 1.0))),
        elements=int(measured.decisive.sum()),
        slack=float(ratio[worst]),
        nats=float(measured.error[measured.decisive].max()),
        row=number,
        element=at,
        exact=spell_exact(exact.value[row, at], exact.tail[row, at]),
        observed=observed.hex(),
        bound=f"{allowed[worst]:.6g}",
        inputs=spell_inputs(evaluation.cell, batch, regime, number),
    )
    if found.verdict == "conforms":
        yield found
        return
    reason = (
        f"row {number} of {regime}, class {at}: observed {observed:.9g}, exact {exact.value[row, at]:.9g}, "
        "as if by subtracting the probability from 1"
    )
    yield replace(found, reason=reason, repro=program_of(evaluation.adapter, case.cell, batch, int(finite[row])))


def _top(logits: NDArray[Any]) -> NDArray[np.intp]:
    found: NDArray[np.intp] = np.argmax(logits.astype(np.float64), axis=1)
    return found


def _with_certain_class(cell: Cell, batch: Batch) -> Batch:
    """Return the batch with a cotangent, of a loss a label, of 1 at the largest logit of each row and 0 elsewhere."""
    logits = batch.rows.logits
    chosen = np.arange(logits.shape[1]) == _top(np.nan_to_num(logits.astype(np.float64)))[:, None]
    given = "distributions" if OPS[cell.op].takes_labels else "class_cotangents"
    return replace(batch, rows=replace(batch.rows, **{given: chosen.astype(logits.dtype)}))
