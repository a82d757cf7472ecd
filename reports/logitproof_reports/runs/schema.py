"""The layout of a run: its columns, their version, and the record that holds them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logitproof_reference.vocabulary.judgement import VERDICTS, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_VERSION = 2
"""Number of the layout below; another number means: make the run again."""

_ARROW_TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
SCHEMA = pa.schema([pa.field(field.name, _ARROW_TYPES[str(field.type)]) for field in fields(Judgement)])
"""Columns of a run: the fields of `Judgement`, in order."""


class RunFileError(Exception):
    """A run file cannot be read, written or merged; the message is one line with the remedy."""


@dataclass(frozen=True)
class Run:
    """What was judged, and where.

    Attributes
    ----------
    table : pyarrow.Table
        One row a judgement, columns as `SCHEMA`.
    environments : list of dict
        What `describe_environment` returned, with the ``framework`` part; one each environment merged.
    profile : str
        ``quick`` or ``full``.
    case_set : str
        Digest of the inputs; runs compare only where it is equal.
    complete : bool
        False where the run was interrupted.
    """

    table: pa.Table
    environments: list[dict[str, Any]]
    profile: str
    case_set: str
    complete: bool = True


def attributed(run: Run) -> list[dict[str, Any]]:
    """Return the environments, each with the ``adapters`` judged in it, as long as that can be told.

    A run of one environment tells by its rows; merged runs had it noted before they were merged.
    """
    if len(run.environments) != 1:
        return run.environments
    return [{**run.environments[0], "adapters": sorted(pc.unique(run.table["adapter"]).to_pylist())}]


def framework_of(environment: dict[str, Any]) -> dict[str, Any]:
    """Return an environment's ``framework`` part; empty where it has none."""
    part = environment.get("framework")
    return part if isinstance(part, dict) else {}


def table_of(judgements: Iterable[Judgement]) -> pa.Table:
    """Return judgements as a table with the columns of `SCHEMA`."""
    return table_of_records([vars(judgement) for judgement in judgements])


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
            f"{path} has schema version {version}, this release reads {SCHEMA_VERSION}: "
            "make the run again, or use the release that wrote it"
        )


def conform(path: object, table: pa.Table) -> pa.Table:
    """Return the columns of `SCHEMA`, in order; what else a table holds is left out.

    Raises
    ------
    RunFileError
        A column is missing, of another type, or holds nulls.
    """
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise RunFileError(f"{path} lacks the columns {', '.join(missing)}: make the run again")
    try:
        chosen = table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, ValueError) as error:
        raise RunFileError(f"{path} holds a column of another type ({_one_line(error)}): make the run again") from error
    holed = [name for name in SCHEMA.names if chosen[name].null_count]
    if holed:
        raise RunFileError(f"{path} holds nulls in {', '.join(holed)}: make the run again")
    unknown = sorted(set(pc.unique(chosen["verdict"]).to_pylist()) - set(VERDICTS))
    if unknown:
        known = ", ".join(VERDICTS)
        raise RunFileError(f'{path} holds the verdict "{unknown[0]}", known are {known}: make the run again')
    return chosen


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


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
