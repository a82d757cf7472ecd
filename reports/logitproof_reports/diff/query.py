"""The query behind a diff: two runs side by side in DuckDB, each judgement with its class of change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.vocabulary.judgement import SEVERITY

from .classes import CLASSES, RANK, SAME_BITS_TWICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reports.runs.schema import Run

KEY = ("cell", "regime", "clause")
"""What names a judgement in a run."""

NAMES = (*KEY, "adapter")
"""Columns that name a judgement; the query sees numbers in their place, which takes a fifth of the memory."""

_KEY = ", ".join(KEY)
_ERROR = r"regexp_extract(reason, '^(\w+): ', 1)"
_KIND = """
CASE WHEN observed IN ('', 'nan') THEN observed WHEN observed LIKE '%inf' THEN observed ELSE 'finite' END
"""
_RANKS = " ".join(f"WHEN '{verdict}' THEN {rank}" for verdict, rank in SEVERITY.items() if verdict != "unsupported")

_SIDE = f"""
SELECT {_KEY}, adapter, place, verdict AS {{side}}_verdict, accuracy_class AS {{side}}_accuracy_class,
    hash(digest) AS {{side}}_digest,
    CASE WHEN isnan(ulps) THEN NULL ELSE ulps END AS {{side}}_ulps,
    CASE WHEN isnan(slack) THEN NULL ELSE slack END AS {{side}}_slack,
    CASE verdict {_RANKS} END AS {{side}}_rank,
    CASE WHEN verdict IN ('conforms', 'crashed') THEN {_ERROR} ELSE '' END AS {{side}}_error,
    {_KIND} AS {{side}}_kind,
    CASE WHEN "row" >= 0 THEN "row" * 4294967296 + element END AS {{side}}_worst_at
FROM {{table}}
"""  # noqa: S608  our own text; what users name are parameters and columns
_REGIMES = """
SELECT cell, regime, max({side}_rank) AS worst, max({side}_slack) FILTER ({side}_rank > 0) AS far
FROM {side} GROUP BY ALL
"""
_CELLS = "SELECT cell, bool_or({side}_rank IS NOT NULL) AS offered FROM {side} GROUP BY ALL"
_CLASS = " ".join(f"WHEN {change.condition} THEN {rank}" for rank, change in enumerate(CLASSES))
_BADNESS = f"""
CASE WHEN rank IN ({RANK["fixed"]}, {RANK["improved"]}) THEN b_slack
     WHEN rank = {RANK["moved within the bound"]} THEN a_slack - b_slack
     ELSE a_slack END
"""

_QUERY = f"""
WITH b AS ({_SIDE.format(side="b", table="baseline")}),
a AS ({_SIDE.format(side="a", table="candidate")}),
b_regimes AS ({_REGIMES.format(side="b")}), a_regimes AS ({_REGIMES.format(side="a")}),
b_cells AS ({_CELLS.format(side="b")}), a_cells AS ({_CELLS.format(side="a")}),
both_runs AS (
    SELECT {_KEY}, coalesce(b.adapter, a.adapter) AS adapter, b.place AS b_place, a.place AS a_place,
        b.* EXCLUDE ({_KEY}, adapter, place), a.* EXCLUDE ({_KEY}, adapter, place),
        b.place IS NOT NULL AS b_there, a.place IS NOT NULL AS a_there
    FROM b FULL JOIN a USING ({_KEY})
),
unsteady_cells AS (SELECT DISTINCT cell FROM both_runs WHERE clause = $twice AND (b_rank > 0 OR a_rank > 0)),
surroundings AS (
    SELECT one.*, clause = $twice AS asked_twice,
        b_regimes.cell IS NOT NULL AS b_regime, a_regimes.cell IS NOT NULL AS a_regime,
        coalesce(b_rank, b_regimes.worst, 0) AS b_same_rows, coalesce(a_rank, a_regimes.worst, 0) AS a_same_rows,
        coalesce(b_regimes.far, 0) AS b_regime_slack, coalesce(a_regimes.far, 0) AS a_regime_slack,
        coalesce(a_regimes.worst, 0) AS a_regime_worst,
        CASE WHEN b_there THEN b_rank IS NOT NULL
             ELSE coalesce(b_cells.offered, NOT list_contains($b_whole, one.adapter)) END AS b_offered,
        CASE WHEN a_there THEN a_rank IS NOT NULL
             ELSE coalesce(a_cells.offered, NOT list_contains($a_whole, one.adapter)) END AS a_offered,
        unsteady_cells.cell IS NOT NULL OR unsteady.cell IS NOT NULL AS unsteady,
        coalesce(unsteady.wavers, FALSE) AND b_there AND a_there AS wavers
    FROM both_runs one
    LEFT JOIN b_regimes USING (cell, regime) LEFT JOIN a_regimes USING (cell, regime)
    LEFT JOIN b_cells USING (cell) LEFT JOIN a_cells USING (cell)
    LEFT JOIN unsteady_cells USING (cell) LEFT JOIN unsteady USING ({_KEY})
)
SELECT CASE WHEN wavers THEN {RANK["unsteady"]} {_CLASS} END AS rank, b_place, a_place
FROM surroundings
ORDER BY rank, {_BADNESS} DESC NULLS LAST, greatest(a_ulps, b_ulps) DESC NULLS LAST, b_place, a_place
"""  # noqa: S608  likewise

_UNSTEADY = f"""
SELECT {_KEY}, bool_or(one.verdict <> again.verdict) AS wavers
FROM {{one}} one JOIN {{again}} again USING ({_KEY})
WHERE one.digest <> again.digest OR one.verdict <> again.verdict GROUP BY ALL
"""  # noqa: S608  likewise


def compared(before: Run, after: Run, repeats: Sequence[tuple[Run, Run]] = ()) -> pa.Table:
    """Return one row a judgement of either run, worst first.

    Columns: ``rank``, the position of its class; ``b_place`` and ``a_place``, its row in the table of the baseline and
    of the candidate, null where it is not there.

    Parameters
    ----------
    before, after : Run
        The runs.
    repeats : pairs of Run
        Two runs of one environment each: judgements that differ between them are unsteady.
    """
    runs = [before, after, *(run for pair in repeats for run in pair)]
    codes = {name: _codes(runs, name) for name in NAMES}
    names = ["baseline", "candidate", *(f"repeat_{number}" for number in range(2 * len(repeats)))]
    with duckdb.connect(config={"threads": 2}) as database:
        for place, (name, run) in enumerate(zip(names, runs, strict=True)):
            database.register(name, _light(run, {column: codes[column][1][place] for column in NAMES}))
        pairs = [("baseline", "baseline"), *zip(names[2::2], names[3::2], strict=True)]
        found = " UNION ALL ".join(_UNSTEADY.format(one=one, again=again) for one, again in pairs)
        unsteady = f"SELECT {_KEY}, bool_or(wavers) AS wavers FROM ({found}) GROUP BY ALL"  # noqa: S608  likewise
        database.execute(f"CREATE TABLE unsteady AS {unsteady}")
        clauses, adapters = codes["clause"][0], codes["adapter"][0]
        parameters = {
            "twice": clauses.get(SAME_BITS_TWICE, -1),
            "b_whole": [adapters[name] for name in _whole(before)],
            "a_whole": [adapters[name] for name in _whole(after)],
        }
        return database.sql(_QUERY, params=parameters).to_arrow_table()


def _codes(runs: Sequence[Run], name: str) -> tuple[dict[str, int], list[pa.Array]]:
    """Return the number of each distinct word of a column in all runs, and for each run the numbers of its rows."""
    chunks = [chunk for run in runs for chunk in run.table[name].chunks]
    encoded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    ends = np.cumsum([run.table.num_rows for run in runs])
    parts = [pa.array(part) for part in np.split(encoded.indices.to_numpy(), ends[:-1])]
    return {word: code for code, word in enumerate(encoded.dictionary.to_pylist())}, parts


def _light(run: Run, codes: dict[str, pa.Array]) -> pa.Table:
    """Return what the query reads of a run."""
    read = ("verdict", "accuracy_class", "digest", "ulps", "slack", "reason", "observed", "row", "element")
    columns = {name: run.table[name] for name in read}
    # A stale entry is the ledger's fault: the framework conforms.
    verdict = columns["verdict"]
    columns["verdict"] = pc.if_else(pc.equal(verdict, "stale"), "conforms", verdict)
    return pa.table({**codes, **columns, "place": pa.array(np.arange(run.table.num_rows))})


def _whole(run: Run) -> list[str]:
    """Return the adapters of which everything planned was judged: what has no cell there is not offered."""
    return [str(name) for name in pc.unique(run.table["adapter"]).to_pylist()] if run.complete else []
