"""Answers of kernels whose loss differs from the declared one: an option missing, or applied elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.symptoms import log_total
from logitproof.kernels.truth import transform, truth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.truth import Question
    from logitproof_adapters.sources.kernel_claim import Claim
    from logitproof_reference.cases.catalogue import Rows

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class OtherLoss:
    """A loss that is computed in place of the one declared.

    Attributes
    ----------
    name, says : str
        As of a `causes.Cause`.
    answer : callable (Question, Rows) -> array
        What it gives.
    """

    name: str
    says: str
    answer: Callable[[Question, Rows], F64]


def other_losses(question: Question) -> Iterator[OtherLoss]:
    """Yield the losses that a kernel may compute instead of the one declared; those that leave something out first."""
    claim = question.claim
    for name, (says, change) in CHANGES.items():
        changed = change(claim)
        if changed is not None and changed != claim:
            yield OtherLoss(name, says, _as_if(changed))
    if claim.softcap is not None:
        yield OtherLoss("softcap without its factor", "tanh(x / c) is not multiplied with c", _uncapped)
        if claim.factor != 1.0:
            says = "the cap is applied to logits that are not scaled yet"
            yield OtherLoss("softcap before the scale", says, _capped_first)
    if claim.z_loss:
        yield OtherLoss("z-loss not squared", "the log-sum-exp itself is added, not its square", _z_loss_not_squared)
    if claim.label_smoothing:
        says = "the smoothed share goes to the other classes alone: a / (n - 1) each"
        yield OtherLoss("smoothing without the label", says, _smoothed_over_others)
        if claim.ignore_index is not None:
            says = "rows that are ignored keep the uniform term of label smoothing"
            yield OtherLoss("ignored rows smoothed", says, _ignored_rows_smoothed)
    if claim.reduction == "mean" and (claim.ignore_index is not None or claim.weight):
        says = "the sum is divided by the number of all rows"
        yield OtherLoss("mean over all rows", says, _mean_over_all_rows)


def _without(name: str, default: Any) -> Callable[[Claim], Claim | None]:
    return lambda claim: replace(claim, **{name: default})


def _inverse(claim: Claim) -> Claim | None:
    return replace(claim, scale=claim.temperature, temperature=1.0) if claim.temperature != 1.0 else None


def _summed(claim: Claim) -> Claim | None:
    return replace(claim, reduction="sum") if claim.reduction == "mean" else None


def _averaged(claim: Claim) -> Claim | None:
    is_sum = claim.reduction == "sum" and claim.divisor is None
    return replace(claim, reduction="mean") if is_sum else None


def _unsigned(claim: Claim) -> Claim | None:
    return replace(claim, scale=-claim.scale) if claim.scale < 0 else None


CHANGES: dict[str, tuple[str, Callable[[Claim], Claim | None]]] = {
    "scale dropped": ("the logits are not scaled", _without("scale", 1.0)),
    "sign of the scale dropped": ("the logits are multiplied with the magnitude of the scale", _unsigned),
    "temperature dropped": ("the logits are not divided by the temperature", _without("temperature", 1.0)),
    "temperature multiplied": ("the logits are multiplied with the temperature", _inverse),
    "softcap dropped": ("the logits are not capped", _without("softcap", None)),
    "z-loss dropped": ("the squared log-sum-exp is not added", _without("z_loss", 0.0)),
    "smoothing dropped": ("the labels are not smoothed", _without("label_smoothing", 0.0)),
    "divisor ignored": ("the sum is not divided by the divisor", _without("divisor", None)),
    "weights ignored": ("the weights of classes count nothing", _without("weight", default=False)),
    "positive weights ignored": ("the weights of positive labels count nothing", _without("pos_weight", default=False)),
    "sum for a mean": ("the losses are summed, not averaged", _summed),
    "mean for a sum": ("the losses are averaged, not summed", _averaged),
}
"""What is declared, left out or taken for its opposite."""


def _as_if(claim: Claim) -> Callable[[Question, Rows], F64]:
    return lambda question, rows: _exact(replace(question, claim=claim), rows)


def _exact(question: Question, rows: Rows) -> F64:
    exact = truth_of(question, rows).exact
    return np.asarray(exact.value + exact.tail)


def _capped_first(question: Question, rows: Rows) -> F64:
    """Return the answer to s c tanh(x / c) in place of c tanh(s x / c)."""
    claim = question.claim
    cap = claim.softcap or 1.0
    t = np.tanh(rows.logits.astype(np.float64) / cap)
    return _of(claim.factor * cap * t, claim.factor * (1.0 - t * t), question, rows)


def _uncapped(question: Question, rows: Rows) -> F64:
    """Return the answer to tanh(s x / c)."""
    claim = question.claim
    cap = claim.softcap or 1.0
    t = np.tanh(rows.logits.astype(np.float64) * claim.factor / cap)
    return _of(t, claim.factor / cap * (1.0 - t * t), question, rows)


def _of(logits: F64, slope: F64, question: Question, rows: Rows) -> F64:
    """Return the answer to other logits, whose derivatives are the slope."""
    plain = replace(question, claim=replace(question.claim, softcap=None, scale=1.0, temperature=1.0))
    found = _exact(plain, replace(rows, logits=logits))
    return found if question.quantity == "value" else found * slope


def _z_loss_not_squared(question: Question, rows: Rows) -> F64:
    """Return the loss with the log-sum-exp times its factor; of values that are not reduced."""
    found = _exact(replace(question, claim=replace(question.claim, z_loss=0.0)), rows)
    if question.claim.reduction != "none" or question.quantity != "value":
        return np.full_like(found, np.nan)
    return found + question.claim.z_loss * log_total(transform(question.claim, rows.logits)[0])[:, 0]


def _smoothed_over_others(question: Question, rows: Rows) -> F64:
    """Return the answer where the label has 1 - a and each other class a / (n - 1): smoothing by a n / (n - 1)."""
    claim, n = question.claim, rows.logits.shape[1]
    share = min(claim.label_smoothing * n / max(n - 1, 1), 1.0 - 2.0**-53)
    return _exact(replace(question, claim=replace(claim, label_smoothing=share)), rows)


def _ignored_rows_smoothed(question: Question, rows: Rows) -> F64:
    """Return the answer with a / n of all log-probabilities in the rows that are ignored."""
    claim = question.claim
    found = _exact(question, rows)
    if claim.reduction != "none" or question.quantity != "value":
        return np.full_like(found, np.nan)
    z = transform(claim, rows.logits)[0]
    logs = z - log_total(z)
    return np.where(rows.indices == claim.ignore_index, -claim.label_smoothing * logs.mean(axis=1), found)


def _mean_over_all_rows(question: Question, rows: Rows) -> F64:
    """Return the sum divided by the number of rows, whatever they weigh."""
    return _exact(replace(question, claim=replace(question.claim, reduction="sum")), rows) / len(rows)
