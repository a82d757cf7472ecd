"""Labels out of range of a loss head: judged if declared, noted otherwise (ERR-1, as for functions of logits)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from logitproof.kernels.cases.head_cases import Case
from logitproof.kernels.judging.against_bounds import crash_reason
from logitproof_adapters.targets.link import TargetDied
from logitproof_reference.cases.hashed_numbers import normals
from logitproof_reference.specification.clauses import CLAUSES
from logitproof_reference.vocabulary.judgement import on_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.causes.head_faults import Setting
    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.vocabulary.cells import Cell
    from logitproof_reference.vocabulary.judgement import Judgement

    Array = NDArray[Any]

CLAUSE, NAME = "ERR-1", "labels out of range"
ROWS, WIDTH, CLASSES = 24, 16, 10
SPOILED = 12
"""The row with such a label: in the middle, so that code which reads or writes by it stays within its arrays."""

LARGEST = 4
"""The class with the largest logit of that row, whose loss a label has if its shifted logit is taken for 0."""

NEAR, SMALL, ROUNDINGS = 1e-4, 1e-2, 4.0
"""Relative distance within which a number is taken for another loss, the least loss of it, and roundings beside it."""

GIVES_NUMBER, ALIKE = "gives a number", ("raises", "gives NaN")


class Asked(NamedTuple):
    """How a head is asked: the answer to a case, what that case is, and the cell of its value."""

    answer: Callable[[str, Case], Array]
    setting: Callable[[Case], Setting]
    cell: Cell
    declaration: Declaration
    dtype: Any
    unit: float


def judged(asked: Asked, notes: list[str], *, has_gradient: bool) -> Iterator[Judgement]:
    """Put a label out of range among good ones, one after another: a judgement each if declared, or notes."""
    declaration, outcomes = asked.declaration, dict[str, list[int]]()
    for label in (-1, CLASSES, -100, 2 * CLASSES + 7):
        if label == declaration.ignore_index:
            continue
        outcome = _outcome(asked, label, has_gradient=has_gradient)
        outcomes.setdefault(outcome, []).append(label)
        if declaration.refuses:
            is_right = _is_declared(declaration.refuses, outcome)
            reason = f"label {label} of {CLASSES} classes {outcome}; declared: {declaration.refuses}"
            verdict, said = ("conforms", "") if is_right else ("deviates", reason)
            yield on_cell(asked.cell, NAME, clause=CLAUSE, grade=CLAUSES[CLAUSE].level, verdict=verdict, reason=said)
        if outcome == ENDS:
            break
    if not declaration.refuses:
        notes += _notes(outcomes)


ENDS = "ends the process"


def _case(dtype: Any, label: int) -> Case:
    hidden, weight, bias = (
        normals(f"{NAME} {name}", shape).astype(dtype)
        for name, shape in (("hidden", (ROWS, WIDTH)), ("weight", (CLASSES, WIDTH)), ("bias", (CLASSES,)))
    )
    weight[LARGEST] = hidden[SPOILED]
    labels = np.arange(ROWS, dtype=np.int64) % CLASSES
    labels[SPOILED] = label
    return Case(NAME, hidden * dtype.type(0.25), weight, labels, bias=bias)


def _outcome(asked: Asked, label: int, *, has_gradient: bool) -> str:
    """Describe in words what came of a label."""
    case, declaration = _case(asked.dtype, label), asked.declaration
    try:
        answer = asked.answer("value", case)
    except TargetDied:
        return ENDS
    except Exception as error:  # noqa: BLE001 - whatever a kernel raises is a result
        return f"raises {crash_reason(error).partition(':')[0]}"
    row = SPOILED - 1 if declaration.shift else SPOILED
    seen = np.atleast_2d(answer.astype(np.float64).reshape(max(1, declaration.ranks), -1))
    at = row if declaration.reduction == "none" else 0
    numbers = seen[:, at] if at < seen.shape[1] else seen[:, -1]
    if np.isnan(numbers).all():
        return "gives NaN"
    near = NEAR + ROUNDINGS * asked.unit
    fitting = [words for words, loss in _losses(asked, case, at) if _off(numbers, loss) <= near]
    said = fitting[0] if len(fitting) == 1 else GIVES_NUMBER  # a mean in half precision may fit several classes
    if has_gradient and said == ZERO[declaration.reduction != "none"] and _has_gradient(asked, case, row):
        return f"{said}, and a gradient"
    return said


ZERO = ("gives 0", "counts as an ignored one")
"""Of a loss of rows, and of one number for all."""


def _losses(asked: Asked, case: Case, at: int) -> Iterator[tuple[str, float]]:
    """Yield what other losses give: of an ignored row, and of each class."""
    setting = asked.setting(case)
    spoiled = setting.labels == case.labels[SPOILED]
    options = setting.options
    if options["ignore_index"] is None or options["reduction"] == "none":
        ignoring = setting.with_options(ignore_index=int(case.labels[SPOILED]))
        yield ZERO[options["reduction"] != "none"], 0.0 if options["reduction"] == "none" else _loss(ignoring, at)
    else:
        own = np.where(spoiled, options["ignore_index"], setting.labels)
        yield ZERO[1], _loss(replace(setting, labels=own), at)
    for other in range(CLASSES):
        of_class = replace(setting, labels=np.where(spoiled, other, setting.labels))
        largest = ", that of the largest logit" if other == LARGEST else ""
        yield f"gives the loss of class {other}{largest}", _loss(of_class, at)


def _loss(setting: Setting, at: int) -> float:
    return float(setting.head.exact("value").value.reshape(-1)[at])


def _off(numbers: Array, loss: float) -> float:
    """Return the largest difference from a loss, relative to it."""
    return float((np.abs(numbers - loss) / max(abs(loss), SMALL)).max())


def _has_gradient(asked: Asked, case: Case, row: int) -> bool:
    """Return whether the row with the label sends something back."""
    try:
        gradient = asked.answer("grad_hidden", case)
    except Exception:  # noqa: BLE001 - whatever a kernel raises is a result
        return False
    sent = gradient.astype(np.float64).reshape(ROWS, -1)[row]
    return bool((sent != 0.0).any())


def _is_declared(refuses: str, outcome: str) -> bool:
    if refuses == "zero":
        return outcome in ZERO
    return outcome.startswith(ALIKE if refuses == "error" else ALIKE[1])


def _notes(outcomes: dict[str, list[int]]) -> Iterator[str]:
    for outcome, labels in outcomes.items():
        if outcome.startswith(ALIKE):
            continue
        if outcome in ZERO and -100 in labels:
            yield f"label -100 {outcome}: declare --ignore-index -100 if that is meant"
        named = [str(label) for label in labels if outcome not in ZERO or label != -100]
        if named:
            words = f"label {', '.join(named)} of {CLASSES} classes {outcome}"
            yield f"{words}: declare --refuses error to have it judged"
