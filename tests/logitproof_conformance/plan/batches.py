"""The batches of cells, built once per process so that cells share them and their exact answers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from logitproof_conformance.plan.layout import WEIGHTLESS
from logitproof_reference.cases.catalogue import REGIMES, Batch, batch_of, batches
from logitproof_reference.cases.ignored_rows import ignore_all_but_one, ignore_every
from logitproof_reference.cases.regime import Rows, concatenated
from logitproof_reference.cases.regimes.worst_known import WORST_KNOWN
from logitproof_reference.prologues.factor import logits_behind, producer_of
from logitproof_reference.vocabulary.cells import Options
from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reference.vocabulary.ops import OPS

COMMON_CLASSES = 10
"""The class count of the batch that holds most regimes; extra calls (neighbours, layouts) use it alone."""

OPTION_REGIMES = ("typical", "saturated", "common_offset_1e4")
OPTION_ROWS = 8
"""Rows an option is asked with: few, so that a repro shows the whole batch, and whole groups of the middle axis."""

MANY_ROWS = "many_rows"
MANY_ROWS_REGIMES = ("typical", "nearly_uniform", "confident", "near_tie", "exact_tie", "real_digits_mlp")
"""The batch, and the regimes it holds twice, over which the full profile asks sums and means: more than 2,048 rows."""

SUMS_OF_HALVES = (
    Options(reduction="sum"),
    Options(reduction="mean"),
    Options(reduction="mean", weight=True),
)
"""Options whose sums over rows are asked in half precision with batches of their own, in the quick profile too."""

LOSSES_PAST_LARGEST = "losses_past_largest"
"""The batch of rows whose losses add up to more than float16 holds, while their mean is in its midst."""

COUNT_PAST_EXACT = "count_past_exact"
"""The batch of so many rows that neither their number nor the sum of their weights can be counted in the format."""

COUNT_PAST_LARGEST = "count_past_largest"
ROWS_PAST_LARGEST = 70_000
"""The batch of more rows than float16 has a number for, of two classes each, and its upstream gradient: 2^10."""

ALL_IGNORED = "all_ignored"
"""The batch of ``typical`` rows whose labels are all ignored."""

ALL_BUT_ONE_IGNORED = "all_but_one_ignored"
"""The batch of ``typical`` rows of which one counts: whoever multiplies an ignored loss by 0, or divides by 1 at least,
shows."""


MASKED_WEIGHTLESS = "masked_weightless"
"""The batch of ``typical`` rows whose class of weight 0 is ruled out, and is no row's label."""


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
    common = batch_of(FORMATS[format_], "full", COMMON_CLASSES)
    largest = FORMATS[format_].largest

    def fits(regime: str) -> bool:
        logits = logits_behind(producer_of(producer), common.rows.logits[common.slices[regime]])
        return (
            regime != WORST_KNOWN.name  # the worst of the function alone
            and REGIMES[regime].clause in {"", "EXT-2", "EXT-7"}
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
    ignored = options.ignore_index
    asked = [_named(common, name, ignore_every(rows, ignored, 3)) for name, rows in few.items()]
    if ignored is not None:
        asked.append(_named(common, ALL_IGNORED, ignore_every(few["typical"], ignored, 1)))
        asked.append(_named(common, ALL_BUT_ONE_IGNORED, ignore_all_but_one(few["typical"], ignored)))
    if profile == "full" and options.reduction != "none":
        many = concatenated([common.rows[common.slices[name]] for name in 2 * MANY_ROWS_REGIMES])
        whole_groups = many[: len(many) // OPTION_ROWS * OPTION_ROWS]
        asked.append(_named(common, MANY_ROWS, ignore_every(whole_groups, ignored, 3)))
    return asked


@cache
def masked_weightless(format_: str, options: Options, profile: str) -> Batch:
    """Return rows whose class of weight 0 stands at -inf, as a vocabulary's padding does; its labels go to the next."""
    (common,) = [batch for batch in whole_case_set(format_, profile) if batch.classes == COMMON_CLASSES]
    rows = common.rows[common.slices["typical"]][:OPTION_ROWS]
    logits, distributions = rows.logits.copy(), rows.distributions.copy()
    logits[:, WEIGHTLESS] = -np.inf
    distributions[:, WEIGHTLESS + 1] += distributions[:, WEIGHTLESS]
    distributions[:, WEIGHTLESS] = 0
    indices = np.where(rows.indices == WEIGHTLESS, WEIGHTLESS + 1, rows.indices)
    rows = replace(rows, logits=logits, distributions=distributions, indices=indices)
    return _named(common, MASKED_WEIGHTLESS, ignore_every(rows, options.ignore_index, 3))


@cache
def sums_of_halves(format_: str) -> list[Batch]:
    """Return batches whose sums over rows leave a half format, or stand still in it.

    Of few classes there are as many rows as in the common batch of quick, whose programs are compiled already: more
    than bfloat16 counts.
    """
    (common,) = [batch for batch in whole_case_set(format_, "quick") if batch.classes == COMMON_CLASSES]
    typical = common.rows[common.slices["typical"]]
    rows = typical[np.arange(len(common.rows)) % len(typical)]
    if format_ == "bfloat16":
        return [_named(common, COUNT_PAST_EXACT, rows)]
    pairs = REGIMES["classes_2"].build(format_)
    many = pairs[np.arange(ROWS_PAST_LARGEST) % len(pairs)]
    many = replace(many, row_cotangents=np.full_like(many.row_cotangents, 1024))
    return [
        _named(common, LOSSES_PAST_LARGEST, _all_wrong(rows)),
        Batch(2, common.format, many, {COUNT_PAST_LARGEST: slice(0, len(many))}),
    ]


def _all_wrong(rows: Rows) -> Rows:
    """Return rows whose label lies about 600 below the leader, so that 128 losses add up to 76,800."""
    indices = 1 + np.arange(len(rows)) % (rows.logits.shape[1] - 1)
    logits = rows.logits.copy()
    logits[:, 0] = 600
    onehot = (np.arange(logits.shape[1]) == indices[:, None]).astype(logits.dtype)
    return replace(rows, logits=logits, indices=indices.astype(np.int64), distributions=onehot)


def _named(common: Batch, name: str, rows: Rows) -> Batch:
    return replace(common, rows=rows, slices={name: slice(0, len(rows))})
