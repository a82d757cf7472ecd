"""How a kernel with a mask handles fully masked rows, and whether masked logits affect its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.cases.trials import Trial
from logitproof.kernels.findings.findings import Finding
from logitproof.kernels.judging.examination import drawn_for, keep_deviation, width_near
from logitproof.kernels.judging.truth import truth_of
from logitproof_reference.specification import clauses
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.judgement import on_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from logitproof.kernels.judging.asking import Asker
    from logitproof.kernels.judging.examination import Examination
    from logitproof_reference.cases.catalogue import Rows

CLAUSES = ("MSK-1", "MSK-2", "MSK-3")
"""The clauses about masks."""

CLASSES = 10
"""Number of classes, if the kernel accepts it."""

MASKED = 1
"""The row of which no class counts."""

NUMBERS = {"nan": np.nan, "zero": 0.0, "minus_inf": -np.inf}
"""What each word of `Declaration.all_masked` says that such a row gives; ``uniform`` is what equal logits give."""

SAID = {"nan": "NaN", "zero": "0", "minus_inf": "-inf", "uniform": "what equal logits give"}

SPOILERS = {"NaN": np.nan, "+inf": np.inf, "-inf": -np.inf}
"""What should not be read where a class does not count; of finite numbers the largest must not."""


def judge_masks(
    asker: Asker, format_: str, quantities: Sequence[str], found: Examination, *, is_steady: bool = True
) -> None:
    """Judge the rows that only a mask makes; nothing of a kernel without one, or of a loss that is reduced.

    What stands at classes that do not count is judged by the bits of two answers, of a steady kernel alone.
    """
    declaration = asker.question.declaration
    if not declaration.where or declaration.reduction != "none":
        return
    for quantity in quantities:
        _judge_all_masked(asker, format_, quantity, found)
        if is_steady:
            _judge_spoilers(asker, format_, quantity, found)


def judge_lowest(asker: Asker, format_: str, quantities: Sequence[str], found: Examination) -> None:
    """Let all classes that count lie at the lowest number: one that does not, filled with it, has a share then.

    Nothing else is judged of such a row, whose logits may leave the format where a kernel scales them.
    """
    declaration = asker.question.declaration
    if not declaration.where or declaration.reduction != "none":
        return
    rows = _rows(asker, format_)
    out = np.isneginf(rows.logits.astype(np.float64))
    lowest = -FORMATS[format_].largest
    rows = replace(rows, logits=np.where(out, rows.logits, rows.logits.dtype.type(lowest)))
    for quantity in quantities:
        observed = asker.ask(quantity, rows).observed
        if observed is None or observed.shape != out.shape:
            continue
        numbers = observed.astype(np.float64)
        leaks = out & np.isfinite(numbers) & (numbers != 0)
        if leaks.any():
            said = (
                f"{float(numbers[leaks][0]):.6g} at a class that does not count, where all others are at {lowest:.6g}"
            )
            plain = Finding("masks", "mask", "", format_, quantity, "MSK-1", "", "", rows, failure=said)
            keep_deviation(asker, replace(plain, row=int(leaks.any(axis=1).argmax())), found)


def _rows(asker: Asker, format_: str) -> Rows:
    rows = drawn_for(asker, Trial("masks", 4, width_near(asker, format_, CLASSES), "plain"), format_, 0).rows
    logits = rows.logits.copy()
    logits[:, 3:6] = -np.inf
    return replace(rows, logits=logits, indices=np.zeros(len(logits), np.int64), distributions=_kept(rows, logits))


def _kept(rows: Rows, logits: NDArray[Any]) -> NDArray[Any]:
    return np.where(np.isneginf(logits.astype(np.float64)), rows.distributions.dtype.type(0), rows.distributions)


def _judge_all_masked(asker: Asker, format_: str, quantity: str, found: Examination) -> None:
    """Evaluate a fully masked row among others: these stay right, and it gives the declared result."""
    rows = _rows(asker, format_)
    rows.logits[MASKED] = -np.inf
    plain = Finding("all_masked", "mask", "no class of the row counts", format_, quantity, "MSK-3", "", "", rows)
    reply, compared = asker.compare(quantity, rows)
    if reply.observed is None or compared is None:
        keep_deviation(asker, replace(plain, failure=reply.failure), found)
        return
    if compared.wrong.any():
        row = int(np.argmax(compared.wrong))
        failure = f"row {row} is wrong where no class of row {MASKED} counts"
        keep_deviation(asker, replace(plain, clause="MSK-1", note="", row=row, failure=failure), found)
    given = np.asarray(reply.observed, np.float64)[MASKED]
    word = asker.question.declaration.all_masked
    if not word:
        if quantity == "value":
            found.note(f"a fully masked row gives {_said(given)}: declare --all-masked to have it judged")
        return
    if not _is_declared(asker, rows, quantity, given):
        failure = f"a fully masked row gives {_said(given)}; declared: {SAID[word]}"
        if quantity != "value":
            failure = f"the gradient of a row of which no class counts is {_said(given)}, expected 0"
        keep_deviation(asker, replace(plain, row=MASKED, failure=failure), found)


def _is_declared(asker: Asker, rows: Rows, quantity: str, given: NDArray[np.float64]) -> bool:
    word = asker.question.declaration.all_masked
    if quantity != "value":
        return word == "nan" or not given.any()
    if word in NUMBERS:
        return bool(np.array_equal(given, np.full(given.shape, NUMBERS[word]), equal_nan=True))
    equal = replace(rows, logits=np.zeros_like(rows.logits))
    truth = truth_of(
        replace(asker.question, declaration=replace(asker.question.declaration, where=False, all_masked="")), equal
    )
    return bool((np.abs(given - truth.exact.value[MASKED]) <= truth.allowed[MASKED]).all())


def _said(given: NDArray[np.float64]) -> str:
    values = np.unique(given)
    if np.isnan(given).all():
        return "NaN"
    return f"{values[0]:.6g}" if len(values) == 1 else f"{values[0]:.6g} to {values[-1]:.6g}"


def _judge_spoilers(asker: Asker, format_: str, quantity: str, found: Examination) -> None:
    """Put what is not a number at the classes that do not count: the answer is the one with numbers there."""
    rows = _rows(asker, format_)
    expected = asker.ask(quantity, rows)
    if expected.observed is None:
        return
    whole = expected.observed.tobytes()
    largest = FORMATS[format_].largest
    replies = {
        name: asker.ask(quantity, rows, spoiler=spoiler)
        for name, spoiler in {**SPOILERS, f"{largest:.6g}": largest}.items()
    }
    *read, of_largest = (
        name if reply.observed is None or reply.observed.tobytes() != whole else "" for name, reply in replies.items()
    )
    if of_largest:
        failure = f"{of_largest} at classes that do not count: another result"
        keep_deviation(
            asker, Finding("masks", "mask", "", format_, quantity, "MSK-1", "", "", rows, failure=failure), found
        )
    read = list(filter(None, read))
    clause = clauses.CLAUSES["MSK-2"]
    reason = f"{', '.join(read)} at classes that do not count: another result" if read else ""
    if read:
        found.note(f"{quantity} of {format_}: {reason} (MSK-2)")
    found.judgements.append(
        on_cell(
            asker.cell(quantity, FORMATS[format_].name),
            "masks",
            clause=clause.id,
            grade=clause.level,
            verdict="concern" if read else "conforms",
            reason=reason,
            elements=int(expected.observed.size),
        )
    )
