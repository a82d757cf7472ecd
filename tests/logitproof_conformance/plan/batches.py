"""The batches that cells are asked with, built once a process so that cells share them and their exact answers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cases.catalogue import REGIMES, Batch, batches
from logitproof_reference.cases.regime import Rows, concatenated
from logitproof_reference.prologues.factor import logits_behind, producer_of
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

if TYPE_CHECKING:
    from logitproof_reference.vocabulary.cells import Options

COMMON_CLASSES = 10
"""The class count of the batch that holds most regimes; extra calls (neighbours, layouts) use it alone."""

OPTION_REGIMES = ("typical", "saturated", "common_offset_1e4")
OPTION_ROWS = 8
"""Rows an option is asked with: few, so that a repro shows the whole batch, and whole groups of the middle axis."""

MANY_ROWS = "many_rows"
MANY_ROWS_REGIMES = ("typical", "nearly_uniform", "confident", "near_tie", "exact_tie", "real_digits_mlp")
"""The batch, and the regimes it holds twice, over which the full profile asks sums and means: more than 2,048 rows."""

ALL_IGNORED = "all_ignored"
"""The batch of ``typical`` rows whose labels are all ignored."""

ALL_BUT_ONE_IGNORED = "all_but_one_ignored"
ONE_KEPT = (1, 6)
"""The batch of ``typical`` rows of which one counts, and which row with which label: its class weight is 1/2. NaN and
infinities stand in the others: whoever multiplies an ignored loss by 0, or divides by 1 at least, shows."""


@cache
def whole_case_set(format_: str, profile: str) -> list[Batch]:
    """Return all batches that have rows."""
    return [batch for batch in batches(format_, profile) if len(batch.rows)]


@cache
def common_batches(format_: str, profile: str, op: str) -> list[Batch]:
    """Return the batch of the common class count; of an elementwise op, without the regimes that have no meaning there.

    Such a loss takes each logit by itself, and its labels lie in [0, 1].
    """
    common = [batch for batch in whole_case_set(format_, profile) if batch.classes == COMMON_CLASSES]
    return [_with_labels_of_events(batch) for batch in common] if OPS[op].elementwise else common


def _with_labels_of_events(batch: Batch) -> Batch:
    return _with_regimes(batch, [name for name in batch.slices if name != "unnormalized_labels"])


def _with_regimes(batch: Batch, names: list[str]) -> Batch:
    kept = np.concatenate([np.arange(batch.slices[name].start, batch.slices[name].stop) for name in names])
    ends = np.cumsum([batch.slices[name].stop - batch.slices[name].start for name in names]).tolist()
    slices = {name: slice(start, end) for name, start, end in zip(names, [0, *ends], ends, strict=False)}
    return replace(batch, rows=batch.rows[kept], slices=slices)


@cache
def produced_batches(format_: str, producer: str) -> list[Batch]:
    """Return the common batch with the regimes whose finite logits a producer leaves finite."""
    (common,) = [batch for batch in whole_case_set(format_, "full") if batch.classes == COMMON_CLASSES]
    largest = FORMATS[format_].largest

    def fits(regime: str) -> bool:
        logits = logits_behind(producer_of(producer), common.rows.logits[common.slices[regime]])
        return (
            REGIMES[regime].clause in {"", "EXT-2", "EXT-7"}
            and not (np.isfinite(logits) & (np.abs(logits) > largest)).any()
        )

    return [_with_regimes(common, [regime for regime in common.slices if fits(regime)])]


@cache
def option_batches(format_: str, options: Options, profile: str) -> list[Batch]:
    """Return the batches an option is asked with: one a regime, for a reduction mixes the rows of a batch.

    Where an index is ignored, every third row has it for a label, and one more batch has it everywhere. The full
    profile reduces one more batch, of many rows.
    """
    (common,) = [batch for batch in whole_case_set(format_, profile) if batch.classes == COMMON_CLASSES]
    few = {name: common.rows[common.slices[name]][:OPTION_ROWS] for name in OPTION_REGIMES if name in common.slices}
    asked = [_ignoring(common, name, rows, options.ignore_index, every=3) for name, rows in few.items()]
    if options.ignore_index is not None:
        asked.append(_ignoring(common, ALL_IGNORED, few["typical"], options.ignore_index, every=1))
        asked.append(_ignoring_all_but_one(common, few["typical"], options.ignore_index))
    if profile == "full" and options.reduction != "none":
        many = concatenated([common.rows[common.slices[name]] for name in 2 * MANY_ROWS_REGIMES])
        whole_groups = many[: len(many) // OPTION_ROWS * OPTION_ROWS]
        asked.append(_ignoring(common, MANY_ROWS, whole_groups, options.ignore_index, every=3))
    return asked


def _ignoring_all_but_one(common: Batch, rows: Rows, index: int) -> Batch:
    spoiled = rows.logits.copy()
    spoiled[::3, 0] = np.resize([np.nan, np.inf, -np.inf], len(spoiled[::3]))
    indices = np.full(len(rows), index)
    indices[ONE_KEPT[0]] = ONE_KEPT[1]
    rows = replace(rows, logits=spoiled, indices=indices)
    return replace(common, rows=rows, slices={ALL_BUT_ONE_IGNORED: slice(0, len(rows))})


def _ignoring(common: Batch, name: str, rows: Rows, index: int | None, *, every: int) -> Batch:
    if index is not None:
        indices = np.where(rows.indices == index, (index + 1) % common.classes, rows.indices)
        indices[::every] = index
        rows = replace(rows, indices=indices)
    return replace(common, rows=rows, slices={name: slice(0, len(rows))})
