"""Faults of options that are declared: reductions, ignored rows, smoothing, weights, transforms of the logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from meta.kernels.corpus import fault, faulty_gradient, log_softmax, log_sum_exp, loss, one_hot, softmax, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOSS = "softmax_cross_entropy"
IGNORED = -100


def _terms(x: Array, y: Array) -> tuple[Array, Array]:
    kept = y != IGNORED
    return np.where(kept, loss(wide(x), np.where(kept, y, 0)), 0), kept


@fault(LOSS, "options", reduction="mean", ignore_index=IGNORED)
def mean_over_ignored_rows_too(x: Array, y: Array) -> Array:
    terms, _ = _terms(x, y)
    return terms.mean().astype(x.dtype)


@fault(LOSS, "options", label_smoothing=0.1)
def smoothing_over_the_other_classes(x: Array, y: Array) -> Array:
    logarithm, q = log_softmax(wide(x)), one_hot(y, x.shape[1])
    share = 0.1 / max(x.shape[1] - 1, 1)
    return (-(logarithm * (q * (1 - 0.1 - share) + share)).sum(axis=1)).astype(x.dtype)


@fault(LOSS, "options", ignore_index=IGNORED)
def ignored_rows_cost_the_first_class(x: Array, y: Array) -> Array:
    return loss(x, np.where(y == IGNORED, 0, y))


@fault(LOSS, "options", reduction="sum")
def mean_for_a_sum(x: Array, y: Array) -> Array:
    return loss(wide(x), y).mean().astype(x.dtype)


@fault(LOSS, "options", reduction="mean", weight=True)
def weights_outside_the_divisor(x: Array, y: Array, weight: Array) -> Array:
    return (loss(wide(x), y) * wide(weight)[y]).mean().astype(x.dtype)


@fault(LOSS, "options", softcap=30.0)
def softcap_without_its_factor(x: Array, y: Array) -> Array:
    return loss(np.tanh(wide(x) / 30), y).astype(x.dtype)


@fault(LOSS, "options", scale=0.0625)
def scale_dropped(x: Array, y: Array) -> Array:
    return loss(x, y)


@fault(LOSS, "options", temperature=2.0)
def temperature_multiplied(x: Array, y: Array) -> Array:
    return loss(wide(x) * 2, y).astype(x.dtype)


@fault(LOSS, "options", z_loss=1e-3)
def z_loss_not_squared(x: Array, y: Array) -> Array:
    return (loss(wide(x), y) + 1e-3 * log_sum_exp(wide(x))).astype(x.dtype)


def scaled_loss(x: Array, y: Array) -> Array:
    """Return the loss of half the logits."""
    return loss(wide(x) * wide(x).dtype.type(0.5), y).astype(x.dtype)


@faulty_gradient(LOSS, "options", scaled_loss, scale=0.5)
def scale_missing_in_the_gradient(x: Array, y: Array, c: Array) -> Array:
    return ((softmax(wide(x) * 0.5) - one_hot(y, x.shape[1])) * wide(c)[:, None]).astype(x.dtype)


@fault("softmax", "options", where=True)
def mask_added_as_minus_1e4(x: Array, where: Array) -> Array:
    return softmax(wide(x) + np.where(where, 0, -1e4).astype(wide(x).dtype)).astype(x.dtype)


@fault(LOSS, "options", refuses="error")
def labels_out_of_range_clamped(x: Array, y: Array) -> Array:
    return loss(x, np.clip(y, 0, x.shape[1] - 1))


@fault(LOSS, "options", refuses="error")
def no_target_for_labels_out_of_range(x: Array, y: Array) -> Array:
    picked = np.where(np.arange(x.shape[1]) == y[:, None], wide(x), 0).sum(axis=1)
    return (log_sum_exp(wide(x)) - picked).astype(x.dtype)


@fault(LOSS, "options", result_format="float32", format="bfloat16")
def loss_rounded_before_it_is_widened(x: Array, y: Array) -> Array:
    return loss(x, y).astype(np.float32)


@fault(LOSS, "options", reduction="sum", divisor=4.0)
def divisor_ignored(x: Array, y: Array) -> Array:
    return loss(wide(x), y).sum().astype(x.dtype)
