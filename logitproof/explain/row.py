"""Frameworks side by side on one row: softmax, loss and gradient, each with the exact answer and the bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from logitproof.errors import UsageError, refuse_unknown
from logitproof_adapters.targets.link import TargetDied
from logitproof_adapters.targets.remote_adapter import RemoteAdapter
from logitproof_adapters.targets.target import here
from logitproof_conformance.session.environment_facts import SENT
from logitproof_reference.bounds.api import bound
from logitproof_reference.bounds.assumptions import MUST
from logitproof_reference.claims.model import Query
from logitproof_reference.judging.compare import compare
from logitproof_reference.oracle.request import checked_request
from logitproof_reference.oracle.softmax_rows import ExactRows
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from logitproof_adapters.contract import Adapter
    from logitproof_adapters.targets.target import Target
    from logitproof_reference.numerics.enclosure import Enclosure

MOST_CLASSES = 256

QUESTIONS = {
    "loss": ("softmax_cross_entropy", "value"),
    "softmax": ("softmax", "value"),
    "gradient": ("softmax_cross_entropy", "grad_logits"),
}
"""What is asked of a row, by what it is called; the gradient is that of the loss by the logits."""


@dataclass(frozen=True)
class Answer:
    """One number of one framework.

    Attributes
    ----------
    observed : float
    ratio : float
        Error / bound; NaN where the exact number is not finite.
    ulps : float
        The error in units of the last place.
    """

    observed: float
    ratio: float
    ulps: float


@dataclass(frozen=True)
class Expected:
    """The exact answers to a question, and the largest error of correct code."""

    exact: Enclosure
    bound: NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """The results of one framework, or the reasons why there are none, by query."""

    framework: str
    version: str
    answers: dict[str, list[Answer] | str]


@dataclass(frozen=True)
class SideBySide:
    """One row, its exact answers, and what each framework gives.

    Attributes
    ----------
    logits : list of float
        As the format holds them.
    label : int
        The true class.
    format : str
    exact : dict of str to list of float
        By the name of the question, to float64.
    columns : list of Column
    """

    logits: list[float]
    label: int
    format: str
    exact: dict[str, list[float]]
    columns: list[Column]


def read_logits(text: str) -> tuple[float, ...]:
    """Return the numbers of a list such as ``2, -inf, 0x1.8p+1``.

    Raises
    ------
    UsageError
        It is no such list.
    """
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST_CLASSES:
        raise UsageError(f"{len(words)} logits are too many to print: pass at most {MOST_CLASSES}")
    return tuple(map(_number, words))


def _number(word: str) -> float:
    try:
        return float.fromhex(word) if "0x" in word.lower() else float(word)
    except (ValueError, OverflowError) as error:
        raise UsageError(f'"{word}" is not a number: write 1.5, -inf, nan or 0x1.8p+0') from error


def side_by_side(
    logits: Sequence[float], label: int, format_: str, frameworks: Sequence[str], target: Target | None = None
) -> SideBySide:
    """Evaluate one row in several frameworks, in eager mode.

    Parameters
    ----------
    logits : sequence of float
        One per class; each is rounded to the format.
    label : int
        The true class.
    format_ : str
        Name of the format.
    frameworks : sequence of str
        Names of adapters.
    target : Target, optional
        Where they are; default: the interpreter of this process.

    Raises
    ------
    UsageError
        There is no such format or class.
    MissingFramework, TargetError
        A framework cannot be asked there at all.
    """
    refuse_unknown("format", (format_,), FORMATS)
    if not 0 <= label < len(logits):
        raise UsageError(f"there is no class {label}: the row has classes 0 to {len(logits) - 1}")
    queries = {name: _query(op, quantity, logits, label) for name, (op, quantity) in QUESTIONS.items()}
    expected = {name: _expected(query, format_) for name, query in queries.items()}
    columns = [_column(name, queries, expected, format_, target or here()) for name in frameworks]
    held = next(iter(queries.values())).inputs(format_).logits
    exact = {name: one.exact.value.ravel().tolist() for name, one in expected.items()}
    return SideBySide(held.astype(np.float64).ravel().tolist(), label, format_, exact, columns)


def _query(op: str, quantity: str, logits: Sequence[float], label: int) -> Query:
    labels = (label,) if op == "softmax_cross_entropy" else None
    return Query(op, (tuple(logits),), labels, quantity)


def _expected(query: Query, format_: str) -> Expected:
    inputs = query.inputs(format_)
    request = checked_request(query.op, query.quantity, inputs.logits, inputs.labels, cotangent=inputs.cotangent)
    allowed = bound(request, FORMATS[format_], MUST)
    return Expected(ExactRows(inputs.logits, keep=False).answer(request).reshape(*allowed.shape), allowed)


def _column(
    name: str, queries: dict[str, Query], expected: dict[str, Expected], format_: str, target: Target
) -> Column:
    with RemoteAdapter(name, target, also_sent=SENT) as adapter:
        answers = {what: _asked(adapter, query, expected[what], format_) for what, query in queries.items()}
        return Column(name, adapter.describe().version, answers)


def _asked(adapter: Adapter, query: Query, expected: Expected, format_: str) -> list[Answer] | str:
    cell = query.cell(adapter.name, format_)
    if (reason := adapter.unsupported(cell)) is not None:
        return f"not offered: {reason}"
    try:
        observed = np.asarray(adapter.evaluate(cell, query.inputs(format_)))
        found = compare(observed.reshape(expected.exact.shape), expected.exact, expected.bound, FORMATS[format_])
    except TargetDied as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  whatever a framework raises is its answer
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    numbers = (observed.astype(np.float64), found.slack, found.ulps)
    return [Answer(*each) for each in zip(*(one.ravel().tolist() for one in numbers), strict=True)]
