"""Trials of claims: when results confirm a claim, and trials shared by several formats or logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.claims.model import Query, Trial
from logitproof_reference.vocabulary.cells import SIGMOID, Options
from logitproof_reference.vocabulary.formats import FORMATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

CROSS_ENTROPY = "softmax_cross_entropy"
SMOOTHED = Options(label_smoothing=0.125)
WEIGHTED_MEAN = Options(reduction="mean", weight=True)


def near(found: F64, said: list[float], digits: int = 4) -> bool:
    """Return whether numbers are those said, to this many decimals."""
    return bool(np.abs(found.ravel() - said).max() <= 0.6 * 10.0**-digits)


def same(one: F64, other: F64, ulps: float = 4.0, format_: str = "float32") -> bool:
    """Return whether two answers agree within some ulps of the format, relative to the larger."""
    allowed = 2.0 * ulps * FORMATS[format_].unit_roundoff * np.maximum(np.abs(one), np.abs(other))
    return bool(((one == other) | (np.isfinite(allowed) & (np.abs(one - other) <= allowed))).all())


def strictly_between(p: F64) -> bool:
    """Return whether all numbers lie strictly between 0 and 1."""
    return bool(((p > 0.0) & (p < 1.0)).all())


def trials_by_format(logits: dict[str, tuple[float, float]]) -> tuple[Trial, ...]:
    """Return a trial for each format and gap: whether the softmax of [gap, 0] lies strictly between 0 and 1."""
    return tuple(
        Trial(
            f"softmax of [{gap:g}, 0] in {format_}",
            format_,
            (Query("softmax", ((gap, 0.0),)),),
            strictly_between,
        )
        for format_, gaps in logits.items()
        for gap in gaps
    )


def logarithms(format_: str, gap: float) -> Trial:
    """Return a trial of log(softmax) beside log_softmax, for the class that lies `gap` below the other."""
    asks = (Query("softmax", ((0.0, -gap),)), Query("log_softmax", ((0.0, -gap),)))
    return Trial(
        f"log(softmax([0, {-gap:g}])) and log_softmax([0, {-gap:g}]) in {format_}, the second class",
        format_,
        asks,
        lambda p, log_p: same(np.log(p[:, 1]), log_p[:, 1], 256.0, format_),
        lambda p, log_p: np.array([np.log(p[0, 1]), log_p[0, 1]]),
    )


def two_losses(logit: float) -> Trial:
    """Return a trial of the sigmoid loss of a logit beside the cross-entropy of it and 0."""
    asks = (Query(SIGMOID, ((logit,),), ((1.0,),)), Query(CROSS_ENTROPY, ((logit, 0.0),), (0,)))
    return Trial(
        f"sigmoid loss of {logit:g} with label 1, cross-entropy of [{logit:g}, 0] with class 0, float32",
        "float32",
        asks,
        lambda one, other: same(one.ravel(), other.ravel()),
    )
