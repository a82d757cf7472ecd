"""Mutants that lose a class, a row or a stride at the edge of a block, and those that an ignored row spoils."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from logitproof_adapters.control import options as control_options
from logitproof_adapters.control import softmax as control
from logitproof_reference.cases.widths import WIDEST_TILE
from logitproof_reference.vocabulary.cells import Options
from meta.mutants.mutant import (
    GRAD_INDEX_LOSS,
    GRAD_LOG_SOFTMAX,
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

LANES, LARGEST_BLOCK = 16, 65_536
LOG_SUM_EXP_OF, SOFTMAX_OF = control.log_sum_exp, control.softmax
SPATIAL = Options(ignore_index=0, reduction="mean", weight=True)
MEAN_OF_KEPT = Options(ignore_index=-1, reduction="mean")


def total_without_the_last_of_a_block(x: Array) -> Array:
    kept = x[..., :-1] if x.shape[-1] in {32, 256, 2048, LARGEST_BLOCK} else x
    return np.asarray(kept.sum(axis=-1, keepdims=True))


def top_of_whole_vectors(x: Array) -> Array:
    whole = x.shape[-1] // LANES * LANES
    return np.asarray(x[..., : whole or x.shape[-1]].max(axis=-1, keepdims=True))


def log_of_tiles(x: Array) -> Array:
    """Merge the log-sum-exp of tiles of 32,768: one without a finite logit gives -inf less -inf, NaN."""
    if x.shape[-1] <= WIDEST_TILE:
        return LOG_SUM_EXP_OF(x)
    tiles = [x[..., start : start + WIDEST_TILE] for start in range(0, x.shape[-1], WIDEST_TILE)]
    with np.errstate(all="ignore"):
        parts = [(top := tile.max(axis=-1)) + np.log(np.exp(tile - top[..., None]).sum(axis=-1)) for tile in tiles]
        return np.asarray(LOG_SUM_EXP_OF(np.stack(parts, axis=-1)))


def whole_vectors_without_nan(x: Array) -> Array:
    """Return the rows with NaN taken for -inf where whole vectors of sixteen hold it."""
    whole = x.shape[-1] // LANES * LANES
    body = np.arange(x.shape[-1]) < whole
    return SOFTMAX_OF(np.where(np.isnan(x) & body, -np.inf, x).astype(x.dtype))


def mean_in_the_format(losses: Array, options: control_options.LossOptions, divisor: float) -> Array:
    """Return the mean as the sum in float16 over the number of rows in float16."""
    if options.reduction != "mean":
        return control_options.reduced(losses, options, divisor)
    with np.errstate(all="ignore"):
        return np.asarray(np.float16(losses.sum()) / np.float16(divisor)).astype(losses.dtype)


def count_in_bfloat16(labels: Array, kept: Array, options: control_options.LossOptions) -> float:
    """Return the number of rows, counted one by one in bfloat16: 256 at most."""
    return min(control_options.mean_divisor(labels, kept, options), 256.0)


def cotangents_summed_in_float16(x: Array, cotangent: Array) -> Array:
    with np.errstate(over="ignore"):
        total = cotangent.sum(axis=-1, keepdims=True).astype(np.float16).astype(x.dtype)
    return np.asarray(cotangent - SOFTMAX_OF(x) * total)


def rows_of_a_short_grid(cell: Cell, inputs: Inputs) -> Array:
    answer = np.array(ask_control(cell, inputs))
    answer[2**16 - 1 :] = 0
    return answer


def with_logits(cell: Cell, inputs: Inputs, shape: tuple[int, int], strides: tuple[int, int]) -> Array:
    """Answer for what these strides find in the memory of the logits."""
    found = np.lib.stride_tricks.as_strided(inputs.logits, shape, strides).copy()
    return ask_control(cell, replace(inputs, logits=found))


def packed_where_classes_are_neighbours(cell: Cell, inputs: Inputs) -> Array:
    x = inputs.logits
    if inputs.axis != 1 or x.ndim != 2 or not x.size or x.strides[1] != x.itemsize:
        return ask_control(cell, inputs)
    return with_logits(cell, inputs, x.shape, (x.shape[1] * x.itemsize, x.itemsize))


def pitch_of_the_class_stride(cell: Cell, inputs: Inputs) -> Array:
    x = inputs.logits
    if inputs.axis != 1 or x.ndim != 2 or not x.size or x.shape[1] == 1:
        return ask_control(cell, inputs)
    return with_logits(cell, inputs, x.shape, (x.shape[1] * x.strides[1], x.strides[1]))


def ignored_times_zero(cell: Cell, inputs: Inputs) -> Array:
    """Answer as if an ignored row's loss were multiplied by 0, which leaves NaN of what is not finite."""
    answer = ask_control(cell, inputs)
    ignored = inputs.labels == cell.options.ignore_index
    finite = np.isfinite(np.moveaxis(inputs.logits, inputs.axis, -1)).all(axis=-1)
    return np.asarray(answer * np.where((ignored & ~finite).any(), np.nan, 1)).astype(answer.dtype)


def nan_stays_in_ignored_rows(cell: Cell, inputs: Inputs) -> Array:
    """Answer as if an ignored row's gradient were multiplied by 0: NaN in the row itself where it is not finite."""
    finite = np.isfinite(np.moveaxis(inputs.logits, inputs.axis, -1)).all(axis=-1)
    spoiled = np.expand_dims((inputs.labels == cell.options.ignore_index) & ~finite, inputs.axis)
    answer = ask_control(cell, inputs)
    return np.where(spoiled, np.nan, answer).astype(answer.dtype)


def divisor_of_one_at_least(labels: Array, kept: Array, options: control_options.LossOptions) -> float:
    return max(control_options.mean_divisor(labels, kept, options), 1.0)


BLOCK_MUTANTS = (
    Mutant(
        "last_of_a_full_block_missing",
        "A block that the classes fill exactly is one element short.",
        "VAL-1",
        SOFTMAX,
        {"total": total_without_the_last_of_a_block},
        profile="full",
    ),
    Mutant(
        "maximum_of_whole_vectors",
        "The maximum is taken over whole vectors of sixteen, so that a leader in the remainder overflows.",
        "EXT-7",
        LOG_SOFTMAX,
        {"top": top_of_whole_vectors},
    ),
    Mutant(
        "masked_tile_is_nan",
        "A tile of 32,768 classes without a finite logit makes the log-sum-exp NaN.",
        "EXT-2",
        LOG_SUM_EXP,
        {"log_sum_exp": log_of_tiles},
    ),
    Mutant(
        "nan_lost_in_whole_vectors",
        "The maximum and the sum of whole vectors of sixteen drop a NaN.",
        "EXT-1",
        SOFTMAX,
        {"softmax": whole_vectors_without_nan},
    ),
    Mutant(
        "mean_by_float16_sum",
        "The mean of float16 losses is their float16 sum over their float16 number.",
        "OPT-1",
        INDEX_LOSS,
        {"reduced": mean_in_the_format},
        format="float16",
        options=Options(reduction="mean"),
    ),
    Mutant(
        "rows_counted_in_bfloat16",
        "The rows of a mean are counted in bfloat16, whose count stops at 256.",
        "OPT-1",
        INDEX_LOSS,
        {"mean_divisor": count_in_bfloat16},
        format="bfloat16",
        options=Options(reduction="mean"),
    ),
    Mutant(
        "cotangents_summed_in_float16",
        "The upstream gradients of a row are summed in float16, where 65,537 of one sign overflow.",
        "EXT-7",
        GRAD_LOG_SOFTMAX,
        {"grad_log_softmax": cotangents_summed_in_float16},
        format="float16",
    ),
    Mutant(
        "rows_past_the_grid_missing",
        "Rows beyond 65,535, the longest grid, are never computed.",
        "VAL-1",
        SOFTMAX,
        ask=rows_of_a_short_grid,
        profile="full",
    ),
    Mutant(
        "packed_rows_assumed",
        "Classes side by side are taken to mean that the rows follow one another.",
        "IO-5",
        SOFTMAX,
        ask=packed_where_classes_are_neighbours,
    ),
    Mutant(
        "pitch_from_the_class_stride",
        "The distance of rows is taken to be the number of classes times their stride.",
        "IO-5",
        GRAD_INDEX_LOSS,
        ask=pitch_of_the_class_stride,
        layout="strided",
    ),
    Mutant(
        "ignored_times_zero",
        "An ignored row's loss is multiplied by 0, so that a NaN in it spoils the mean.",
        "OPT-3",
        INDEX_LOSS,
        ask=ignored_times_zero,
        options=MEAN_OF_KEPT,
    ),
    Mutant(
        "ignored_row_keeps_its_nan",
        "An ignored row's gradient is multiplied by 0, so that its NaN stays.",
        "OPT-6",
        GRAD_INDEX_LOSS,
        ask=nan_stays_in_ignored_rows,
        options=MEAN_OF_KEPT,
    ),
    Mutant(
        "mean_over_one_at_least",
        "The mean divides by 1 where the weights of the rows kept sum to less.",
        "OPT-3",
        INDEX_LOSS,
        {"mean_divisor": divisor_of_one_at_least},
        options=SPATIAL,
    ),
)
