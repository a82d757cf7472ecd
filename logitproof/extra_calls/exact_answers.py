"""The exact answer of a derived call: its case reduced to one formula, of jets.

A case is a mapping: `what` (as `WHATS` there has it), `kind` and `shape` of the logits, `axis` (a number, or
several), and the arguments that the function has; see `logitproof_adapters.catalogue.extra_calls.pairwise.tables`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof.extra_calls.jets import Jet, exp, log_sum_exp, sigmoid, softplus
from logitproof_adapters.catalogue.extra_calls.pairwise.inputs import inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from logitproof.extra_calls.jets import Array

    Case = Mapping[str, Any]
    Formula = Callable[[Jet, Case], Jet]


def exact_numbers(case: Case) -> Array:
    """Return all numbers of the answer, flat, in C order."""
    if case["op"] == "refused":  # true
        return np.ones(1)
    shape, given = tuple(case["shape"]), inputs()
    logits: Array = given["logits_of"](shape, case["kind"], _first_axis(case))
    with np.errstate(invalid="ignore", over="ignore"):
        found = FORMULAS[case["op"]](Jet.of(logits, given["tangent_of"](shape)), case)
        if case["what"] == "bent":
            found = found * found * 0.5
        if case["what"] == "value":
            return _at_infinity(found.value, logits, case).reshape(-1)
        if case["what"] == "push":
            return found.along.reshape(-1)
        cotangent: Array = given["cotangent_of"](found.value.shape)
        part = found.each if case["what"] == "slope" else found.mixed
        slopes: Array = (part * cotangent).reshape(part.shape[0], -1).sum(axis=1)
    return slopes


def _first_axis(case: Case) -> int:
    axis = case.get("axis", -1)
    return -1 if axis is None else (axis[0] if axis else -1) if isinstance(axis, tuple) else axis


def _at_infinity(value: Array, logits: Array, case: Case) -> Array:
    """Return values, each that its formula leaves undefined at an infinite logit in its limit there.

    What is 0 times the logarithm of 0 is 0, as the functions of probabilities document; and log(exp(x) + exp(y)) of
    the same infinity twice is that.
    """
    op = case["op"]
    if case["kind"] != "infinite" or op not in ("merged", "self_information", "relative", "weighted_log"):
        return value
    limit = logits if op == "merged" else _known_parts(logits.shape) if case.get("of_measures") else 0.0
    return np.where(np.isnan(value) & np.isinf(logits), limit, value)


def _axes(case: Case) -> tuple[int, ...]:
    axis, many = case.get("axis", -1), len(case["shape"])
    if not many:
        return ()
    if axis is None:
        return tuple(range(many))
    return tuple(one % many for one in (axis if isinstance(axis, tuple) else (axis,)))


def _softmax(x: Jet, case: Case) -> Jet:
    return exp(_log_softmax(x, case))


def _log_softmax(x: Jet, case: Case) -> Jet:
    return x - log_sum_exp(x, _axes(case))


def _softmin(x: Jet, case: Case) -> Jet:
    return _softmax(-x, case)


def _log_sum_exp(x: Jet, case: Case) -> Jet:
    axes, shape = _axes(case), case["shape"]
    if case.get("factors"):
        x = x + np.log(inputs()["factors_of"](tuple(shape)))
    found = log_sum_exp(x, axes)
    if case.get("kept"):
        return found
    return found.reshaped(*(size for axis, size in enumerate(shape) if axis not in axes))


def _cumulated(x: Jet, case: Case) -> Jet:
    (axis,), many = _axes(case), case["shape"][_axes(case)[0]]
    moved = [np.moveaxis(part, axis - x.value.ndim, -1) for part in x.parts]
    upto = [Jet(*(part[..., : last + 1] for part in moved)) for last in range(many)]
    each = [log_sum_exp(one, (one.value.ndim - 1,)) for one in upto]
    joined = [np.concatenate(parts, axis=-1) for parts in zip(*(one.parts for one in each), strict=True)]
    return Jet(*(np.moveaxis(part, -1, axis - x.value.ndim) for part in joined))


def _entropy(x: Jet, case: Case) -> Jet:
    axes = _axes(case)
    terms = (_softmax(x, case) * -_log_softmax(x, case)).where(np.isfinite(x.value))
    return _without(terms.sum(axes), axes, x)


def _without(found: Jet, axes: tuple[int, ...], x: Jet) -> Jet:
    return found.reshaped(*(size for axis, size in enumerate(x.value.shape) if axis not in axes))


def _labels(x: Jet, case: Case) -> Array:
    """Return how much of the label each class is."""
    shape, axis, given = x.value.shape, _axes(case)[0], inputs()
    if case.get("labels") == "shares":
        shares: Array = given["shares_of"](shape, case["kind"], axis)
        return shares
    labels = given["classes_of"](shape, case["kind"], axis)
    numbers = np.arange(shape[axis]).reshape((-1,) + (1,) * labels.ndim)
    return np.moveaxis(1.0 * (numbers == labels), 0, axis)


def _cross_entropy(x: Jet, case: Case) -> Jet:
    """Return cross-entropy by log-softmax, or by given log-probabilities, with the options that a case has."""
    axes, shape, given = _axes(case), x.value.shape, inputs()
    (axis,) = axes
    labels, many = _labels(x, case), shape[axis]
    along = [1] * len(shape)
    along[axis] = many
    weights = given["weights_of"](many).reshape(along) if case.get("weight") else np.ones(along)
    eps = case.get("smoothing", 0.0)
    logs = x if case["op"] == "nll" else _log_softmax(x, case)
    shares = (1.0 - eps) * labels + eps / max(many, 1)
    losses = _without((logs * -(shares * weights)).where(shares != 0).sum(axes), axes, x)
    kept = np.ones(losses.value.shape)
    if case.get("ignored") is not None:  # every third row, and what has such a label
        kept = 1.0 * (np.arange(kept.size).reshape(kept.shape) % 3 != 2)
        kept *= given["classes_of"](shape, case["kind"], axis) != case["ignored"]
        losses = losses.where(kept != 0)
    of_row: Array = kept * (labels * weights).sum(axis=axis) if case.get("labels") != "shares" else kept
    if case.get("of_rows"):
        factors: Array = given["factors_of"](losses.value.shape)
        losses, of_row = losses * factors, of_row * factors
    return _reduced(losses, case, of_row)


def _poly(x: Jet, case: Case) -> Jet:
    """Return cross-entropy with its first term in the missing probability of the label weighted anew (PolyLoss)."""
    axes, labels = _axes(case), _labels(x, case)
    likely = _without((_softmax(x, case) * labels).sum(axes), axes, x)
    epsilon: float = case["epsilon"]
    return _cross_entropy(x, case) + (-likely + 1.0) * epsilon


def _reduced(losses: Jet, case: Case, of_row: Array | None = None) -> Jet:
    how, every = case.get("reduction", "none"), tuple(range(losses.value.ndim))
    if how == "none":
        return losses
    total = losses.sum(every).reshaped()
    if how == "sum":
        return total
    divisor = losses.value.size if case.get("over") == "all" or of_row is None else of_row.sum()
    if how == "batchmean":
        divisor = losses.value.shape[0]
    return total * (1.0 / divisor if divisor else math.nan)


def _binary(x: Jet, case: Case) -> Jet:
    shape, given = x.value.shape, inputs()
    labels = given["truths_of"](shape)
    if case.get("hard"):
        labels = np.floor(labels + 0.25)
    if eps := case.get("smoothing", 0.0):
        labels = (1.0 - eps) * labels + eps / 2.0
    boost = given["weights_of"](shape[-1]) if case.get("boost") else 1.0
    losses = softplus(-x) * (labels * boost) + softplus(x) * (1.0 - labels)
    if case.get("weight"):
        losses = losses * given["factors_of"](shape)
    if case.get("columns"):
        losses = losses * given["weights_of"](shape[-1])
    return _reduced(_averaged(losses, x) if case.get("averaged") else losses, case)


def _averaged(losses: Jet, x: Jet) -> Jet:
    """Return the means of losses along their last axis."""
    last = losses.value.ndim - 1
    return _without(losses.sum((last,)) * (1.0 / losses.value.shape[-1]), (last,), x)


def _focal(x: Jet, case: Case) -> Jet:
    labels = np.floor(inputs()["truths_of"](x.value.shape) + 0.25)
    signed = x * (1.0 - 2.0 * labels)
    losses = softplus(signed) * exp(-softplus(-signed) * case["gamma"])
    if (alpha := case.get("alpha")) is not None:
        losses = losses * (alpha * labels + (1.0 - alpha) * (1.0 - labels))
    return _reduced(_averaged(losses, x) if case.get("averaged") else losses, case)


def _divergence(x: Jet, case: Case) -> Jet:
    """Return the Kullback-Leibler divergence of softmax from shares, by log-softmax of the logits."""
    axes = _axes(case)
    shares = inputs()["shares_of"](x.value.shape, case["kind"], axes[0])
    known = np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0)
    terms = (-_log_softmax(x, case) * shares).where(shares > 0) + known
    if case.get("summed"):
        terms = _without(terms.sum(axes), axes, x)
    return _reduced(terms, case)


def _merged(x: Jet, case: Case) -> Jet:
    """Return log(exp(x) + exp(y)), where y is the tangent, or x itself, held fast."""
    other: Array = x.value if case.get("beside") == "same" else inputs()["tangent_of"](x.value.shape)
    return softplus(x - other) + other


def _alignment(x: Jet, case: Case) -> Jet:
    """Return the CTC loss of the label 1, in two frames of three symbols, the first of which is the blank.

    Three paths spell it: the label twice, and beside a blank on either side.
    """
    logs = _log_softmax(x, case) if case.get("normalised") else x
    frames = [Jet(*(part[..., frame, :, :] for part in logs.parts)) for frame in range(2)]
    symbols = [
        [Jet(*(part[..., symbol : symbol + 1] for part in frame.parts)) for symbol in range(2)] for frame in frames
    ]
    (blank, label), (blank_after, label_after) = symbols
    paths = (label + label_after, blank + label_after, label + blank_after)
    joined = Jet(*(np.concatenate(parts, axis=-1) for parts in zip(*(path.parts for path in paths), strict=True)))
    return -log_sum_exp(joined, (joined.value.ndim - 1,)).reshaped(x.value.shape[1])


def _merged_in_base_2(x: Jet) -> Jet:
    """Return log2(2^x + 2^y), where y is the tangent."""
    part = math.log(2.0)
    other: Array = inputs()["tangent_of"](x.value.shape) * part
    return (softplus(x * part - other) + other) * (1.0 / part)


def _known_parts(shape: tuple[int, ...]) -> Array:
    """Return probabilities that the sigmoid of the logits is held against."""
    parts: Array = inputs()["factors_of"](shape) / 4.0
    return parts


def _relative(x: Jet, case: Case) -> Jet:
    """Return p log(p / q) of each p, the sigmoid of a logit; as a divergence of measures with q - p beside it."""
    known = _known_parts(x.value.shape)
    terms = sigmoid(x) * (-softplus(-x) - np.log(known))
    return terms - sigmoid(x) + known if case.get("of_measures") else terms


def _weighted_log(x: Jet, case: Case) -> Jet:
    """Return y log p of each p, the sigmoid of a logit, or y log(1 - p)."""
    logs = -softplus(x) if case.get("of_rest") else -softplus(-x)
    truths: Array = inputs()["truths_of"](x.value.shape)
    return logs * truths


def _by_other(x: Jet, case: Case) -> Jet:
    """Return the derivative by what stands beside the logits, times the cotangent of the answer."""
    given, shape = inputs(), x.value.shape
    if case["by"] == "other":  # of log(exp(x) + exp(y)) by y
        slopes = sigmoid(-x + given["tangent_of"](shape))
    elif case["by"] == "truths":  # of y log p by y, or of a loss by its label
        slopes = -x if case.get("of_loss") else -softplus(-x)
    elif case["by"] == "parts":  # of p log(p / q), and with q - p beside it, by q
        slopes = sigmoid(x) * (-1.0 / _known_parts(shape)) + (1.0 if case.get("of_measures") else 0.0)
    else:  # of log-sum-exp by its factors
        factors: Array = given["factors_of"](shape)
        total = log_sum_exp(x + np.log(factors), _axes(case))
        left = _without(total, _axes(case), x).value.shape
        of_rows: Array = given["cotangent_of"](left)
        return exp(x - total) * np.expand_dims(of_rows, _axes(case))
    cotangent: Array = given["cotangent_of"](shape)
    return slopes * cotangent


def _focal_of_classes(x: Jet, case: Case) -> Jet:
    """Return the focal loss of classes: cross-entropy, each term by a power of what the class lacks of 1."""
    axes, terms = _axes(case), -_log_softmax(x, case) * (case["alpha"] * _labels(x, case))
    lacking = -_softmax(x, case) + 1.0
    for _ in range(int(case["gamma"])):
        terms = terms * lacking
    return _without(terms.sum(axes), axes, x)


def _coin(x: Jet) -> Jet:
    """Return the entropy of each coin that comes up with the probability sigmoid(x)."""
    return sigmoid(x) * softplus(-x) + sigmoid(-x) * softplus(x)


def _mean_exp(x: Jet, case: Case) -> Jet:
    """Return the logarithm of the mean of exponentials."""
    many = math.prod(case["shape"][axis] for axis in _axes(case))
    return _log_sum_exp(x, case) - math.log(many)


def _elementwise(function: Callable[[Jet], Jet]) -> Formula:
    return lambda x, _: function(x)


FORMULAS: dict[str, Formula] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "softmin": _softmin,
    "log_sum_exp": _log_sum_exp,
    "cumulated": _cumulated,
    "entropy": _entropy,
    "cross_entropy": _cross_entropy,
    "nll": _cross_entropy,
    "binary": _binary,
    "focal": _focal,
    "divergence": _divergence,
    "merged": _merged,
    "alignment": _alignment,
    "poly": _poly,
    "merged_in_base_2": _elementwise(_merged_in_base_2),
    "mean_exp": _mean_exp,
    "relative": _relative,
    "weighted_log": _weighted_log,
    "self_information": _elementwise(lambda x: sigmoid(x) * softplus(-x)),
    "coin": _elementwise(_coin),
    "by_other": _by_other,
    "focal_of_classes": _focal_of_classes,
    "logit": _elementwise(lambda x: x * 1.0),
    "sigmoid": _elementwise(sigmoid),
    "log_sigmoid": _elementwise(lambda x: -softplus(-x)),
    "softplus": _elementwise(softplus),
}
