"""Run files that are sound Parquet and yet not as they are written: other types, layouts, metadata, numbers, parts."""

from __future__ import annotations

import base64
import json
import math
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from logitproof_reports.runs import run_file
from logitproof_reports.runs.digest import digest_of
from logitproof_reports.runs.schema import SCHEMA
from meta.reports.synthetic_runs import HOSTILE
from meta.robustness.damaged_runs import PARQUET, sound_file, sound_run, stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

TYPES: dict[str, Callable[[pa.ChunkedArray], pa.Array]] = {
    **{
        str(kind): lambda column, kind=kind: column.cast(kind, safe=False)
        for kind in (pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.int8(), pa.uint64())
    },
    **{
        str(kind): lambda column, kind=kind: column.cast(kind, safe=False)
        for kind in (pa.float16(), pa.float32(), pa.float64(), pa.timestamp("ns"), pa.decimal128(38, 3), pa.bool_())
    },
    "dictionary": lambda column: column.dictionary_encode(),
    "dictionary of dictionaries": lambda column: pa.array([None] * len(column), pa.dictionary(pa.int8(), pa.string())),
    "struct": lambda column: pa.StructArray.from_arrays([column.combine_chunks()], ["a"]),
    "map": lambda column: pa.array([[("a", 1)]] * len(column), pa.map_(pa.string(), pa.int64())),
    "fixed lists": lambda column: pa.array([[1, 2]] * len(column), pa.list_(pa.int64(), 2)),
    "fixed bytes": lambda column: pa.array([b"0123"] * len(column), pa.binary(4)),
    "durations": lambda column: pa.array([1] * len(column), pa.duration("s")),
    "UUIDs": lambda column: pa.array([b"0" * 16] * len(column), pa.uuid()),
    "JSON": lambda column: pa.array(['{"a": 1}'] * len(column), pa.json_()),
}
"""What takes the place of a column, by the name of its type."""

LAYOUTS: list[dict[str, Any]] = [
    *({"compression": name} for name in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")),
    *({"row_group_size": size} for size in (1, 3, 1_000_000)),
    *({"data_page_version": version} for version in ("1.0", "2.0")),
    *({"version": version} for version in ("1.0", "2.4", "2.6")),
    *({"write_statistics": False}, {"use_dictionary": False}, {"write_page_index": True}),
    *({"write_page_checksum": True}, {"data_page_size": 1}, {"dictionary_pagesize_limit": 1}),
    *({"write_batch_size": 1},),
    {"use_dictionary": False, "column_encoding": {"row": "DELTA_BINARY_PACKED", "elements": "DELTA_BINARY_PACKED"}},
    {"use_dictionary": False, "column_encoding": {"ulps": "BYTE_STREAM_SPLIT", "cell": "PLAIN"}},
]
"""How the same run may be stored as well."""

FLOATS = (math.nan, math.inf, -0.0, 5e-324, 1.7976931348623157e308, 1e-300, 0.1, 1.0, 1.0 + 2**-52, -5e-324, -math.inf)
INTEGERS = (-(2**63), -2, -1, 0, 1, 2**31, 10**8 - 1, 10**8, 2**62, 2**63 - 1)
TEXTS = (
    *HOSTILE,
    *(
        "",
        " ",
        "\0",
        "\ufeff",
        "\u202e",
        "a" * 49_999,
        "a" * 50_000,
        "a" * 50_001,
        "é" * 25_000,
        "\x1b[2J",
        "-",
        "%s",
        "{}",
    ),
    *(
        "nan",
        "NaN",
        "-nan",
        "inf",
        "0x0p+0",
        "0x1.8p+99999",
        "0x1p-1080",
        "1e-999",
        "1e9999",
        "٣",
        "-0x0.0000000000001p-1022",
    ),
    *('{"logits": []}', '{"regime": "x", "row": 999999999999999999}', '{"logits": ["nan"], "logits": ["inf"]}'),
    *("{}",),
    *(
        "torch",
        "jax",
        "VAL-1",
        f"EXT-{9_999}",
        "typical",
        "conforms",
        "unsupported",
        "stale",
        "hvp",
        "second_gradient",
        "trajectory",
    ),
)


def _stored_as(table: pa.Table, **options: Any) -> bytes:
    """Return the sound run's facts with a table, with a digest where it has one."""
    run = replace(sound_run(), table=table)
    metadata = run_file._metadata_of(sound_run())
    with suppress(Exception):  # a column is none of a run: the digest of the sound one
        metadata = run_file._metadata_of(run)
    content = BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), content, **options)
    return content.getvalue()


@st.composite
def of_types(draw: DrawFn) -> bytes:
    """Return a run file with a column or two of another type."""
    table = sound_run().table
    for name in draw(st.lists(st.sampled_from(SCHEMA.names), min_size=1, max_size=2, unique=True)):
        make = TYPES[draw(st.sampled_from(sorted(TYPES)))]
        try:
            made = make(table[name])
        except (pa.ArrowException, ValueError):
            made = pa.nulls(len(table))
        table = table.set_column(table.column_names.index(name), name, made)
    try:
        return _stored_as(table)
    except pa.ArrowException:  # Parquet has no such type
        return sound_file()


@st.composite
def of_layouts(draw: DrawFn) -> bytes:
    """Return the sound run stored otherwise: columns in another order, further ones beside, other pages and codecs."""
    table = sound_run().table.select(draw(st.permutations(SCHEMA.names)))
    for number in range(draw(st.integers(0, 3))):
        table = table.append_column(f"later {number}", pa.array(range(len(table))))
    options = draw(st.sampled_from(LAYOUTS)) | draw(st.sampled_from(LAYOUTS))
    return (
        _stored_as(table, **options)
        if "column_encoding" not in options
        else _stored_as(table, **{**options, "use_dictionary": False})
    )


@st.composite
def of_numbers(draw: DrawFn) -> bytes:
    """Return a run file whose numbers and texts are at the edges of what they may be."""
    records = sound_run().table.to_pylist()
    for _ in range(draw(st.integers(1, 6))):
        record = records[draw(st.integers(0, len(records) - 1))]
        name = draw(st.sampled_from(SCHEMA.names))
        kind = SCHEMA.field(name).type
        choices = TEXTS if kind == pa.string() else INTEGERS if kind == pa.int64() else FLOATS
        record[name] = draw(st.sampled_from(choices))
    return _stored_as(pa.Table.from_pylist(records, schema=SCHEMA))


@st.composite
def of_sizes(draw: DrawFn) -> bytes:
    """Return a run file with no judgement, one, or many alike; with no environment, or many."""
    run = sound_run()
    table = run.table.slice(0, draw(st.sampled_from((0, 1, len(run.table)))))
    if table.num_rows and draw(st.booleans()):
        times = draw(st.sampled_from((2, 200, 2_000)))
        many = pa.concat_tables([table] * times)
        regimes = pa.array([f"regime {number}" for number in range(len(many))])
        table = many.set_column(SCHEMA.names.index("regime"), "regime", regimes)
    environments = run.environments * draw(st.sampled_from((0, 1, 2, 50)))
    made = [dict(one) for one in environments]
    for one in made[: draw(st.integers(0, 3))]:
        one[draw(st.sampled_from(sorted(one)))] = None
    for one in made[: draw(st.integers(0, 2))]:
        one.pop(draw(st.sampled_from(sorted(one))))
    complete = draw(st.booleans())
    return stored(replace(run, table=table, environments=made, complete=complete))


@st.composite
def of_metadata(draw: DrawFn) -> bytes:
    """Return a run file with facts that are none of ours, ours in another spelling, or Arrow's own schema garbled."""
    metadata = dict(run_file._metadata_of(sound_run()))
    kind = draw(st.sampled_from(("schema", "many", "bytes", "spelled", "swapped", "pandas")))
    if kind == "schema":
        garbled = draw(st.binary(max_size=200) | st.sampled_from((b"", b"\0" * 1_000, base64.b64encode(b"\xff" * 999))))
        metadata[b"ARROW:schema"] = garbled
    elif kind == "many":
        metadata |= {f"logitproof.{number}".encode(): b"x" for number in range(draw(st.sampled_from((100, 50_000))))}
    elif kind == "bytes":
        metadata[draw(st.binary(min_size=1, max_size=20))] = draw(st.binary(max_size=99))
    elif kind == "pandas":
        metadata[b"pandas"] = draw(st.sampled_from((b"{", b"[]", b'{"index_columns": ["cell"], "columns": 5}')))
    else:
        ours = sorted(metadata)
        one, other = draw(st.sampled_from(ours)), draw(st.sampled_from(ours))
        metadata[one] = metadata[other] if kind == "swapped" else b" " + metadata[one].upper()
    content = BytesIO()
    pq.write_table(sound_run().table.replace_schema_metadata(metadata), content)
    return content.getvalue()


@st.composite
def of_splices(draw: DrawFn) -> bytes:
    """Return parts of two files in one: pages of the one, the footer of the other; or a length that lies."""
    one, other = sound_file(), draw(of_layouts())
    sizes = [int.from_bytes(content[-8:-4], "little") for content in (one, other)]
    kind = draw(st.sampled_from(("footer", "pages", "length", "twice", "magic", "moved")))
    if kind == "footer":
        return one[: -8 - sizes[0]] + other[-8 - sizes[1] :]
    if kind == "pages":
        return other[: -8 - sizes[1]] + one[-8 - sizes[0] :]
    if kind == "length":
        lie = draw(st.sampled_from((0, 1, sizes[0] - 1, sizes[0] + 1, 2**31 - 1, 2**32 - 1)))
        return one[:-8] + lie.to_bytes(4, "little") + one[-4:]
    if kind == "twice":
        return one + other
    if kind == "magic":
        return draw(
            st.sampled_from((b"PAR1", b"PAR1PAR1", b"PARE" + one[4:-4] + b"PARE", b"PAR1" + bytes(100) + b"PAR1"))
        )
    place = draw(st.integers(4, len(one) - 9))
    return one[:place] + bytes(draw(st.integers(1, 9))) + one[place:]


@st.composite
def of_environments(draw: DrawFn) -> bytes:
    """Return a run file whose environment has an odd value somewhere in its depth, found by walking it."""
    environment = json.loads(json.dumps(sound_run().environments[0]))
    odd = st.sampled_from((None, 0, -1, 1e999, "", "\0", [], {}, [[]], {"": ""}, True, "x" * 100_000, 2**70, "\ud800"))
    place: Any = environment
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
            place = place[key]
            continue
        place[key] = draw(odd)
        break
    return stored(replace(sound_run(), environments=[environment]))


KINDS: dict[str, tuple[str, SearchStrategy[bytes]]] = {
    "types": (PARQUET, of_types()),
    "layouts": (PARQUET, of_layouts()),
    "numbers": (PARQUET, of_numbers()),
    "sizes": (PARQUET, of_sizes()),
    "metadata": (PARQUET, of_metadata()),
    "splices": (PARQUET, of_splices()),
    "environments": (PARQUET, of_environments()),
}
"""What each kind of alteration makes, as `damaged_runs.KINDS` has it."""

SAME = {"layouts"}
"""Those whose file is the sound run, whatever is different of it."""

SAME_OR_REFUSED = {"bytes", "splices", "metadata", "journal bytes"}
"""Those whose file is the sound run, or a beginning of it, where it is read at all."""


def unlike(kind: str, path: Any) -> str:
    """Return how a file that is read is another run than the sound one, of a kind that may not be; empty where not."""
    if kind not in SAME | SAME_OR_REFUSED:
        return ""
    try:
        found = run_file.read_run(path)
    except run_file.RunFileError as error:
        return f"refused: {error}" if kind in SAME else ""
    if str(path).endswith(".journal"):
        rows = [*map(repr, found.table.to_pylist())]
        return "" if rows == [*map(repr, sound_run().table.to_pylist())][: len(rows)] else "other judgements"
    return "" if digest_of(found) == digest_of(sound_run()) else "another run"
