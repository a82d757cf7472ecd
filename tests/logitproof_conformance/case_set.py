"""The batches that cells are asked with, built once a process so that cells share them and their exact answers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from logitproof_reference.cells import SIGMOID
from logitproof_reference.regimes import Batch, batches

if TYPE_CHECKING:
    from logitproof_reference.cells import Options
    from logitproof_reference.rows import Rows

COMMON_CLASSES = 10
"""The class count of the batch that holds most regimes; extra calls (neighbours, layouts) use it alone."""

OPTION_REGIMES = ("typical", "saturated", "common_offset_1e4")
OPTION_ROWS = 6
"""Rows an option is asked with: few, so that a repro shows the whole batch."""

ALL_IGNORED = "all_ignored"
"""The batch of ``typical`` rows whose labels are all ignored."""


@cache
def whole_case_set(format_: str, profile: str) -> list[Batch]:
    """Return all batches that have rows."""
    return [batch for batch in batches(format_, profile) if len(batch.rows)]


@cache
def common_batches(format_: str, profile: str, op: str) -> list[Batch]:
    """Return the batch of the common class count; of a sigmoid loss, without the regimes that have no meaning there.

    A sigmoid loss takes each logit by itself, and its labels lie in [0, 1].
    """
    common = [batch for batch in whole_case_set(format_, profile) if batch.classes == COMMON_CLASSES]
    return [_with_labels_of_events(batch) for batch in common] if op == SIGMOID else common


def _with_labels_of_events(batch: Batch) -> Batch:
    names = [name for name in batch.slices if name != "unnormalized_labels"]
    kept = np.concatenate([np.arange(batch.slices[name].start, batch.slices[name].stop) for name in names])
    ends = np.cumsum([batch.slices[name].stop - batch.slices[name].start for name in names]).tolist()
    slices = {name: slice(start, end) for name, start, end in zip(names, [0, *ends], ends, strict=False)}
    return replace(batch, rows=batch.rows[kept], slices=slices)


@cache
def option_batches(format_: str, options: Options) -> list[Batch]:
    """Return the batches an option is asked with: one a regime, for a reduction mixes the rows of a batch.

    Where an index is ignored, every third row has it for a label, and one more batch has it everywhere.
    """
    (common,) = [batch for batch in whole_case_set(format_, "quick") if batch.classes == COMMON_CLASSES]
    asked = [_ignoring(common, name, options.ignore_index, every=3) for name in OPTION_REGIMES if name in common.slices]
    if options.ignore_index is None:
        return asked
    return [*asked, _ignoring(common, "typical", options.ignore_index, every=1, name=ALL_IGNORED)]


def _ignoring(common: Batch, regime: str, index: int | None, *, every: int, name: str = "") -> Batch:
    rows: Rows = common.rows[common.slices[regime]][:OPTION_ROWS]
    if index is not None:
        indices = np.where(rows.indices == index, (index + 1) % common.classes, rows.indices)
        indices[::every] = index
        rows = replace(rows, indices=indices)
    return replace(common, rows=rows, slices={name or regime: slice(0, len(rows))})
