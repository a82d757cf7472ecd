"""How a kernel handles labels out of range and an empty batch: judged if declared, noted otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitproof.kernels.cases import products_past_the_format as past_the_format
from logitproof.kernels.cases.trials import Trial
from logitproof.kernels.findings.findings import Finding
from logitproof.kernels.judging.examination import drawn_for, keep_deviation, width_near
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.cases.catalogue import Rows
from logitproof_reference.vocabulary.cells import PLAIN
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from logitproof.kernels.judging.asking import Asker, Reply
    from logitproof.kernels.judging.examination import Examination

CLASSES = 10
"""Number of classes, if the kernel accepts it."""

SPOILED = 1
"""The row with a label out of range."""


def judge_bad_labels(asker: Asker, format_: str, found: Examination) -> None:
    """Put a label out of range among good ones, one after another."""
    declaration = asker.question.declaration
    if asker.question.labels != "indices" or declaration.reduction != "none":
        return
    classes = width_near(asker, format_, CLASSES)
    rows = drawn_for(asker, Trial("bad_labels", 4, classes, "plain"), format_, 0).rows
    told: dict[str, list[int]] = {}
    for label in (-1, classes, -100, 2 * classes + 7):
        if label == declaration.ignore_index:
            continue
        indices = np.array([0, label, 1, 2], np.int64)
        asked = replace(rows, indices=indices)
        reply = asker.ask("value", asked)
        outcome = _outcome(rows, reply)
        told.setdefault(outcome, []).append(label)
        if declaration.refuses and not _is_declared(declaration.refuses, outcome):
            keep_deviation(asker, _finding(asked, format_, label, declaration.refuses, outcome), found)
    if not declaration.refuses:
        _note(told, classes, found)


def _outcome(rows: Rows, reply: Reply) -> str:
    """Describe in words what came of a label."""
    if reply.observed is None:
        return f"raises {reply.failure.split(':')[0]}" if not reply.died else "ends the process"
    number = float(reply.observed.astype(np.float64)[SPOILED])
    if np.isnan(number):
        return "gives NaN"
    if number == 0:
        return "gives 0"
    logits = rows.logits.astype(np.float64)
    top = logits[SPOILED].max()
    total = top + np.log(np.exp(logits[SPOILED] - top).sum())
    near = np.abs(number - (total - logits[SPOILED])) < 1e-2 * max(abs(number), 1e-3)
    if near.any():
        return f"gives the loss of class {int(np.argmax(near))}"
    return "gives the log-sum-exp, no target is subtracted" if abs(number - total) < 1e-2 else "gives a number"


def _is_declared(refuses: str, outcome: str) -> bool:
    expected = {"error": ("raises", "gives NaN"), "nan": ("gives NaN",), "zero": ("gives 0",)}[refuses]
    return outcome.startswith(expected) and outcome != "gives 0" if refuses != "zero" else outcome == "gives 0"


def _finding(rows: Rows, format_: str, label: int, refuses: str, outcome: str) -> Finding:
    failure = f"label {label} of {rows.logits.shape[1]} classes {outcome}; declared: {refuses}"
    return Finding("bad_labels", "refusal", "", format_, "value", "ERR-1", "", "", rows, row=SPOILED, failure=failure)


def _note(told: dict[str, list[int]], classes: int, found: Examination) -> None:
    for outcome, labels in told.items():
        if outcome.startswith(("raises", "gives NaN")):
            continue
        named = ", ".join(map(str, labels))
        if outcome == "gives 0" and -100 in labels:
            found.note("label -100 gives 0: declare --ignore-index -100 if that is meant")
            named = ", ".join(str(label) for label in labels if label != -100)
        if named:
            found.note(f"label {named} of {classes} classes {outcome}: declare --refuses error to have it judged")


FAR_APART = ("softmax", "log_softmax", "softmax_cross_entropy")
"""Ops whose value is known where products lie far apart."""


def judge_products_past_the_format(asker: Asker, format_: str, found: Examination) -> None:
    """Ask rows whose products with a declared scale or temperature the format cannot hold, all in one call."""
    declaration, question, form = asker.question.declaration, asker.question, FORMATS[format_]
    if question.op not in FAR_APART or question.labels == "distributions" or declaration.options != PLAIN:
        return
    if not past_the_format.is_asked(declaration):
        return
    whole = list(past_the_format.rows_of(declaration, form))
    logits = np.stack([row.logits for row in whole])
    ones = np.ones_like(logits)
    rows = Rows(logits, np.array([row.label for row in whole]), ones, ones[:, 0].copy(), ones)
    reply = asker.ask("value", rows)
    if reply.observed is None:
        return  # a width that it refuses
    call, model = past_the_format.Call(question.op, "value"), (form, question.arithmetic or MUST)
    for at, row in enumerate(whole):
        if failure := past_the_format.wrong(row, call, np.asarray(reply.observed[at]), declaration, model):
            words = (row.name, "refusal", row.name, format_, "value", past_the_format.CLAUSE, "", "")
            keep_deviation(asker, Finding(*words, rows, row=at, failure=failure), found)


def judge_empty_batch(asker: Asker, format_: str, found: Examination) -> None:
    """Evaluate with no rows: judged where such a batch is declared as supported."""
    declaration = asker.question.declaration
    if declaration.empty == "unsupported" or declaration.reduction != "none":
        return
    rows = drawn_for(asker, Trial("empty", 4, width_near(asker, format_, CLASSES), "plain"), format_, 0).rows[:0]
    reply = asker.ask("value", rows)
    if reply.observed is not None:
        return
    if declaration.empty == "supported":
        words = ("empty", "refusal", "no rows", format_, "value", "IO-3", "", "")
        keep_deviation(asker, Finding(*words, rows, failure=reply.failure), found)
        return
    found.note(f"a batch without rows fails ({reply.failure}): declare --empty supported to have it judged")
