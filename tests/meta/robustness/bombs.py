"""Small files that claim, or are, gigabytes in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from logitproof_reports.runs.run_file import SCHEMA
from meta.robustness.damaged_runs import sound_run, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from logitproof_reports.runs.run_file import Run


def _written(*tables: pa.Table) -> bytes:
    """Return tables as the row groups of one run file, whose digest is of another run."""
    metadata = pq.read_schema(pa.BufferReader(stored(sound_run()))).metadata
    content = BytesIO()
    with pq.ParquetWriter(content, SCHEMA.with_metadata(metadata), compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.replace_schema_metadata(metadata))
    return content.getvalue()


def _with_texts(name: str, text: str, rows: int) -> pa.Table:
    table = sound_run().table.slice(0, 1)
    columns = {one: pa.repeat(table[one][0], rows) for one in SCHEMA.names}
    columns[name] = pa.repeat(pa.scalar(text), rows)
    return pa.table(columns, schema=SCHEMA)


def many_rows() -> bytes:
    """Return a file of ten million equal judgements, each group of them a few kilobytes."""
    group = _with_texts("reason", "", 100_000)
    return _written(*[group] * 100)


def one_long_text() -> bytes:
    """Return a file with a text of 200 MB."""
    return _written(_with_texts("reason", "a" * 200_000_000, 1))


def dictionary() -> bytes:
    """Return a file with a text of 100 kB that stands in 20,000 rows: 2 GB of text, stored once."""
    long = "a" * 100_000
    columns = {one: pa.repeat(sound_run().table[one][0], 20_000) for one in SCHEMA.names}
    encoded = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), 20_000), pa.array([long]))
    return stored(sound_run(), pa.table({**columns, "reason": encoded}))


def environments() -> bytes:
    """Return a file whose environment has a list of five million numbers."""
    return stored(sound_run(), environments='[{"a": [' + "1," * 5_000_000 + "1]}]")


def columns() -> bytes:
    """Return a file of 5,000 columns beside those of a run."""
    table = sound_run().table.slice(0, 1)
    more = {f"c{i}": pa.array([1]) for i in range(5_000)}
    return stored(sound_run(), pa.table({**{name: table[name] for name in SCHEMA.names}, **more}))


def journal() -> bytes:
    """Return a journal of 40 MB, all in a line."""
    return json.dumps({"schema_version": "a" * 40_000_000}).encode() + b"\n"


BOMBS: dict[str, Callable[[], bytes]] = {
    "many_rows.parquet": many_rows,
    "one_long_text.parquet": one_long_text,
    "dictionary.parquet": dictionary,
    "environments.parquet": environments,
    "columns.parquet": columns,
    "bomb.parquet.journal": journal,
}
"""Files by name."""


def with_values(**values: object) -> Run:
    """Return the sound run with another value in its first judgement."""
    records = sound_run().table.to_pylist()
    records[0].update(values)
    return replace(sound_run(), table=pa.Table.from_pylist(records, schema=SCHEMA))
