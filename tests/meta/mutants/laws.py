"""Mutants that break a law: shifts, permutations, one-hot labels, the order of the classes, the compiled mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import softmax as control
from meta.mutants.mutant import (
    GRAD_INDEX_LOSS,
    INDEX_LOSS,
    LOG_SOFTMAX,
    LOG_SUM_EXP,
    SOFTMAX,
    Mutant,
    ask_control,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reference.vocabulary.cells import Cell, Inputs

    Array = NDArray[Any]

TOTAL, TOP, SHIFTED, SHARES = control.total, control.top, control.shifted, control.shares
CROSS_ENTROPY, GRAD_CROSS_ENTROPY = control.cross_entropy, control.grad_cross_entropy
BLOCK = 4


def shifted_by_clamped_maximum(x: Array) -> Array:
    """Shift by the maximum, but by no more than 80."""
    return x - np.clip(TOP(x), -80, 80)


def with_z_loss(x: Array, labels: NDArray[Any]) -> Array:
    """Add the square of log-sum-exp, as a training recipe does."""
    return CROSS_ENTROPY(x, labels) + x.dtype.type(1e-4) * control.log_sum_exp(x) ** 2


def unshifted_where_negative(x: Array) -> Array:
    """Take negative logits for harmless and shift the others alone."""
    plain = np.log(TOTAL(np.exp(x)))[..., 0]
    return np.where(TOP(x)[..., 0] > 0, TOP(x)[..., 0] + np.log(TOTAL(np.exp(SHIFTED(x))))[..., 0], plain)


def without_class_before_block(x: Array) -> Array:
    """Sum in blocks whose last class is read by neither."""
    return TOTAL(np.delete(x, np.arange(BLOCK - 1, x.shape[-1], BLOCK), axis=-1))


def first_class_in_half(x: Array) -> Array:
    """Take the first class's share in half precision."""
    p = SHARES(x)
    return np.where(np.arange(x.shape[-1]) == 0, p.astype(np.float16).astype(x.dtype), p)


def loss_of_clipped(x: Array, labels: NDArray[Any]) -> Array:
    """Keep distributions, not indices, away from 0 and 1."""
    return CROSS_ENTROPY(x, labels if labels.dtype.kind == "i" else np.clip(labels, 1e-4, 1 - 1e-4))


def gradient_of_clipped(x: Array, labels: NDArray[Any], cotangent: Array) -> Array:
    """Do so in the gradient alone."""
    q = labels if labels.dtype.kind == "i" else np.clip(labels, 1e-4, 1 - 1e-4)
    return GRAD_CROSS_ENTROPY(x, q, cotangent)


def remainder_without_division(x: Array) -> Array:
    """Take exp(log p) for the classes past the last whole block of 4."""
    t = SHIFTED(x)
    remainder = np.arange(x.shape[-1]) >= x.shape[-1] - x.shape[-1] % BLOCK
    return np.where(remainder, np.exp(t - np.log(TOTAL(np.exp(t)))), SHARES(x))


def leader_by_complement(x: Array) -> Array:
    """Give the first greatest class what the others leave of 1."""
    p = SHARES(x)
    leads = np.arange(x.shape[-1]) == np.argmax(x, axis=-1)[..., None]
    return np.where(leads, 1 - TOTAL(np.where(leads, 0, p)), p)


def reversed_ranks(x: Array) -> Array:
    """Round the logits up and down in turn, which exchanges near neighbours."""
    toward = np.where(np.arange(x.shape[-1]) % 2 == 0, np.inf, -np.inf).astype(x.dtype)
    moved = np.nextafter(np.nextafter(x, toward), toward)
    return control.shifted(moved) - np.log(TOTAL(np.exp(control.shifted(moved))))


def in_float32(cell: Cell, inputs: Inputs) -> Array:
    """Leave half precision where the sums were made, in float32."""
    return ask_control(cell, inputs).astype(np.float32)


def column(cell: Cell, inputs: Inputs) -> Array:
    """Keep the reduced class axis."""
    return ask_control(cell, inputs)[..., None]


LAW_MUTANTS = [
    Mutant(
        "shift_clamped",
        "The shift by the maximum stops at 80.",
        "LAW-3",
        SOFTMAX,
        {"shifted": shifted_by_clamped_maximum},
    ),
    Mutant(
        "z_loss_left_in", "The square of log-sum-exp is added.", "LAW-3", INDEX_LOSS, {"cross_entropy": with_z_loss}
    ),
    Mutant(
        "negative_logits_unshifted",
        "Rows of negative logits are not shifted.",
        "LAW-3",
        LOG_SUM_EXP,
        {"log_sum_exp": unshifted_where_negative},
    ),
    Mutant(
        "class_lost_between_blocks",
        "The last class of each block is missing from the sum.",
        "LAW-4",
        SOFTMAX,
        {"total": without_class_before_block},
    ),
    Mutant(
        "class_lost_between_blocks_of_loss",
        "The last class of each block is missing from the sum of a loss.",
        "LAW-4",
        INDEX_LOSS,
        {"total": without_class_before_block},
    ),
    Mutant(
        "first_class_in_half",
        "The first class's share is taken in float16.",
        "LAW-4",
        SOFTMAX,
        {"shares": first_class_in_half},
    ),
    Mutant(
        "one_hot_clipped",
        "Distributions are kept away from 0 and 1, class indices are not.",
        "LAW-6",
        INDEX_LOSS,
        {"cross_entropy": loss_of_clipped},
    ),
    Mutant(
        "one_hot_clipped_in_gradient",
        "The gradient keeps distributions away from 0 and 1, class indices not.",
        "LAW-6",
        GRAD_INDEX_LOSS,
        {"grad_cross_entropy": gradient_of_clipped},
    ),
    Mutant(
        "remainder_without_division",
        "The classes past the last whole block take another formula.",
        "LAW-7",
        SOFTMAX,
        {"shares": remainder_without_division},
    ),
    Mutant(
        "leader_by_complement",
        "The first of the greatest classes gets what the others leave of 1.",
        "LAW-7",
        SOFTMAX,
        {"shares": leader_by_complement},
    ),
    Mutant(
        "near_neighbours_exchanged",
        "Logits are moved by two ulps, up and down in turn.",
        "LAW-7",
        LOG_SOFTMAX,
        {"log_softmax": reversed_ranks},
    ),
    Mutant(
        "compiled_in_float32",
        "The compiled mode answers bfloat16 in float32.",
        "MOD-3",
        SOFTMAX,
        ask=in_float32,
        mode="compiled",
        format="bfloat16",
        profile="full",
    ),
    Mutant(
        "compiled_keeps_axis",
        "The compiled mode keeps the reduced axis.",
        "MOD-3",
        LOG_SUM_EXP,
        ask=column,
        mode="compiled",
    ),
]
