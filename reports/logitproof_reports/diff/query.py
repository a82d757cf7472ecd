"""The query behind a diff: two runs side by side in DuckDB, each judgement with its class of change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.specification.verdicts import VERDICT_RANKS

from .classes import CLASSES, MEANS_ELSE, RANK, SAME_BITS_TWICE
from .worst_answers import worst_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from logitproof_reports.runs.schema import Run

KEY = ("cell", "regime", "clause")
"""What names a judgement in a run."""

NAMES = (*KEY, "adapter")
"""Columns that name a judgement; the query sees numbers in their place, which takes a fifth of the memory."""

QUESTION = ("adapter", "op", "labels", "entry", "options")
"""Columns that say which function is asked, with which options."""

_KEY = ", ".join(KEY)
_ERROR = r"regexp_extract(reason, '^(\w+): ', 1)"
_KIND = """
CASE WHEN observed IN ('', 'nan') THEN observed WHEN observed LIKE '%inf' THEN observed ELSE 'finite' END
"""
_UNRANKED = frozenset({"unsupported", "void"})
_RANKS = " ".join(f"WHEN '{word}' THEN {rank}" for word, rank in VERDICT_RANKS.items() if word not in _UNRANKED)

_NOT_EVALUATED = (
    "^((TargetDied|the framework could not be asked|.* cannot be imported): )*(timed out|no answer in |given up after )"
)
"""How a reason begins where a call took too long, or was never made: on a loaded machine, which is no one's fault."""

_SIDE = f"""
SELECT {_KEY}, adapter, place, on_whole, question, expects_error,
    verdict AS {{side}}_verdict, accuracy_class AS {{side}}_accuracy_class,
    hash(digest) AS {{side}}_digest,
    CASE WHEN isnan(ulps) THEN NULL ELSE ulps END AS {{side}}_ulps,
    CASE WHEN isnan(slack) THEN NULL ELSE slack END AS {{side}}_slack,
    CASE verdict {_RANKS} END AS {{side}}_rank,
    CASE WHEN verdict IN ('conforms', 'crashed') THEN {_ERROR} ELSE '' END AS {{side}}_error,
    {_KIND} AS {{side}}_kind,
    value AS {{side}}_value, answer AS {{side}}_exact, allowed AS {{side}}_bound,
    rounding AS {{side}}_rounding, abs(value - answer) > rounding AS {{side}}_far,
    CASE WHEN "row" >= 0 THEN "row" * 4294967296 + element END AS {{side}}_worst_at
FROM {{table}}
"""  # noqa: S608  our own text; what users name are parameters and columns
_REGIMES = """
SELECT cell, regime, max({side}_rank) AS worst, max({side}_slack) FILTER ({side}_rank > 0) AS slack,
    bool_or({side}_verdict <> 'void') AS known
FROM {side} GROUP BY ALL
"""
_CELLS = """
SELECT cell, bool_or({side}_verdict <> 'unsupported') AS offered, bool_or({side}_verdict = 'void') AS cut_short,
    bool_or({side}_verdict = 'crashed') AS crashed,
    bool_and({side}_verdict = 'crashed') FILTER (NOT expects_error) AS never_answered
FROM {side} GROUP BY ALL
"""
_FUNCTIONS = """
SELECT question, CASE WHEN bool_and({side}_verdict = 'unsupported') THEN FALSE END AS offered
FROM {side} WHERE NOT on_whole GROUP BY ALL
"""
"""A function that a run was refused in every cell: what a filter leaves of another cell of it is no gap."""
_SURROUNDINGS = """
    {side}_regimes.cell IS NOT NULL AS {side}_regime,
    coalesce({side}_rank, {side}_regimes.worst, 0) AS {side}_same_rows,
    coalesce({side}_regimes.slack, 0) AS {side}_regime_slack, coalesce({side}_regimes.worst, 0) AS {side}_regime_worst,
    CASE WHEN {side}_there THEN {side}_verdict <> 'unsupported'
         ELSE coalesce({side}_cells.offered, {side}_functions.offered,
                       on_whole OR NOT list_contains(${side}_whole, one.adapter)) END
        AS {side}_offered,
    CASE WHEN {side}_there THEN {side}_verdict = 'void'
         ELSE coalesce({side}_cells.offered, {side}_functions.offered, TRUE)
            AND NOT coalesce({side}_regimes.known, FALSE) AND NOT on_whole
            AND ({side}_regimes.cell IS NOT NULL OR {side}_cells.cut_short
                 OR {side}_cells.crashed OR NOT list_contains(${side}_whole, one.adapter)) END
        AS {side}_unknown,
    coalesce({side}_cells.crashed, FALSE) AS {side}_cell_crashed,
    expects_error AND coalesce({side}_cells.never_answered, FALSE) AS {side}_refuses_all,
"""
"""What of a run stands around a judgement, which may be missing there. After a crash the rest of a cell is unknown;
where a cell raised whatever it was given, that it raised on a bad input too says nothing.
"""
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
b_functions AS ({_FUNCTIONS.format(side="b")}), a_functions AS ({_FUNCTIONS.format(side="a")}),
both_runs AS (
    SELECT {_KEY}, coalesce(b.adapter, a.adapter) AS adapter, coalesce(b.on_whole, a.on_whole) AS on_whole,
        coalesce(b.question, a.question) AS question, coalesce(b.expects_error, a.expects_error) AS expects_error,
        b.place AS b_place, a.place AS a_place,
        b.* EXCLUDE ({_KEY}, adapter, place, on_whole, question, expects_error),
        a.* EXCLUDE ({_KEY}, adapter, place, on_whole, question, expects_error),
        b.place IS NOT NULL AS b_there, a.place IS NOT NULL AS a_there
    FROM b FULL JOIN a USING ({_KEY})
),
moved AS (SELECT *, coalesce({MEANS_ELSE}, FALSE) AS means_else FROM both_runs),
unsteady_cells AS (SELECT DISTINCT cell FROM both_runs WHERE clause = $twice AND (b_rank > 0 OR a_rank > 0)),
surroundings AS (
    SELECT one.*, bool_or(means_else) OVER (PARTITION BY question) AS question_means_else,
        clause = $twice AS asked_twice, {_SURROUNDINGS.format(side="b")} {_SURROUNDINGS.format(side="a")}
        unsteady_cells.cell IS NOT NULL OR unsteady.cell IS NOT NULL AS unsteady,
        coalesce(unsteady.wavers, FALSE) AND b_there AND a_there AS wavers
    FROM moved one
    LEFT JOIN b_regimes USING (cell, regime) LEFT JOIN a_regimes USING (cell, regime)
    LEFT JOIN b_cells USING (cell) LEFT JOIN a_cells USING (cell)
    LEFT JOIN b_functions USING (question) LEFT JOIN a_functions USING (question)
    LEFT JOIN unsteady_cells USING (cell) LEFT JOIN unsteady USING ({_KEY})
)
SELECT CASE WHEN wavers THEN {RANK["unsteady"]} {_CLASS} END AS rank, b_place, a_place
FROM surroundings
ORDER BY rank, rank = {RANK["meaning changed"]} AND a_worst_at = b_worst_at DESC, {_BADNESS} DESC NULLS LAST,
    greatest(a_ulps, b_ulps) DESC NULLS LAST, b_place, a_place
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
    codes = {name: _codes([run.table[name] for run in runs]) for name in NAMES}
    codes["question"] = _codes([_questions(run) for run in runs])
    names = ["baseline", "candidate", *(f"repeat_{number}" for number in range(2 * len(repeats)))]
    with duckdb.connect(config={"threads": 2}) as database:
        for place, (name, run) in enumerate(zip(names, runs, strict=True)):
            database.register(name, _light(run, {column: parts[place] for column, (_, parts) in codes.items()}))
        pairs = [("baseline", "baseline"), *zip(names[2::2], names[3::2], strict=True)]
        found = " UNION ALL ".join(_UNSTEADY.format(one=one, again=again) for one, again in pairs)
        unsteady = f"SELECT {_KEY}, bool_or(wavers) AS wavers FROM ({found}) GROUP BY ALL"  # noqa: S608  likewise
        database.execute(f"CREATE TABLE unsteady AS {unsteady}")
        clauses, adapters = codes["clause"][0], codes["adapter"][0]
        parameters = {
            "twice": clauses.get(SAME_BITS_TWICE, -1),
            "b_whole": [adapters[name] for name in _whole(before, after)],
            "a_whole": [adapters[name] for name in _whole(after, before)],
        }
        return database.sql(_QUERY, params=parameters).to_arrow_table()


def _codes(columns: Sequence[pa.ChunkedArray]) -> tuple[dict[str, int], list[pa.Array]]:
    """Return the number of each distinct word of a column in all runs, and for each run the numbers of its rows."""
    chunks = [chunk for column in columns for chunk in column.chunks]
    encoded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    ends = np.cumsum([len(column) for column in columns])
    parts = [pa.array(part) for part in np.split(encoded.indices.to_numpy(), ends[:-1])]
    return {word: code for code, word in enumerate(encoded.dictionary.to_pylist())}, parts


def _questions(run: Run) -> pa.ChunkedArray:
    """Return for each row which function it asks, with which options: its cells mean the same whatever they measure."""
    return pc.binary_join_element_wise(*(run.table[name] for name in QUESTION), " ")


def _light(run: Run, codes: dict[str, pa.Array]) -> pa.Table:
    """Return what the query reads of a run."""
    read = ("verdict", "accuracy_class", "digest", "ulps", "slack", "reason", "observed", "row", "element")
    columns = {name: run.table[name] for name in read}
    # A stale entry is the ledger's fault: the framework conforms.
    verdict = columns["verdict"]
    verdict = pc.if_else(pc.equal(verdict, "stale"), "conforms", verdict)
    columns["verdict"] = pc.if_else(not_evaluated(run.table), "void", verdict)
    columns["expects_error"] = pc.starts_with(run.table["clause"], "ERR-")
    places = {"on_whole": pc.equal(run.table["op"], ""), "place": pa.array(np.arange(run.table.num_rows))}
    return pa.table({**codes, **columns, **worst_answers(run.table), **places})


def not_evaluated(table: pa.Table) -> pa.ChunkedArray:
    """Return which judgements of a run stand for a call that took too long, or was never made."""
    late = pc.match_substring_regex(table["reason"], _NOT_EVALUATED)
    return pc.or_(pc.equal(table["verdict"], "void"), pc.and_(pc.equal(table["verdict"], "crashed"), late))


def _whole(run: Run, other: Run) -> list[str]:
    """Return the adapters of which everything was judged that the other run may hold: what is missing is not offered.

    That is everything planned, or all of the part that one choice leaves of both.
    """
    is_whole = run.complete or (run.choice and run.choice == other.choice)
    return [str(name) for name in pc.unique(run.table["adapter"]).to_pylist()] if is_whole else []
