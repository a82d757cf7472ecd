"""Accuracy classes: which kind of algorithm an implementation uses, inferred from its outputs.

Each function returns True or False where some row decides, and None if none does: a class is told
only from rows on which the better algorithm's bound is at most a quarter of the other's error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from logitproof_reference.bounds import forward as bounds_forward
from logitproof_reference.bounds import gradient as bounds_gradient
from logitproof_reference.bounds.assumptions import SHOULD, Arithmetic
from logitproof_reference.bounds.error_model import BoundedValue, Rounding
from logitproof_reference.bounds.row_statistics import INFLATION, RowStatistics
from logitproof_reference.vocabulary.ops import OPS, formulas_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.numerics.enclosure import Enclosure
    from logitproof_reference.vocabulary.formats import F64, Format

DECISIVE = 4.0
"""A row decides if the other algorithm's error can reach this many times the better bound."""

CLASSES: Final = {
    "saturation": ("relative at saturation", "absolute at saturation"),
    "label gradient": ("relative gradient at the label", "absolute gradient at the label"),
    "offset": ("shift-invariant", "offset class"),
    "division": ("sums to one as by division", "division-free"),
    "accumulation": ("wide accumulation", "narrow accumulation"),
}
"""What each question's True and False are called."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The answers of an implementation to some rows, and the exact ones.

    Attributes
    ----------
    logits : array, shape (rows, n)
        Exact numbers of the format.
    observed : array, shape of the answer
        The implementation's answer.
    exact : Enclosure of the same shape
        The exact answer.
    format : Format
        The format of logits and answer.
    labels : integer array (rows,), or floating array (rows, n), optional
        Class indices, or distributions.
    cotangent : float array (rows,), optional
        Upstream gradient of a loss or log-sum-exp; ones when left out.
    arithmetic : Arithmetic
        What the better algorithm's bound assumes.
    """

    logits: NDArray[Any]
    observed: NDArray[Any]
    exact: Enclosure
    format: Format
    labels: NDArray[Any] | None = None
    cotangent: NDArray[Any] | None = None
    arithmetic: Arithmetic = SHOULD

    @cached_property
    def statistics(self) -> RowStatistics:
        """The rows' statistics."""
        return RowStatistics.of(self.logits)

    @property
    def rounding(self) -> Rounding:
        """The rounding model of format and arithmetic."""
        return Rounding(self.format, self.arithmetic)

    @cached_property
    def total(self) -> bounds_forward.ShiftedSum:
        """The sum of shifted exponentials and its error."""
        return bounds_forward.shifted_sum(self.statistics, self.rounding)

    @cached_property
    def error(self) -> F64:
        """|observed - exact|, NaN where either is not finite."""
        seen = self.observed.astype(np.float64)
        finite = np.isfinite(seen) & np.isfinite(self.exact.value)
        return np.where(finite, self.exact.distance(np.where(finite, seen, 0.0)), np.nan)

    @property
    def indices(self) -> NDArray[np.intp]:
        """The labels as indices, shape (rows, 1); ValueError where they are none."""
        if self.labels is None or self.labels.dtype.kind not in "iu":
            raise ValueError("this accuracy class is defined at the label: class indices are needed")
        return self.labels.astype(np.intp)[:, None]

    @property
    def upstream(self) -> BoundedValue:
        """The cotangent, shape (rows, 1)."""
        given = np.ones(len(self.logits)) if self.cotangent is None else self.cotangent.astype(np.float64)
        return BoundedValue.exact(given[:, None])


def relative_at_saturation(outputs: Outputs) -> bool | None:
    """Whether the loss at the maximal class keeps its leading digits as p -> 1.

    -y = log1p(s) with s the sum of the other exponentials: relative error within (1 + es)(1 + el) - 1 and a
    last rounding, es = (1 + kappa u Ms)(1 + ee)(1 + g_h) - 1 + n eta / s. A plain log S loses 1 + s
    to rounding, u absolutely: up to 8.5e5 times that.
    """
    loss = outputs.statistics.log_total[:, 0]
    at_top = np.take_along_axis(outputs.statistics.depth, outputs.indices, axis=-1)[:, 0] == 0.0
    granted = loss * _saturated_loss_error(outputs) + outputs.rounding.tiny
    plain = np.minimum(outputs.rounding.unit / 2.0, loss)
    return _told(outputs.error, granted, np.where(at_top, plain, 0.0))


def _saturated_loss_error(outputs: Outputs) -> F64:
    """Return the relative error of log1p(s), the maximum itself left out of the sum. Shape (rows,)."""
    statistics, rounding = outputs.statistics, outputs.rounding
    n = statistics.depth.shape[-1]
    depth = np.where(statistics.first_top, np.inf, statistics.depth)
    others = replace(statistics, depth=depth, total=np.exp(-depth).sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = bounds_forward.mean_shift(others, bounds_forward.shift_error(others, rounding))
        underflow = n * rounding.exp_tiny / others.total
    sums = bounds_forward.compound(shift, rounding.exp_error, rounding.sum_growth(n)) + underflow
    relative = bounds_forward.compound(sums, rounding.log_error, rounding.unit)
    return np.asarray(relative[:, 0], dtype=np.float64)


def sigmoid_relative_at_saturation(outputs: Outputs) -> bool | None:
    """Whether the sigmoid loss keeps its leading digits where a certain label's logit lies far on its side.

    There it is log1p(s), s = exp(-|x|): relative error within (1 + ee)(1 + el)(1 + u) - 1. The form softplus(x) - x z,
    and x - log sigmoid(x) at z = 0, subtract two numbers near |x|: off by u |x| / 2 absolutely, or by all of the loss.
    """
    x, rounding = outputs.logits.astype(np.float64), outputs.rounding
    labels = np.zeros_like(x) if outputs.labels is None else outputs.labels.astype(np.float64)
    saturated = ((labels == 0.0) & (x < 0.0)) | ((labels == 1.0) & (x > 0.0))
    loss = np.where(saturated, np.logaddexp(0.0, -np.abs(x)), 0.0)
    relative = bounds_forward.compound(np.full_like(x, rounding.exp_error), rounding.log_error, rounding.unit)
    return _told(outputs.error, loss * relative + rounding.tiny, np.minimum(rounding.unit / 2.0 * np.abs(x), loss))


def relative_label_gradient(outputs: Outputs) -> bool | None:
    """Whether the gradient at the label keeps its digits where p - 1 cancels (float32: to 0 once 1 - p < 2^-25)."""
    measured = label_gradients(outputs)
    return _told(measured.error, measured.granted, measured.otherwise)


@dataclass(frozen=True)
class LabelGradients:
    """The gradient at each row's label, measured; arrays of shape (rows,), of the sigmoid loss (rows, n).

    Attributes
    ----------
    error : float64 array
        |observed - exact|, NaN where either is not finite.
    granted : float64 array
        The bound of an algorithm that keeps the digits.
    otherwise : float64 array
        What p - 1 costs.
    """

    error: F64
    granted: F64
    otherwise: F64

    @property
    def decisive(self) -> NDArray[np.bool_]:
        """The rows that tell one algorithm from the other."""
        return _decisive(self.error, self.granted, self.otherwise)


def label_gradients(outputs: Outputs, *, times_share: bool = False) -> LabelGradients:
    """Measure the gradient at the label.

    As -sum of the other p, its error is theirs, g_h of the sum, and the product with the cotangent:
    relatively about (T + M + h + 2) u + 2 ee. p - 1 is off by u absolutely. Of softmax itself, by the label's own
    probability, it is p times that.
    """
    rounding, indices = outputs.rounding, outputs.indices
    softmax = bounds_forward.softmax(outputs.statistics, rounding, outputs.total)
    others = np.arange(softmax.value.shape[-1]) != indices
    rest = rounding.sum(BoundedValue(np.where(others, softmax.value, 0.0), np.where(others, softmax.error, 0.0)))
    if times_share:
        value, error = (np.take_along_axis(part, indices, axis=-1) for part in (softmax.value, softmax.error))
        rest = rounding.multiply(BoundedValue(value, error), rest)
    granted = rounding.multiply(outputs.upstream, rest).error[:, 0]
    error = np.take_along_axis(outputs.error, indices, axis=-1)[:, 0]
    cancelled = np.abs(outputs.upstream.value) * np.minimum(rounding.unit / 2.0, rest.value)
    return LabelGradients(error, granted * INFLATION, cancelled[:, 0])


def sigmoid_gradients(outputs: Outputs) -> LabelGradients:
    """Measure the gradient of the sigmoid loss where a certain label's logit lies far on its side.

    There it is sigmoid(-|x|) with a sign, times the cotangent: e / (1 + e) with e = exp(-|x|), off by ee and four
    roundings relatively. sigmoid(x) - 1 is off by u absolutely.
    """
    x, rounding = outputs.logits.astype(np.float64), outputs.rounding
    labels = np.zeros_like(x) if outputs.labels is None else outputs.labels.astype(np.float64)
    cotangent = np.ones_like(x) if outputs.cotangent is None else np.abs(outputs.cotangent.astype(np.float64))
    saturated = ((labels == 0.0) & (x < 0.0)) | ((labels == 1.0) & (x > 0.0))
    share = np.exp(-np.logaddexp(0.0, np.abs(x)))
    # Next to the subnormal numbers an exponential may be flushed to 0, which is another matter (EXT-9).
    share = np.where(saturated & (share * rounding.unit >= outputs.format.smallest_normal), share, 0.0)
    relative = bounds_forward.compound(np.full_like(x, rounding.exp_error), *[rounding.unit] * 4)
    granted = (cotangent * share * relative + 2 * rounding.tiny) * INFLATION
    return LabelGradients(outputs.error, granted, cotangent * np.minimum(rounding.unit / 2.0, share))


def shift_invariant_value(outputs: Outputs) -> bool | None:
    """Whether log-softmax, or the loss at class indices, is free of u |LSE|, which grows with a common offset."""
    statistics, rounding = outputs.statistics, outputs.rounding
    log_sum_exp = bounds_forward.log_sum_exp(statistics, rounding, outputs.total)
    granted = bounds_forward.log_softmax_by_difference(statistics, rounding, outputs.total).error
    offset = rounding.unit * np.abs(log_sum_exp.value)
    if outputs.observed.ndim == 1:
        granted = np.take_along_axis(granted, outputs.indices, axis=-1)[:, 0]
        offset = offset[:, 0]
    return _told(outputs.error, granted, np.broadcast_to(offset, granted.shape))


def shift_invariant_gradient(outputs: Outputs) -> bool | None:
    """Whether log-sum-exp's gradient is c softmax, not c exp(x - y) of a rounded y, off by u |y| relatively."""
    statistics, rounding = outputs.statistics, outputs.rounding
    softmax = bounds_forward.softmax(statistics, rounding, outputs.total)
    granted = bounds_gradient.log_sum_exp_vjp(softmax, outputs.upstream, rounding).error
    offset = np.abs(outputs.upstream.value) * softmax.value * rounding.unit * np.abs(statistics.log_sum_exp)
    return _told(outputs.error, granted, offset)


def sums_to_one(outputs: Outputs) -> bool | None:
    """Whether softmax sums to one as a division by its own sum makes it (B7), unlike exp(x - lse).

    That sum is off by the rounding of lse, u |lse| / 2. A division-free form of shifted logits, off
    by u log S only, cannot be inferred from a division.
    """
    rounding = outputs.rounding
    law = bounds_forward.softmax_sum_law(outputs.logits.shape[-1], rounding, roundings=2)
    free = rounding.unit / 2.0 * np.abs(outputs.statistics.log_sum_exp[:, 0])
    sums = np.array([math.fsum(row) if np.isfinite(row).all() else np.nan for row in _rows(outputs.observed)])
    return _told(np.abs(sums - 1.0), np.full_like(free, law), free)


def _rows(array: NDArray[Any]) -> list[NDArray[np.float64]]:
    return list(array.astype(np.float64))


def wide_accumulation(outputs: Outputs) -> bool | None:
    """Whether softmax in half precision was summed in float32: B1 with the u of float32 in g_h.

    Decided on rows wide enough for the narrow sum's worst case to matter; None for other formats.
    """
    narrow = Rounding(outputs.format, replace(outputs.arithmetic, accumulation=""))
    wide = Rounding(outputs.format, replace(outputs.arithmetic, accumulation="float32"))
    statistics = outputs.statistics
    granted = bounds_forward.softmax(statistics, wide, bounds_forward.shifted_sum(statistics, wide)).error
    narrow_error = statistics.softmax * narrow.tree_growth(outputs.logits.shape[-1])
    return _told(outputs.error, granted, narrow_error)


def _told(error: F64, granted: F64, otherwise: F64) -> bool | None:
    """Return whether every decisive element is within what is granted; None if no element is decisive."""
    decisive = _decisive(error, granted, otherwise)
    if not decisive.any():
        return None
    return bool((error <= granted * INFLATION)[decisive].all())


def _decisive(error: F64, granted: F64, otherwise: F64) -> NDArray[np.bool_]:
    return np.isfinite(error) & np.isfinite(granted) & (otherwise >= DECISIVE * granted)


def classes(op: str, quantity: str, outputs: Outputs) -> tuple[str, ...]:
    """Return the accuracy classes that the outputs of a cell show, as `CLASSES` names them.

    Empty where the op and quantity have none, where labels of classes are distributions, or where no row decides.
    """
    labels = outputs.labels
    if OPS[op].takes_labels and not OPS[op].elementwise and (labels is None or labels.dtype.kind not in "iu"):
        return ()
    told = {name: globals()[function](outputs) for name, function in formulas_of(op, quantity).accuracy}
    return tuple(CLASSES[name][0 if answer else 1] for name, answer in told.items() if answer is not None)
