"""The faults of a kernel: one finding per trial, quantity and format, with the clause that it breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes.symptoms import Symptoms
from logitproof.kernels.judging.truth import arguments, transform
from logitproof_reference.vocabulary.cells import PLAIN
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof.kernels.judging.asking import Compared
    from logitproof.kernels.judging.truth import Question
    from logitproof_reference.cases.catalogue import Rows

FAMILY = {"value": "VAL", "grad_logits": "GRD", "grad_labels": "GLB", "jvp": "JVP", "hvp": "HVP"}

HUGE_SHARE = 4.0
"""Logits past a quarter of the largest number: where only they go wrong, the domain is narrower, no more."""


@dataclass(frozen=True)
class Finding:
    """A fault in one trial.

    Attributes
    ----------
    trial, kind, note : str
        The trial, its kind, and what the row is that shows it.
    format, quantity, clause : str
    placement, way : str
        As in `Trial`.
    rows : Rows
        All rows of the trial.
    row, element : int
        Where the worst element is; -1 where the call failed or the answer is one number.
    slack, ulps, observed, exact : float
    failure : str
        What was raised, or what is wrong with the result as a whole.
    compared : Compared or None
        The whole answer.
    is_huge : bool
        Whether only rows go wrong whose logits lie past a quarter of the largest number.
    labels : str
        What labels the op takes, as in a cell.
    """

    trial: str
    kind: str
    note: str
    format: str
    quantity: str
    clause: str
    placement: str
    way: str
    rows: Rows
    row: int = -1
    element: int = -1
    slack: float = float("nan")
    ulps: float = float("nan")
    observed: float = float("nan")
    exact: float = float("nan")
    failure: str = ""
    compared: Compared | None = None
    is_huge: bool = False
    labels: str = ""

    @property
    def size(self) -> tuple[bool, bool, bool, int]:
        """Sort key, simplest first: no state, no placement, an answer rather than an error, few logits."""
        return bool(self.way), bool(self.placement), bool(self.failure), self.rows.logits.size


def clause_of(question: Question, quantity: str, logits: NDArray[Any], exact: float, observed: float) -> str:
    """Return the clause that a wrong element breaks, by what its row holds."""
    x = logits.astype(np.float64) * np.sign(question.declaration.factor)
    if OPS[question.op].elementwise:
        if np.isnan(x).any():
            return "EXT-1"
        return "EXT-10" if np.isinf(x).any() else _of_finite(question, quantity, exact, observed)
    masked = question.declaration.where and np.isneginf(x).any()
    kinds = {
        "MSK-1": bool(masked and not np.isnan(x).any() and not np.isposinf(x).any()),
        "EXT-1": bool(np.isnan(x).any()),
        "EXT-5": bool(np.isposinf(x).any()),
        "EXT-4": bool(np.isneginf(x).all()),
        "EXT-3": bool(np.isneginf(x).any()) and not np.isfinite(exact),
        "EXT-2": bool(np.isneginf(x).any()),
    }
    return next(
        (clause for clause, applies in kinds.items() if applies), _of_finite(question, quantity, exact, observed)
    )


def _of_finite(question: Question, quantity: str, exact: float, observed: float) -> str:
    options = replace(question.declaration.options, where=False)
    if options != PLAIN:
        named = {
            "OPT-3": options.ignore_index is not None,
            "OPT-4": options.label_smoothing != 0,
            "OPT-2": options.weight or options.pos_weight,
        }
        return next((clause for clause, is_set in named.items() if is_set), "OPT-1")
    if not np.isfinite(exact):
        return "EXT-8"
    return f"{FAMILY[quantity]}-1" if np.isfinite(observed) else "EXT-7"


def symptoms_of(question: Question, finding: Finding) -> Symptoms | None:
    """Return what a guess of the cause is made from; None if there is no answer to explain."""
    if finding.compared is None or finding.compared.reply.observed is None:
        return None
    ignored = question.declaration.ignore_index
    if ignored is not None and finding.row >= 0 and finding.rows.indices[finding.row] == ignored:
        return None  # no known fault is one of ignored rows
    format_ = (question.declaration.result_format if finding.quantity == "value" else "") or finding.format
    given = arguments(replace(question, quantity=finding.quantity), finding.rows)
    cotangent = given.get("cotangent")
    whole = Symptoms(
        op=question.op,
        quantity=finding.quantity,
        format=format_,
        x=transform(question.declaration, finding.rows.logits)[0],
        labels=_as_numbers(given.get("labels")),
        c=None if cotangent is None else cotangent.astype(np.float64),
        observed=finding.compared.reply.observed.astype(np.float64),
        exact=finding.compared.truth.exact.round(FORMATS[format_]).astype(np.float64),
        wrong=finding.compared.wrong,
        bad=~finding.compared.comparison.conforms,
        is_reduced=question.declaration.reduction != "none",
        is_transformed=question.declaration.is_transformed,
    )
    if whole.is_reduced:
        return whole
    return _few(whole if ignored is None else whole.of(finding.rows.indices != ignored))


MOST_EXPLAINED = 1 << 17
"""Logits that a guess is made from: the answers of a few hundred known faults are computed for each."""

LEAST_EXPLAINED = 3
"""Rows, however wide they are."""


def _few(symptoms: Symptoms) -> Symptoms:
    """Return the symptoms of as many rows as a guess is made from: a third of them right, where there are such."""
    count = len(symptoms.x)
    most = max(MOST_EXPLAINED // max(symptoms.n, 1), LEAST_EXPLAINED)
    if count <= most or len(symptoms.wrong) != count:
        return symptoms
    wrong, right = np.flatnonzero(symptoms.wrong), np.flatnonzero(~symptoms.wrong)
    of_right = min(len(right), max(most // 3, most - len(wrong)))
    kept = np.zeros(count, bool)
    kept[wrong[: most - of_right]] = True
    kept[right[:of_right]] = True
    return symptoms.of(kept)


def _as_numbers(labels: NDArray[Any] | None) -> NDArray[Any] | None:
    if labels is None or labels.dtype.kind == "i":
        return labels
    return labels.astype(np.float64)
