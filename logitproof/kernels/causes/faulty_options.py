"""Answers of kernels whose loss differs from the declared one: an option missing, or applied elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.kernels.causes.symptoms import log_total
from logitproof.kernels.judging.truth import SPOILER, transform, truth_of, weights
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from logitproof.kernels.judging.truth import Question
    from logitproof_adapters.kernels.declaration import Declaration
    from logitproof_reference.cases.catalogue import Rows

    F64 = NDArray[np.float64]


@dataclass(frozen=True)
class OtherLoss:
    """A loss that is computed in place of the one declared.

    Attributes
    ----------
    name, says : str
        As of a `causes.Cause`.
    answer : callable (Question, Rows) -> array or None
        What it gives; None where it cannot be the cause.
    """

    name: str
    says: str
    answer: Callable[[Question, Rows], F64 | None]


def other_losses(question: Question) -> Iterator[OtherLoss]:
    """Yield the losses that a kernel may compute instead of the one declared; those that leave something out first."""
    for name, (says, change) in CHANGES.items():
        changed = change(question.declaration)
        if changed is not None and changed != question.declaration:
            yield OtherLoss(name, says, _as_if(changed))
    if question.declaration.factor < 0.0 and question.quantity == "grad_logits":
        says = "the gradient is multiplied with the magnitude of the scale"
        yield OtherLoss("sign of the scale lost in the gradient", says, lambda asked, rows: -_exact(asked, rows))
    yield from _of_caps(question)
    if question.declaration.reduction == "mean" and OPS[question.op].elementwise:
        says = "the sum of all numbers is divided by the number of rows"
        yield OtherLoss(
            "mean over the rows alone", says, lambda asked, rows: _exact(asked, rows) * rows.logits.shape[1]
        )
    yield from _of_further_terms(question.declaration)
    yield from _of_reductions(question.declaration)
    yield from _of_ignored_rows(question.declaration)
    if question.declaration.where:
        yield OtherLoss("mask ignored", "classes that do not count take part", partial(_masked_as, mask=np.ones_like))
        says = "the mask of the first row is taken for all rows"
        yield OtherLoss("mask of the first row", says, partial(_masked_as, mask=_of_the_first_row))
        yield OtherLoss("mask inverted", "the mask is taken for its opposite", partial(_masked_as, mask=np.logical_not))


def _of_caps(question: Question) -> Iterator[OtherLoss]:
    declaration = question.declaration
    if declaration.softcap is None:
        return
    if question.quantity == "grad_logits":
        says = "the derivative of the cap is taken as 1 - (x / c)^2 of the logit, not of the capped one"
        yield OtherLoss("cap's slope of the logit", says, _slope_of_the_logit)
    yield OtherLoss("softcap without its factor", "tanh(x / c) is not multiplied with c", _uncapped)
    if declaration.factor != 1.0:
        says = "the cap is applied to logits that are not scaled yet"
        yield OtherLoss("softcap before the scale", says, _capped_first)


def _of_further_terms(declaration: Declaration) -> Iterator[OtherLoss]:
    if declaration.z_loss:
        yield OtherLoss("z-loss not squared", "the log-sum-exp itself is added, not its square", _z_loss_not_squared)
        says = "the log-sum-exp of the z-loss is that of the logits less their maximum"
        yield OtherLoss("z-loss of shifted logits", says, _z_loss_of_shifted)
    if declaration.label_smoothing:
        says = "the smoothed share goes to the other classes alone: a / (n - 1) each"
        yield OtherLoss("smoothing without the label", says, _smoothed_over_others)
        for block in (8, 16, 32, 64, 128, 1024):
            says = f"the smoothed share is divided by the number of classes padded to a multiple of {block}"
            yield OtherLoss("smoothing over padded classes", says, partial(_smoothed_over_padded, block=block))


def _of_reductions(declaration: Declaration) -> Iterator[OtherLoss]:
    if declaration.reduction != "mean":
        return
    if declaration.ignore_index is not None or declaration.weight:
        says = "the sum is divided by the number of all rows"
        yield OtherLoss("mean over all rows", says, _mean_over_all_rows)
    if declaration.ignore_index is not None and declaration.weight:
        says = "the divisor holds the weight of class 0 for each row that is ignored"
        yield OtherLoss("ignored rows in the divisor", says, _ignored_rows_in_the_divisor)
    if not declaration.weight:
        for tile in TILES:
            says = f"the means of tiles of {tile} rows are averaged, whatever number of rows the last one has"
            yield OtherLoss("mean of means", says, partial(_mean_of_means, tile=tile))


def _of_ignored_rows(declaration: Declaration) -> Iterator[OtherLoss]:
    if declaration.ignore_index is None:
        return
    if declaration.label_smoothing:
        says = "rows that are ignored keep the uniform term of label smoothing"
        yield OtherLoss("ignored rows smoothed", says, _ignored_rows_smoothed)
    for bits in (8, 16):
        says = f"rows are ignored whose label agrees with the ignored index in its last {bits} bits"
        yield OtherLoss("ignored by its last bits", says, partial(_ignored_by_last_bits, bits=bits))


def _without(name: str, default: Any) -> Callable[[Declaration], Declaration | None]:
    return lambda declaration: replace(declaration, **{name: default})


def _inverse(declaration: Declaration) -> Declaration | None:
    return (
        replace(declaration, scale=declaration.temperature, temperature=1.0) if declaration.temperature != 1.0 else None
    )


def _summed(declaration: Declaration) -> Declaration | None:
    return replace(declaration, reduction="sum") if declaration.reduction == "mean" else None


def _averaged(declaration: Declaration) -> Declaration | None:
    is_sum = declaration.reduction == "sum" and declaration.divisor is None
    return replace(declaration, reduction="mean") if is_sum else None


def _unsigned(declaration: Declaration) -> Declaration | None:
    return replace(declaration, scale=-declaration.scale) if declaration.scale < 0 else None


CHANGES: dict[str, tuple[str, Callable[[Declaration], Declaration | None]]] = {
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


def _as_if(declaration: Declaration) -> Callable[[Question, Rows], F64]:
    return lambda question, rows: _exact(replace(question, declaration=declaration), rows)


def _exact(question: Question, rows: Rows) -> F64:
    exact = truth_of(question, rows).exact
    return np.asarray(exact.value + exact.tail)


def _capped_first(question: Question, rows: Rows) -> F64:
    """Return the answer to s c tanh(x / c) in place of c tanh(s x / c)."""
    declaration = question.declaration
    cap = declaration.softcap or 1.0
    t = np.tanh(rows.logits.astype(np.float64) / cap)
    return _of(declaration.factor * cap * t, declaration.factor * (1.0 - t * t), question, rows)


def _uncapped(question: Question, rows: Rows) -> F64:
    """Return the answer to tanh(s x / c)."""
    declaration = question.declaration
    cap = declaration.softcap or 1.0
    t = np.tanh(rows.logits.astype(np.float64) * declaration.factor / cap)
    return _of(t, declaration.factor / cap * (1.0 - t * t), question, rows)


def _of(logits: F64, slope: F64, question: Question, rows: Rows) -> F64:
    """Return the answer to other logits, whose derivatives are the slope."""
    plain = replace(question, declaration=replace(question.declaration, softcap=None, scale=1.0, temperature=1.0))
    found = _exact(plain, replace(rows, logits=logits))
    return found if question.quantity == "value" else found * slope


def _z_loss_not_squared(question: Question, rows: Rows) -> F64 | None:
    """Return the loss with the log-sum-exp times its factor; of values that are not reduced."""
    found = _exact(replace(question, declaration=replace(question.declaration, z_loss=0.0)), rows)
    if question.declaration.reduction != "none" or question.quantity != "value":
        return None
    return found + question.declaration.z_loss * log_total(transform(question.declaration, rows.logits)[0])[:, 0]


def _z_loss_of_shifted(question: Question, rows: Rows) -> F64 | None:
    """Return the answer whose z-loss, or the derivative of it, is of the logits less their maximum; not reduced."""
    declaration = question.declaration
    found = _exact(replace(question, declaration=replace(declaration, z_loss=0.0)), rows)
    if declaration.reduction != "none" or question.quantity not in {"value", "grad_logits"}:
        return None
    z, slope = transform(declaration, rows.logits)
    lse = log_total(z)
    shifted = lse - z.max(axis=1, keepdims=True)
    kept = 1.0 if declaration.ignore_index is None else (rows.indices != declaration.ignore_index)[:, None]
    if question.quantity == "value":
        return np.asarray(found + (declaration.z_loss * shifted**2 * kept)[:, 0])
    upstream = rows.row_cotangents.astype(np.float64)[:, None] * kept
    return np.asarray(found + 2.0 * declaration.z_loss * shifted * np.exp(z - lse) * slope * upstream)


def _slope_of_the_logit(question: Question, rows: Rows) -> F64:
    """Return the gradient whose factor for the cap is 1 - (s x / c)^2, not below 0."""
    declaration = question.declaration
    cap = declaration.softcap or 1.0
    ratio = rows.logits.astype(np.float64) * declaration.factor / cap
    slope = declaration.factor * np.maximum(1.0 - ratio * ratio, 0.0)
    return _of(cap * np.tanh(ratio), slope, question, rows)


def _smoothed_over_others(question: Question, rows: Rows) -> F64:
    """Return the answer where the label has 1 - a and each other class a / (n - 1): smoothing by a n / (n - 1)."""
    declaration, n = question.declaration, rows.logits.shape[1]
    share = min(declaration.label_smoothing * n / max(n - 1, 1), 1.0 - 2.0**-53)
    return _exact(replace(question, declaration=replace(declaration, label_smoothing=share)), rows)


def _smoothed_over_padded(question: Question, rows: Rows, *, block: int) -> F64 | None:
    """Return the loss of labels of 1 - a and a / n', n' the classes padded to a whole block; not reduced."""
    declaration, n = question.declaration, rows.logits.shape[1]
    if declaration.reduction != "none" or question.quantity != "value" or declaration.weight or not n % block:
        return None
    plain = _exact(replace(question, declaration=replace(declaration, label_smoothing=0.0)), rows)
    whole = _exact(question, rows)
    uniform = whole - (1.0 - declaration.label_smoothing) * plain
    return np.where(np.isinf(whole), whole, whole + uniform * (n / (n + -n % block) - 1.0))


def _ignored_rows_smoothed(question: Question, rows: Rows) -> F64 | None:
    """Return the answer with a / n of all log-probabilities in the rows that are ignored."""
    declaration = question.declaration
    found = _exact(question, rows)
    if declaration.reduction != "none" or question.quantity != "value":
        return None
    z = transform(declaration, rows.logits)[0]
    logs = z - log_total(z)
    return np.where(rows.indices == declaration.ignore_index, -declaration.label_smoothing * logs.mean(axis=1), found)


def _mean_over_all_rows(question: Question, rows: Rows) -> F64:
    """Return the sum divided by the number of rows, whatever they weigh."""
    return _exact(replace(question, declaration=replace(question.declaration, reduction="sum")), rows) / len(rows)


TILES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Rows of which a kernel takes the mean at a time."""


def _mean_of_means(question: Question, rows: Rows, *, tile: int) -> F64 | None:
    """Return the mean of the means of tiles of rows; of values."""
    declaration = question.declaration
    if question.quantity != "value" or len(rows) <= tile:
        return None
    losses = _exact(replace(question, declaration=replace(declaration, reduction="none")), rows)
    kept = np.ones(len(rows), bool) if declaration.ignore_index is None else rows.indices != declaration.ignore_index
    parts = [slice(start, start + tile) for start in range(0, len(rows), tile)]
    return np.array([np.mean([losses[part][kept[part]].mean() for part in parts])])


def _ignored_rows_in_the_divisor(question: Question, rows: Rows) -> F64:
    """Return the sum divided by the weights of all labels, of class 0 where a row is ignored."""
    declaration = question.declaration
    weight = weights(declaration, rows.logits)["weight"].astype(np.float64)
    ignored = rows.indices == declaration.ignore_index
    total = weight[np.where(ignored, 0, rows.indices)].sum()
    return np.asarray(_exact(replace(question, declaration=replace(declaration, reduction="sum")), rows) / total)


def _ignored_by_last_bits(question: Question, rows: Rows, *, bits: int) -> F64:
    """Return the answer where more rows are ignored: those whose label agrees in some bits."""
    ignored = question.declaration.ignore_index or 0
    same = (rows.indices - ignored) % (1 << bits) == 0
    return _exact(question, replace(rows, indices=np.where(same, ignored, rows.indices)))


def _of_the_first_row(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.repeat(mask[:1], len(mask), axis=0)


def _masked_as(question: Question, rows: Rows, *, mask: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> F64:
    """Return the answer under another mask than the one handed over; `SPOILER` stands where a class does not count."""
    counts = ~np.isneginf(rows.logits.astype(np.float64))
    given = np.where(counts, rows.logits.astype(np.float64), SPOILER)
    return _exact(question, replace(rows, logits=np.where(mask(counts), given, -np.inf)))
