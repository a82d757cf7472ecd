"""The accuracy page: the largest error / bound and error in ulps by function, framework, format; their spread."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.bounds.half_precision import ACCURACY_GRADES
from logitproof_reports.words.links import filter_terms
from logitproof_reports.words.outcomes import BY_RANK
from logitproof_reports.words.terms import is_extreme, question, question_place
from logitproof_reports.words.text import decimal, escape_control_chars, from_hex, measure, plural

from .accuracy_grades import grade_tables
from .model import Accuracy, AccuracyCell, AccuracyRow, AccuracyTable, Dots, Histogram, Scatter

if TYPE_CHECKING:
    from logitproof_reports.counting.run_table import Judged

MEASURED = ("VAL", "GRD", "GLB", "JVP", "HVP")
"""Families whose judgements measure an error of finite numbers."""

EDGES = (0.5, 1.0, 2.0, 4.0, 8.0, 32.0, 128.0, 1024.0, 65536.0)
"""Ulps that part the histogram's bars."""

GOOD = ("conforms", "concern")
"""Outcomes that the smallest error of a row may be praised for."""

LOSSES = (1e-12, 1e6)
ERRORS = (1e-2, 1e8)
"""The scatter plots' ends, of the loss in nats and of the error in ulps; what lies beyond is drawn at the end."""

WIDTH, HEIGHT = 240, 120
_COLUMNS = ("adapter", "op", "labels", "quantity", "format", "accuracy_class", "exact", "regime", "clause")
_NOTHING = AccuracyCell(None, "", "", "", best=False)

Measured = dict[str, Any]


def accuracy_of(judged: Judged) -> Accuracy:
    """Compute the page from the judgements on regimes of finite logits."""
    records = _measured(judged)
    frameworks = [name for name in judged.framework.words if any(one["adapter"] == name for one in records)]
    formats = [name for name in judged.format.words if any(one["format"] == name for one in records)]
    return Accuracy(
        frameworks=[(escape_control_chars(name), filter_terms(framework=name)) for name in frameworks],
        tables=[_table(name, frameworks, [one for one in records if one["format"] == name]) for name in formats],
        grades=grade_tables(judged),
        grade_meanings=ACCURACY_GRADES,
        histograms=_histograms(records, frameworks, formats),
        scatters=[_scatter(name, [one for one in records if one["adapter"] == name]) for name in frameworks],
    )


def _measured(judged: Judged) -> list[Measured]:
    families = np.isin(np.array(judged.family.words, dtype=object), MEASURED)[judged.family.codes]
    extreme = [name for name in pc.unique(judged.table["regime"]).to_pylist() if is_extreme(name)]
    ordinary = ~pc.is_in(judged.table["regime"], value_set=pa.array(extreme, pa.string())).to_numpy()
    rows = np.flatnonzero(families & ordinary & judged.asked & ~np.isnan(judged.ulps))
    records = judged.table.select(_COLUMNS).take(rows).to_pylist()
    numbers = zip(judged.ulps[rows].tolist(), judged.slack[rows].tolist(), judged.rank[rows].tolist(), strict=True)
    return [
        {**one, "ulps": ulps, "slack": slack, "rank": rank}
        for one, (ulps, slack, rank) in zip(records, numbers, strict=True)
    ]


def _table(format_: str, frameworks: list[str], records: list[Measured]) -> AccuracyTable:
    by_question: dict[tuple[str, str, str], list[Measured]] = defaultdict(list)
    for one in records:
        by_question[one["op"], one["labels"], one["quantity"]].append(one)
    rows = [_row(by_question[key], frameworks) for key in sorted(by_question, key=question_place)]
    return AccuracyTable(escape_control_chars(format_), filter_terms(format=format_, clause=",".join(MEASURED)), rows)


def _row(records: list[Measured], frameworks: list[str]) -> AccuracyRow:
    mine = [[one for one in records if one["adapter"] == name] for name in frameworks]
    # By error / bound: many ulps of a result that is tiny beside the logits say nothing of the code.
    ratios = [max((one["slack"] for one in own if not math.isnan(one["slack"])), default=math.nan) for own in mine]
    found = {decimal(ratio) for ratio in ratios if not math.isnan(ratio)}
    least = decimal(min((ratio for ratio in ratios if not math.isnan(ratio)), default=math.nan))
    differ = len(found) > 1
    cells = [_cell(own, best=differ and decimal(ratio) == least) for own, ratio in zip(mine, ratios, strict=True)]
    asked = {name: records[0][name] for name in ("op", "labels", "quantity")}
    return AccuracyRow(question(records[0]), filter_terms(**asked), cells)


def _cell(records: list[Measured], *, best: bool) -> AccuracyCell:
    if not records:
        return _NOTHING
    worst = max(records, key=lambda one: one["ulps"])
    slacks = [one["slack"] for one in records if not math.isnan(one["slack"])]
    outcome = BY_RANK[max(one["rank"] for one in records)]
    return AccuracyCell(
        outcome=outcome,
        ulps=measure(worst["ulps"]),
        slack=decimal(max(slacks)) if slacks else "",
        classes=escape_control_chars(", ".join(sorted({one["accuracy_class"] for one in records} - {""}))),
        best=best and outcome.name in GOOD,
    )


def _histograms(records: list[Measured], frameworks: list[str], formats: list[str]) -> list[Histogram]:
    places = np.searchsorted(EDGES, [one["ulps"] for one in records], side="left").tolist()
    counted = Counter((one["adapter"], one["format"], place) for one, place in zip(records, places, strict=True))
    return [
        _histogram(f"{escape_control_chars(name)} {escape_control_chars(format_)}", counts)
        for name in frameworks
        for format_ in formats
        if any(counts := [counted[name, format_, i] for i in range(_BINS)])
    ]


_BINS = len(EDGES) + 1


def _histogram(title: str, counts: list[int]) -> Histogram:
    """Return a bar for each bin, and the same in words."""
    step, most = WIDTH / _BINS, max(counts)
    heights = [round(HEIGHT * count / most, 1) for count in counts]
    path = "".join(f"M{i * step + 2:g} {HEIGHT}v-{height:g}h20V{HEIGHT}" for i, height in enumerate(heights) if height)
    names = [f"up to {edge:g}" for edge in EDGES] + [f"over {EDGES[-1]:g}"]
    words = ", ".join(f"{count:,} {name}" for count, name in zip(counts, names, strict=True) if count)
    number = plural(sum(counts), "judgement")
    return Histogram(title, number, path, f"{number}: {words} ulps")


def _scatter(framework: str, records: list[Measured]) -> Scatter:
    losses = [one for one in records if one["op"] == "softmax_cross_entropy" and one["quantity"] == "value"]
    worst: dict[tuple[int, int], int] = {}
    for one in losses:
        if (place := _place(one)) is not None:
            worst[place] = max(worst.get(place, 0), one["rank"])
    dots = [
        Dots(outcome.name, "".join(f"M{x} {y}h0" for (x, y), rank in sorted(worst.items()) if rank == outcome.rank))
        for outcome in BY_RANK
        if outcome.rank in worst.values()
    ]
    words = f"{plural(len(losses), 'judgement')} on a loss; errors and losses are in the table of judgements"
    return Scatter(escape_control_chars(framework), dots, words)


def _place(record: Measured) -> tuple[int, int] | None:
    """Return where a judgement lies in the plot; None if its loss is no finite number."""
    try:
        loss = abs(float(from_hex(record["exact"])))
    except ValueError:
        return None
    if not math.isfinite(loss):
        return None
    return round(WIDTH * _along(loss, LOSSES)), round(HEIGHT * (1 - _along(record["ulps"], ERRORS)))


def _along(number: float, ends: tuple[float, float]) -> float:
    """Return where a number lies between the ends, on a logarithmic scale, in [0, 1]."""
    low, high = map(math.log10, ends)
    if not 0.0 < number < math.inf:
        return float(number > 0)
    return min(1.0, max(0.0, (math.log10(number) - low) / (high - low)))
