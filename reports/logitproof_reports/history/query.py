"""The queries behind a history: cells of many runs in DuckDB, each beside the same cell of the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from logitproof_reports.counting.run_table import ranks_of
from logitproof_reports.words.outcomes import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reports.runs.schema import Run

ABSENT = "."
"""Letter of a cell that is not in a run."""

MOVES = {"a": ("verdict", "bits"), "v": ("verdict",), "b": ("bits",), "-": ()}
"""Letters of a story, and what changed at that release."""

_COORDINATES = ("mode", "op", "labels", "quantity", "format")
_READ = ("cell", "adapter", "regime", "clause", "digest", "slack", *_COORDINATES)
_ANY = ", ".join(f"any_value({name}) AS {name}" for name in _COORDINATES)
_NAMES = ", ".join(_COORDINATES)

_RANK = {name: outcome.rank for name, outcome in OUTCOMES.items()}

# A hash of several columns is linear in the last, so that equal changes of two rows would cancel: hash one text.
_CELLS = f"""
CREATE TABLE cells AS
SELECT run, adapter, cell, {_ANY}, max(rank) AS rank,
    max(slack) FILTER (NOT isnan(slack) AND rank NOT IN ({_RANK["concern"]}, {_RANK["known"]})) AS slack,
    bit_xor(hash(concat_ws(chr(0), regime, clause, rank))) AS verdicts,
    bit_xor(hash(concat_ws(chr(0), regime, clause, digest))) AS bits
FROM judgements GROUP BY run, adapter, cell
"""  # noqa: S608  our own text; what users name are columns

_CONTENT = """
SELECT run, adapter, bit_xor(hash(concat_ws(chr(0), cell, verdicts, bits))) AS content
FROM cells GROUP BY ALL ORDER BY run, adapter
"""

_MOVES = """
CREATE TABLE moves AS
WITH now AS (SELECT number, cells.* FROM releases JOIN cells USING (run, adapter)),
before AS (
    SELECT after.number, cells.* FROM releases after JOIN releases earlier ON earlier.number = after.before
    JOIN cells ON cells.run = earlier.run AND cells.adapter = earlier.adapter
)
SELECT number, cell, now.rank, now.slack,
    releases.before >= 0 AND (whole OR (now.run IS NOT NULL AND before.run IS NOT NULL)) AS is_compared,
    is_compared AND now.verdicts IS DISTINCT FROM before.verdicts AS verdict_changed,
    is_compared AND now.bits IS DISTINCT FROM before.bits AS bits_changed
FROM now FULL JOIN before USING (number, cell) JOIN releases USING (number)
"""

_COUNTS = f"""
SELECT number,
    count(*) FILTER (rank > {_RANK["unsupported"]}) AS cells,
    count(*) FILTER (rank BETWEEN {_RANK["conforms"]} AND {_RANK["concern"]}) AS conforming,
    count(*) FILTER (rank = {_RANK["known"]}) AS known,
    count(*) FILTER (rank > {_RANK["stale"]}) AS unexpected,
    count(*) FILTER (verdict_changed) AS verdicts,
    count(*) FILTER (bits_changed) AS bits,
    max(slack) AS slack
FROM moves GROUP BY number ORDER BY number
"""  # noqa: S608  likewise

_STORIES = f"""
SELECT adapter, cell, {_NAMES},
    string_agg(coalesce(moves.rank::VARCHAR, '{ABSENT}'), '' ORDER BY number) AS ranks,
    string_agg(CASE WHEN verdict_changed AND bits_changed THEN 'a' WHEN verdict_changed THEN 'v'
        WHEN bits_changed THEN 'b' ELSE '-' END, '' ORDER BY number) AS moves
FROM (SELECT adapter, cell, {_ANY} FROM cells GROUP BY adapter, cell) JOIN releases USING (adapter)
LEFT JOIN moves USING (number, cell)
GROUP BY adapter, cell, {_NAMES} ORDER BY adapter, cell
"""  # noqa: S608  likewise


class CellsOfRuns:
    """The cells of some runs in a database of their own.

    Parameters
    ----------
    runs : sequence of Run
        They are known by their position.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._database = duckdb.connect(config={"threads": 2})
        judgements = pa.concat_tables(_light(run, place) for place, run in enumerate(runs))
        self._database.register("judgements", judgements)
        self._database.execute(_CELLS)

    def contents(self) -> list[tuple[int, str, int]]:
        """Return run, adapter, and a number that is the same where an adapter's verdicts and bits all are."""
        return self._database.sql(_CONTENT).fetchall()

    def compare(
        self, runs: Sequence[int], adapters: Sequence[str], before: Sequence[int], whole: Sequence[bool]
    ) -> None:
        """Set each release (a run's adapter) beside an earlier one, by its position among them; -1 for none.

        In a release that is not whole a cell that only one of the two judged has not changed.
        """
        releases = {"number": range(len(runs)), "run": runs, "adapter": adapters, "before": before, "whole": whole}
        self._database.register("releases", pa.table({name: list(column) for name, column in releases.items()}))
        self._database.execute(_MOVES)

    def counts(self) -> list[dict[str, Any]]:
        """Return for each release what its cells come to; ``slack`` is NaN if nothing was compared."""
        rows = self._database.sql(_COUNTS).to_arrow_table().to_pylist()
        return [{name: float("nan") if value is None else value for name, value in row.items()} for row in rows]

    def stories(self) -> pa.Table:
        """Return each cell with its outcomes' ranks and its moves, a letter for each release of its adapter.

        ``ranks`` has a digit or `ABSENT`; ``moves`` a letter of `MOVES`.
        """
        return self._database.sql(_STORIES).to_arrow_table()


def _light(run: Run, place: int) -> pa.Table:
    """Return what the queries read of a run."""
    table = run.table.select(_READ)
    table = table.append_column("rank", pa.array(ranks_of(run.table), pa.int8()))
    return table.append_column("run", pa.array(np.full(table.num_rows, place)))
