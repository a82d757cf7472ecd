"""A run's table from the bytes of a Parquet file, within a memory budget whatever the file claims.

Texts are read as they are stored, each once, and their length is known before any column is spelled out: a page of a
few bytes may stand for gigabytes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .schema import SCHEMA, RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_COLUMNS = 200
_LEAST_BYTES = 64_000_000
_RATIO = 40
"""A table may take this many bytes in memory, and this many times the file's; the most that a run took is 17 times."""

_BYTES_A_ROW = sum(4 if pa.types.is_string(field.type) else 8 for field in SCHEMA)
_TEXTS = [field.name for field in SCHEMA if pa.types.is_string(field.type)]
_UNREAD = {"DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"}
"""Encodings of texts that Arrow does not read as they are stored; Parquet's writers use them on demand."""

_THRIFT_BYTES = 8_000_000
_THRIFT_ITEMS = 100_000
"""Longest text and longest list in a file's metadata: the environments, and the same again in base64."""

Facts = dict[bytes, bytes]


class Opened:
    """A Parquet file in memory whose claims fit the budget; the table is not read yet.

    Parameters
    ----------
    path : object
        For messages.
    content : bytes
        The file.

    Raises
    ------
    RunFileError
        It is no Parquet, is damaged, or claims more than its size allows.
    """

    def __init__(self, path: object, content: bytes) -> None:
        self._path = path
        self._budget = _LEAST_BYTES + _RATIO * len(content)
        self._content = content
        with _damage_in_one_line(path):
            opened = self._open()
            self.facts: Facts = dict(opened.metadata.metadata or {})
            self._refuse_bombs(opened.metadata)

    def _open(self, texts: Sequence[str] = ()) -> pq.ParquetFile:
        """Open the file, these columns of it as dictionaries.

        From memory, not through a Python file, and without Arrow's threads: they let go of their objects when they
        like, and a thread that does so while the interpreter ends aborts the process.
        """
        return pq.ParquetFile(
            pa.BufferReader(self._content),
            read_dictionary=list(texts),
            thrift_string_size_limit=_THRIFT_BYTES,
            thrift_container_size_limit=_THRIFT_ITEMS,
            page_checksum_verification=True,
            pre_buffer=False,
        )

    def _refuse_bombs(self, metadata: pq.FileMetaData) -> None:
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        if metadata.num_columns > MOST_COLUMNS:
            raise RunFileError(f"{self._path} has {metadata.num_columns:,} columns: it is not a run file")
        if sum(group.num_rows for group in groups) != metadata.num_rows or metadata.num_rows < 0:
            raise RunFileError(f"{self._path} is truncated or damaged: copy it again, or make the run again")
        chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
        delta = {chunk.path_in_schema for chunk in chunks if _UNREAD.intersection(chunk.encodings)} & set(_TEXTS)
        if delta:
            raise RunFileError(f"{self._path} stores {min(delta)} as differences, which are not read: store it plainly")
        self._refuse_more(metadata.num_rows * _BYTES_A_ROW)
        self._refuse_more(sum(max(0, chunk.total_uncompressed_size) for chunk in chunks))

    def _refuse_more(self, size: int) -> None:
        if size > self._budget:
            raise RunFileError(
                f"{self._path} takes {size / 1e6:,.0f} MB in memory, out of proportion: it is not a run file"
            )

    def table(self) -> pa.Table:
        """Return the columns of `SCHEMA`, in order, texts dictionary-encoded; what else the file holds is left out.

        Raises
        ------
        RunFileError
            A column is missing, there twice, of another type, or holds nulls; or the table would not fit the budget.
        """
        with _damage_in_one_line(self._path):
            self._refuse_other_columns(self._open().schema_arrow)
            table = self._open(_TEXTS).read(columns=SCHEMA.names, use_threads=False).select(SCHEMA.names)
            table.validate()
            holed = [name for name in SCHEMA.names if table[name].null_count]
            if holed:
                raise RunFileError(f"{self._path} holds nulls in {', '.join(holed)}: make the run again")
            self._refuse_more(sum(map(_spelled_bytes, (table[name] for name in _TEXTS))))
            return table

    def _refuse_other_columns(self, schema: pa.Schema) -> None:
        missing = [name for name in SCHEMA.names if name not in schema.names]
        if missing:
            raise RunFileError(f"{self._path} lacks the columns {', '.join(missing)}: make the run again")
        for field in SCHEMA:
            found = [one.type for one in schema if one.name == field.name]
            types = [one.value_type if pa.types.is_dictionary(one) else one for one in found]
            if types != [field.type]:
                told = ", ".join(map(str, types))[:60]
                raise RunFileError(
                    f"{self._path} holds a column of another type ({field.name}: {told}): make the run again"
                )


def spelled_out(table: pa.Table) -> pa.Table:
    """Return a table with the columns of `SCHEMA` whose texts are dictionary-encoded, with plain texts."""
    return table.cast(SCHEMA).replace_schema_metadata()


def _spelled_bytes(column: pa.ChunkedArray) -> int:
    """Return the bytes of all texts of a dictionary-encoded column, repeated ones counted each time."""
    lengths = (pc.take(pc.binary_length(chunk.dictionary), chunk.indices) for chunk in column.chunks)
    return sum(pc.sum(pc.cast(one, pa.int64())).as_py() or 0 for one in lengths)


@contextmanager
def _damage_in_one_line(path: object) -> Iterator[None]:
    """Turn what Arrow raises of a damaged file into one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError, OverflowError) as error:
        raise RunFileError(f"{path} is truncated or damaged: copy it again, or make the run again") from error
