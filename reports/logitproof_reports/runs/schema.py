"""The layout of a run: its columns, their version, and the record that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.vocabulary.judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .origin import Origin

SCHEMA_VERSION = 2
"""Number of the layout below, and of the facts beside it; a later release reads the numbers of earlier ones."""

MOST_CHARACTERS = 10_000
"""Longest text whose length a framework determines: its last output, or its error message."""

UNCUT = ("inputs", "series")
"""Columns whose texts are data that cannot be truncated."""

_ARROW_TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
SCHEMA = pa.schema([pa.field(one.name, _ARROW_TYPES[str(one.type)]) for one in fields(Judgement)])
"""Columns of a run: the fields of `Judgement`, in order."""

KEY = ("cell", "regime", "clause")
"""What names a judgement; no two runs to be merged may share one."""


class RunFileError(Exception):
    """A run file cannot be read, written or merged; the message is one line with the remedy."""


@dataclass(frozen=True)
class Run:
    """The judgements of a run, and its environments.

    Attributes
    ----------
    table : pyarrow.Table
        One row per judgement, columns as `SCHEMA`.
    environments : list of dict
        What `describe_environment` returned, with the ``framework`` part; one each environment merged.
    profile : str
        ``quick`` or ``full``.
    case_set : str
        Digest of the inputs; runs compare only where it is equal.
    complete : bool
        Whether everything planned was judged: False after an interruption, and where a part was chosen.
    choice : str
        The options that chose a part (``-k softmax``), where all of that part was judged; else empty.
    origins : tuple of Origin
        When and by which commands the judgements were made; empty in files of earlier releases.
    seconds : dict of str to float
        How long each cell took, by its id: from the end of the one before it in the same evaluator to its own end.
        Cells of which nobody measured it are missing.
    """

    table: pa.Table
    environments: list[dict[str, Any]]
    profile: str
    case_set: str
    complete: bool = True
    origins: tuple[Origin, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    choice: str = ""


def attributed(run: Run) -> list[dict[str, Any]]:
    """Return the environments, each with the ``adapters`` judged in it, as long as that can be told.

    A run of one environment tells by its rows; merged runs had it noted before they were merged.
    """
    if len(run.environments) != 1:
        return run.environments
    return [{**run.environments[0], "adapters": sorted(pc.unique(run.table["adapter"]).to_pylist())}]


def cells_of(table: pa.Table) -> list[str]:
    """Return the ids of a table's cells in the order in which they first occur."""
    return list(dict.fromkeys(cell for chunk in table["cell"].chunks for cell in chunk.unique().to_pylist()))


def framework_of(environment: dict[str, Any]) -> dict[str, Any]:
    """Return an environment's ``framework`` part; empty if it has none."""
    part = environment.get("framework")
    return part if isinstance(part, dict) else {}


def judgements(run: Run) -> Iterator[Judgement]:
    """Yield the judgements of a run."""
    return (Judgement(**record) for record in run.table.to_pylist())


def table_of(judgements: Iterable[Judgement]) -> pa.Table:
    """Return judgements as a table with the columns of `SCHEMA`, texts cut to `MOST_CHARACTERS`."""
    return table_of_records([record_of(judgement) for judgement in judgements])


def record_of(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as a mapping, texts cut to `MOST_CHARACTERS`, which says so."""
    record = dict(vars(judgement))
    for name, value in vars(judgement).items():
        if type(value) is str and len(value) > MOST_CHARACTERS and name not in UNCUT:
            record[name] = f"{value[:MOST_CHARACTERS]} ... ({len(value) - MOST_CHARACTERS:,} more characters)"
    return record


def table_of_records(records: list[dict[str, Any]]) -> pa.Table:
    """Return mappings from field name to value as a table with the columns of `SCHEMA`.

    Raises
    ------
    KeyError
        A record lacks a field.
    pyarrow.ArrowException
        A value has another type than its column.
    """
    columns = {name: [record[name] for record in records] for name in SCHEMA.names}
    try:
        return pa.table(columns, schema=SCHEMA)
    except UnicodeEncodeError:
        # A framework's error text may hold lone surrogates, which UTF-8 cannot spell.
        return pa.table({name: [_spell(value) for value in values] for name, values in columns.items()}, schema=SCHEMA)


def _spell(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def refuse_other_version(path: object, version: object) -> None:
    """Raise `RunFileError` unless `version` is the one this release reads."""
    if str(version) != str(SCHEMA_VERSION):
        raise RunFileError(
            f"{path} has schema version {str(version)[:40]}, this release reads {SCHEMA_VERSION}: "
            "make the run again, or use the release that wrote it"
        )


def repeated_key(tables: list[pa.Table], key: tuple[str, ...]) -> list[str] | None:
    """Return the first key that a later table shares with an earlier one, or None.

    In plain sets: Arrow's kernels would start its thread pool, which aborts an interpreter that ends just then.
    """
    seen: set[tuple[str, ...]] = set()
    for table in tables:
        keys = list(zip(*(table[name].to_pylist() for name in key), strict=True))
        repeated = next((one for one in keys if one in seen), None)
        if repeated is not None:
            return list(repeated)
        seen.update(keys)
    return None
