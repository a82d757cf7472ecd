"""A run made ready for counting: rows in a fixed order, words as codes, outcomes as ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.vocabulary.formats import FORMATS
from logitproof_reports.runs.coded_text import Words, words_of
from logitproof_reports.words.outcomes import OUTCOMES, family_of, family_place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from logitproof_reports.runs.schema import Run

    Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """The rows of a run, sorted by cell, regime and clause.

    Attributes
    ----------
    run : Run
        Where they are from.
    table : pyarrow.Table
        The sorted rows.
    framework, family, format : Words
        The matrix's coordinates; frameworks by name, families and formats in their own order.
    rank : int64 array
        Rank of each row's outcome.
    slack, ulps : float64 arrays
        As recorded; NaN if nothing was compared. No slack either where what conforms is not measured by a bound:
        the exact answer is not finite, or the clause accepts another one (`worst_element`).
    worst_first : int64 array
        Row numbers, from the worst outcome and the largest slack down.
    """

    run: Run
    table: pa.Table
    framework: Words
    family: Words
    format: Words
    rank: Codes
    slack: NDArray[np.float64]
    ulps: NDArray[np.float64]
    worst_first: Codes

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Where a framework gave an answer to judge, or failed to."""
        asked: NDArray[np.bool_] = self.rank != OUTCOMES["unsupported"].rank
        return asked

    def record(self, row: int) -> dict[str, Any]:
        """Return one row as a mapping."""
        record: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        return record


def prepare(run: Run) -> Judged:
    """Sort a run's rows and code what pages count by."""
    table = run.table.sort_by([(name, "ascending") for name in ("cell", "regime", "clause")])
    rank = ranks_of(table)
    ulps = table["ulps"].to_numpy()
    slack = np.where(_unbounded(table), np.nan, table["slack"].to_numpy())
    order = np.lexsort((-np.nan_to_num(ulps, nan=-1.0), -np.nan_to_num(slack, nan=-1.0), -rank))
    return Judged(
        run=run,
        table=table,
        framework=words_of(table["adapter"]).mapped(str),
        family=words_of(table["clause"]).mapped(family_of, family_place),
        format=words_of(table["format"]).mapped(str, _format_place),
        rank=rank,
        slack=slack,
        ulps=ulps,
        worst_first=order,
    )


def ranks_of(table: pa.Table) -> Codes:
    """Return the rank of each row's outcome: its verdict, or that the ledger knows of it."""
    verdicts = words_of(table["verdict"])
    by_code = np.array([OUTCOMES[word].rank for word in verdicts.words], dtype=np.int64)
    ranks = by_code[verdicts.codes] if len(by_code) else verdicts.codes
    explained = pc.not_equal(table["deviation"], "").to_numpy()
    return np.where(explained & (ranks > OUTCOMES["known"].rank), OUTCOMES["known"].rank, ranks)


def _unbounded(table: pa.Table) -> NDArray[np.bool_]:
    """Return where a judgement conforms by another measure than a bound; the same as `worst_element` finds."""
    conforms = pc.equal(table["verdict"], "conforms")
    infinite = pc.is_in(table["exact"], value_set=pa.array(["nan", "inf", "-inf"]))
    accepted = pc.and_(pc.equal(table["slack"], 1.0), pc.is_inf(table["ulps"]))
    found: NDArray[np.bool_] = pc.and_(conforms, pc.or_(infinite, accepted)).to_numpy()
    return found


def _format_place(name: str) -> tuple[int, str]:
    order = list(FORMATS)
    return (order.index(name) if name in FORMATS else len(order), name)


def largest(numbers: NDArray[np.float64]) -> float:
    """Return the largest of the numbers that are not NaN; NaN if there is none."""
    known = numbers[~np.isnan(numbers)]
    return float(known.max()) if known.size else float("nan")
